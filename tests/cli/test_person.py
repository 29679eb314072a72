from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any

import pytest

from rewardsmith.cli.person import Person, _bars
from rewardsmith.domain.watching import Impression


def showing(*names: str) -> Any:
    """What is shown of candidates that were never filmed."""
    turns = [SimpleNamespace(candidate=SimpleNamespace(id=n), score=0.5, report=None, warnings=()) for n in names]
    fault = SimpleNamespace(message="nothing here can draw", hint="apt-get install libegl1")
    shown = [SimpleNamespace(turn=turn, video=None, footage=None, fault=fault) for turn in turns]
    return SimpleNamespace(generation=1, shown=tuple(shown))


def answers(typed: bytes, *asked: Any) -> list[Impression]:
    ours, theirs = os.pipe()
    os.write(theirs, typed)
    os.close(theirs)
    person = Person(ours, nullcontext)

    async def watch() -> list[Impression]:
        return [await person.watch(each) for each in asked]

    try:
        return asyncio.run(watch())
    finally:
        os.close(ours)


def test_lines_are_answers_and_the_end_of_the_input_skips(capsys: pytest.CaptureFixture[str]) -> None:
    pair, single = showing("g1c00", "g1c01"), showing("g2c00")
    found = answers("2\nIt hops, ä.\n\nIt \xff stands.".encode("latin-1"), pair, single, single)
    assert found[0] == Impression(better=2, saw="It hops, \ufffd.")
    assert found[1] == Impression(saw="It \ufffd stands.")
    assert found[2] == Impression()
    told = capsys.readouterr().err
    assert "1 (g1c00) or 2 (g1c01)" in told
    assert "apt-get install libegl1" in told
    assert answers(b"same\n\nStep.\n", pair) == [Impression(change="Step.")]
    assert "'same' is neither 1 nor 2: no preference" in (told := capsys.readouterr().err)
    assert "change? (empty: nothing to say) > Step.\n" in told, "a pipe's answers stand where somebody would have typed"


def test_a_curve_is_drawn_from_its_lowest_value_to_its_highest() -> None:
    assert _bars([0.0, 1.0, 0.5]) == "▁█▅"
    assert _bars([2.0, 2.0]) == "▁▁"


def test_where_nobody_is_there_it_says_so_before_anything_else() -> None:
    command = [sys.executable, "-m", "rewardsmith", "evolve", "--env", "inverted_pendulum", "--human"]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=500, check=False)
    assert done.returncode == 2
    assert "nobody is there to be asked" in done.stderr
    assert "surveying" not in done.stderr


def test_a_person_and_a_model_do_not_watch_at_once(say: Callable[..., Any]) -> None:
    said = say("evolve", "--env", "inverted_pendulum", "--human", "--watcher", "litellm:openai/gpt-4o")
    assert said.code == 2
    assert "exclude each other" in said.err
