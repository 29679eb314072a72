from __future__ import annotations

import pytest

from rewardsmith.domain.sandbox import SandboxSpec
from rewardsmith.errors import UnknownName
from rewardsmith.executors.local import LocalExecutor
from rewardsmith.executors.registry import open_executor

SANDBOX = SandboxSpec(name="process", kind="process")


def test_the_local_one_comes_by_name():
    executor = open_executor("local", 3, SANDBOX)
    assert isinstance(executor, LocalExecutor)
    assert executor.slots == 3


def test_near_misses_are_listed():
    with pytest.raises(UnknownName, match="did you mean 'local'"):
        open_executor("lokal", 1, SANDBOX)
