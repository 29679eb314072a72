"""From the worlds to the buffer: takes what was recorded, asks for its rewards, keeps the statistics."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from rewardsmith.worker.backends.worlds import Worlds
from rewardsmith.worker.normalisation import RewardNormaliser
from rewardsmith.worker.rewards import RewardSource
from rewardsmith.worker.statistics import TrainingStatistics

__all__ = ["RewardFeed"]


class RewardFeed:
    """Hands out the rewards of everything stepped since the last call.

    Args:
        worlds: Where it was recorded.
        source: What is paid.
        statistics: Takes in every raw reward.
        normaliser: Scales rewards; None where the task wants them raw.
    """

    def __init__(
        self,
        worlds: Worlds,
        source: RewardSource,
        statistics: TrainingStatistics,
        normaliser: RewardNormaliser | None,
    ) -> None:
        self._worlds = worlds
        self._source = source
        self._statistics = statistics
        self.normaliser = normaliser

    @property
    def capacity(self) -> int:
        """Steps after which it must be drawn from."""
        return self._worlds.capacity

    def draw(self) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Raw and normalised rewards, (T, N) each.

        Raises:
            RewardFailed: the reward broke its contract.
        """
        recording = self._worlds.take()
        answer = self._source.ask(recording, stream="train")
        self._statistics.add(recording, answer)
        if self.normaliser is None:
            return answer.total, answer.total
        return answer.total, self.normaliser.update(answer.total, recording.ends)

    def restart(self) -> None:
        """Every world is about to be reset."""
        self._statistics.restart()
        if self.normaliser is not None:
            self.normaliser.restart()
