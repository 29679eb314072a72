"""The parser among threads."""

from __future__ import annotations

import gc
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from rewardsmith import syntax
from rewardsmith.syntax import syntax_tree

SOURCE = Path(syntax.__file__).with_name("app.py").read_text()


class Litter:
    """Rubbish that runs Python when it is collected, which lets other threads go on in the midst of a tree."""

    def __init__(self) -> None:
        self.me = self

    def __del__(self) -> None:
        sum(range(100))


@pytest.fixture
def restless() -> Iterator[None]:
    """Threads that take turns all the time."""
    before, most = sys.getswitchinterval(), gc.get_threshold()
    sys.setswitchinterval(1e-6)
    gc.set_threshold(50, 2, 2)
    yield
    sys.setswitchinterval(before)
    gc.set_threshold(*most)


@pytest.mark.usefixtures("restless")
def test_many_threads_may_parse():
    faults: list[SystemError] = []

    def work() -> None:
        for _ in range(20):
            for _ in range(20):
                Litter()
            try:
                syntax_tree(SOURCE)
            except SystemError as fault:
                faults.append(fault)

    threads = [threading.Thread(target=work) for _ in range(6)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert faults == []


def test_what_is_no_source_is_refused_and_the_next_is_read():
    for wrong in ("def", "\0", "(" * 10_000):
        with pytest.raises((SyntaxError, ValueError, RecursionError, MemoryError)):
            syntax_tree(wrong)
    assert syntax_tree("x = 1").body
