"""Which seeds a training, its rungs and its held-out episodes use; the three sets never meet."""

from __future__ import annotations

import numpy as np

__all__ = ["held_out_seeds", "rung_seed"]

_RUNG_EPISODES = 1 << 30
_FINAL_EPISODES = 3 << 29


def rung_seed(seed: int, rung: int) -> int:
    """Seed of every generator of one rung of one training: below 2**30 less the number of environments."""
    return int(np.random.SeedSequence([seed % (1 << 63), rung]).generate_state(1)[0]) % ((1 << 30) - 4096)


def held_out_seeds(episodes: int, *, final: bool) -> tuple[int, ...]:
    """Reset seeds of the held-out episodes: the same for every candidate and rung, and none that a training uses.

    Args:
        episodes: How many.
        final: The third set, for the confirmation, instead of the second, for the search.
    """
    first = _FINAL_EPISODES if final else _RUNG_EPISODES
    return tuple(range(first, first + episodes))
