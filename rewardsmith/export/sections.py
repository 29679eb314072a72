"""The sections of an exported file; read where no simulator is."""

from __future__ import annotations

REWARD, SIGNALS = "# ---- the reward", "# ---- where its signals are found"
"""Headings of the reward, and of what stands behind it."""


def reward_in(text: str) -> str:
    """The reward of a file that `render` wrote; all of any other text."""
    inside = text.partition(f"\n{REWARD}\n")[2].rpartition(f"\n{SIGNALS}\n")[0]
    return inside.strip("\n") + "\n" if inside else text
