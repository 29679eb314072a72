"""rewardsmith writes reward functions, proves how good they are, and keeps them from getting worse."""

__version__ = "0.1.0"
