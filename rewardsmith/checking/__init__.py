"""Kept rewards: locked with what they were, and checked against it tier by tier."""
