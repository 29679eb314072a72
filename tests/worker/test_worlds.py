from __future__ import annotations

from types import MappingProxyType

from rewardsmith.worker.backends.opening import open_worlds
from rewardsmith.worker.backends.worlds import Worlds

from .conftest import SIGNALS, make_task
from .worlds import STEPS, WorldsConformance


class TestEnvironments(WorldsConformance):
    signals = MappingProxyType({signal.name: signal for signal in SIGNALS["Pendulum-v1"]})

    def open(self) -> Worlds:
        return open_worlds(make_task(horizon=STEPS // 2), self.count)
