"""A person at the terminal: shown what the next generation improves on, and asked what was seen."""

from __future__ import annotations

import asyncio
import os
import select
import stat
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from rewardsmith.errors import UsageError

if TYPE_CHECKING:
    from rewardsmith.domain.watching import Impression
    from rewardsmith.search.watching import Showing, Shown

_BARS = "▁▂▃▄▅▆▇█"
_WAIT_S = 0.1
_AT_ONCE = 65536
_BETTER = {"1": 1, "2": 2}


def find_person(aside: Callable[[], AbstractContextManager[None]]) -> Person:
    """Whoever answers on standard input: a terminal, or lines from a pipe or a file.

    Args:
        aside: Keeps the display away while a question stands.

    Raises:
        UsageError: Nobody does.
    """
    try:
        number = sys.stdin.fileno()
        nobody = not os.isatty(number) and stat.S_ISCHR(os.fstat(number).st_mode)
    except (OSError, ValueError, AttributeError):
        number, nobody = -1, True
    if nobody:
        raise UsageError(
            "nobody is there to be asked: standard input is neither a terminal nor holds any lines",
            hint="start it in a terminal, pipe the answers in line by line, or let a vision model watch: --watcher",
        )
    return Person(number, aside)


class Person:
    """Asks on standard error, reads lines; see `Watcher`. The end of the input (Ctrl-D) answers nothing."""

    who = "person"

    def __init__(self, descriptor: int, aside: Callable[[], AbstractContextManager[None]]) -> None:
        self._descriptor = descriptor
        self._aside = aside
        self._read = b""

    async def watch(self, showing: Showing) -> Impression:
        """Show score, curve and video of one candidate or of two, then ask."""
        from rewardsmith.domain.watching import Impression

        with self._aside():
            _say(f"\nGeneration {showing.generation} has ended. What the next one is to improve on:")
            for shown in showing.shown:
                _say("\n".join(_told(shown)))
            better = 0
            if len(showing.shown) > 1:
                names = [shown.turn.candidate.id for shown in showing.shown]
                answer = await self._ask(f"Which is better, 1 ({names[0]}) or 2 ({names[1]})?")
                better = _BETTER.get(answer, 0)
                if answer and not better:
                    _say(f"  {answer!r} is neither 1 nor 2: no preference")
            saw = await self._ask("What did you see?")
            return Impression(better=better, saw=saw, change=await self._ask("What is to change?"))

    async def _ask(self, question: str) -> str:
        """One line; empty at the end of the input."""
        print(f"{question} (empty: nothing to say) > ", end="", file=sys.stderr, flush=True)
        while b"\n" not in self._read:
            if not select.select([self._descriptor], [], [], 0)[0]:
                await asyncio.sleep(_WAIT_S)
                continue
            data = os.read(self._descriptor, _AT_ONCE)
            if not data:
                break
            self._read += data
        line, ended, self._read = self._read.partition(b"\n")
        answer = line.decode(errors="replace").strip()
        if not ended or not os.isatty(self._descriptor):
            _say(answer)
        return answer


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _told(shown: Shown) -> list[str]:
    from rewardsmith.reports.words import count, score

    turn, report = shown.turn, shown.turn.report
    lines = [f"  {turn.candidate.id}: score {score(turn.score)}"]
    if report and report.rungs:
        means = [rung.mean for rung in report.rungs]
        steps = f"{count(report.steps)} steps"
        lines.append(f"    curve  {_bars(means)}  from {score(means[0])} to {score(means[-1])} over {steps}")
    if shown.video is not None and shown.footage is not None:
        lines.append(f"    video  {shown.video} (and .gif): {shown.footage.film.told}")
    elif shown.fault is not None:
        lines.append(f"    no video: {shown.fault.message}; {shown.fault.hint}")
    lines += [f"    Warning: {warning.sentence}" for warning in turn.warnings]
    return lines


def _bars(values: list[float]) -> str:
    """A curve in blocks, from the lowest value to the highest."""
    low, high = min(values), max(values)
    if high == low:
        return _BARS[0] * len(values)
    return "".join(_BARS[round((value - low) / (high - low) * (len(_BARS) - 1))] for value in values)
