"""Motions as rewards: the reward API of a robot, programs of its calls, and the rewards that they come to."""
