"""Rewards of other tasks that a prompt shows as examples: which there are, and which are nearest."""
