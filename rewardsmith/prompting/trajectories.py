"""Recorded episodes as text: tables of the signals that matter around the end, and how often it came early.

Which columns matter is told by what changed. An entry of a signal counts as far as its mean over the last steps of the
failed episodes lies from its mean over the best episode, in standard deviations over all that is shown (without a best
one: from the steps before). What the reward reads goes first, up to half of the columns: of each of its signals the
entry that changed most, then the second, and so on. Of the other signals that entry alone is shown, as long as there
is room. An entry that a chosen one already tells (correlation above 0.95) is left out, and so are `terminated`, and,
unless the reward reads them, actions and vectors of more than 16 entries.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from statistics import median
from typing import Any

import numpy as np
import numpy.typing as npt

from rewardsmith.domain.analysis import Analysis
from rewardsmith.domain.report import Report, Rung
from rewardsmith.domain.survey import Signal, Survey
from rewardsmith.prompting.signals import number
from rewardsmith.prompting.templates import plain

MOST_COLUMNS = 8
LONGEST = 16
"""Entries of a vector that are looked at one by one."""
TOLD = 0.95
"""Correlation above which one entry tells what another does."""

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Episode:
    """One recorded episode."""

    arrays: Mapping[str, npt.NDArray[np.generic]]
    """By signal, shape (steps, ...)."""
    score: float
    trained: int
    """Training steps behind the agent that played it."""
    best: bool = False
    """Whether it is the best one that was recorded, and no failed one."""

    @property
    def length(self) -> int:
        """Steps."""
        return len(self.arrays["terminated"])

    @property
    def ended(self) -> bool:
        """Whether it ended by itself."""
        return bool(self.arrays["terminated"][-1])


@dataclass(frozen=True)
class Table:
    """The rows that are shown of one episode."""

    title: str
    text: str


@dataclass(frozen=True)
class Trajectories:
    """What a trajectory analyser is shown."""

    statistics: tuple[str, ...]
    """Sentences about all scored episodes."""
    columns: tuple[str, ...]
    """What each column means."""
    tables: tuple[Table, ...]
    rows: Mapping[tuple[int, int], str]
    """What is shown of a step, by number of the episode, from 1, and step, from 0."""


@dataclass(frozen=True)
class _Column:
    """One entry of a signal."""

    signal: Signal
    index: tuple[int, ...]
    name: str
    change: float
    values: tuple[FloatArray, ...]
    """In each episode."""


def trajectories(
    report: Report, survey: Survey, episodes: Sequence[Episode], reads: Collection[str], *, rows: int
) -> Trajectories:
    """What there is to see in some episodes of one training.

    Args:
        report: What the training gave.
        survey: The signals.
        episodes: Those to show, each with at least one step; at least one is not the best.
        reads: Signals that its reward reads, `prev_` forms among them.
        rows: Steps to show of each.
    """
    columns = _columns(survey, episodes, {survey.signal(name).name for name in reads}, rows)
    tables, shown = [], {}
    for i, episode in enumerate(episodes):
        steps = shown_steps(episode.length, rows)
        cells = [[number(float(column.values[i][step])) for column in columns] for step in steps]
        tables.append(Table(_title(i + 1, episode, survey), _aligned(["step", *_names(columns)], steps, cells)))
        for step, row in zip(steps, cells, strict=True):
            pairs = zip(_names(columns), row, strict=True)
            shown[i + 1, step] = ", ".join(f"{name} {value}" for name, value in pairs)
    return Trajectories(
        statistics=tuple(_statistics(report, survey)),
        columns=tuple(_meaning(column) for column in columns),
        tables=tuple(tables),
        rows=shown,
    )


def analysed(analysis: Analysis | None) -> dict[str, Any] | None:
    """What a template is told of an analysis; None where there is nothing to tell."""
    if analysis is None or analysis.without:
        return None
    finding = analysis.finding
    evidence = finding.evidence if finding else ()
    return {
        "cause": finding.cause if finding else "",
        "suggestion": finding.suggestion if finding else "",
        "evidence": tuple(f"episode {each.episode}, step {each.step}: {each.shown}" for each in evidence),
        "text": analysis.text,
    }


def shown_steps(length: int, rows: int) -> tuple[int, ...]:
    """The steps of an episode that are shown: the first half evenly spaced, the rest its last ones."""
    if length <= rows:
        return tuple(range(length))
    last = rows - rows // 2
    spaced = np.linspace(0, length - last, rows // 2, endpoint=False).astype(int)
    return (*spaced.tolist(), *range(length - last, length))


def _columns(survey: Survey, episodes: Sequence[Episode], reads: set[str], rows: int) -> list[_Column]:
    found = sorted(_entries(survey, episodes, reads, rows), key=lambda column: -column.change)
    seen: Counter[str] = Counter()
    ranked: list[tuple[int, _Column]] = []
    for column in found:
        ranked.append((seen[column.signal.name], column))
        seen[column.signal.name] += 1
    own = [column for _, column in sorted(ranked, key=itemgetter(0)) if column.signal.name in reads]
    others = [column for rank, column in ranked if rank == 0 and column.signal.name not in reads]
    chosen: list[_Column] = []
    for columns, most in ((own, MOST_COLUMNS // 2), (others, MOST_COLUMNS)):
        for column in columns:
            if len(chosen) < most and not _told(column, chosen):
                chosen.append(column)
    return chosen


def _entries(survey: Survey, episodes: Sequence[Episode], reads: set[str], rows: int) -> Iterator[_Column]:
    """Every entry that may be a column and ever changes."""
    for signal in survey.signals:
        size = int(np.prod(signal.shape))
        if signal.name == "terminated" or (signal.name not in reads and (signal.name == "action" or size > LONGEST)):
            continue
        for index in np.ndindex(*signal.shape):
            values = tuple(e.arrays[signal.name][(slice(None), *index)].astype(np.float64) for e in episodes)
            spread = float(np.concatenate(values).std())
            if spread > 1e-9:
                name = signal.name + (f"[{', '.join(map(str, index))}]" if index else "")
                yield _Column(signal, index, name, _change(values, episodes, rows) / spread, values)


def _change(values: Sequence[FloatArray], episodes: Sequence[Episode], rows: int) -> float:
    last = rows - rows // 2
    failed = [each for each, episode in zip(values, episodes, strict=True) if not episode.best]
    best = [each for each, episode in zip(values, episodes, strict=True) if episode.best]
    before = best or [each[:-last] for each in failed if len(each) > last] or failed
    return float(abs(np.concatenate([each[-last:] for each in failed]).mean() - np.concatenate(before).mean()))


def _told(column: _Column, chosen: Sequence[_Column]) -> bool:
    mine = np.concatenate(column.values)
    return any(abs(np.corrcoef(mine, np.concatenate(other.values))[0, 1]) > TOLD for other in chosen)


def _names(columns: Sequence[_Column]) -> list[str]:
    return [column.name for column in columns]


def _meaning(column: _Column) -> str:
    unit = f" [{column.signal.unit}]" if column.signal.unit else ""
    entry = f", entry {', '.join(map(str, column.index))}" if column.index else ""
    return plain(f"{column.name}: {column.signal.meaning}{entry}{unit}")


def _title(place: int, episode: Episode, survey: Survey) -> str:
    early = episode.ended and episode.length < survey.horizon
    what = "the best one" if episode.best else "ended early" if early else "a low score"
    end = f"ended by itself after {episode.length}" if early else f"went on for all {episode.length}"
    after = f"played after {episode.trained:,} steps of training"
    return f"Episode {place} ({what}): {end} of at most {survey.horizon} steps, score {number(episode.score)}; {after}."


def _statistics(report: Report, survey: Survey) -> Iterator[str]:
    last = report.rungs[-1] if report.rungs else None
    best = None if report.best_rung is None else report.rungs[report.best_rung]
    if best is not None and best is not last:
        yield f"At its best, after {best.steps:,} steps: {_rung(best, survey)}"
    if last is not None:
        yield f"At the end, after {last.steps:,} steps: {_rung(last, survey)}"
    yield f"Random actions score {number(survey.random_score())}."


def _rung(rung: Rung, survey: Survey) -> str:
    early = [length for length in rung.lengths if length < survey.horizon]
    when = f", after {min(early)} to {max(early)} steps, half of them by step {median(early):g}" if early else ""
    spread = f" ({number(min(rung.scores))} to {number(max(rung.scores))})" if rung.scores else ""
    ended = f"{len(early)} of {len(rung.lengths)} scored episodes ended before step {survey.horizon}{when}"
    return f"mean score {number(rung.mean)}{spread}; {ended}."


def _aligned(header: Sequence[str], steps: Sequence[int], cells: Sequence[Sequence[str]]) -> str:
    lines = [list(header), *([str(step), *row] for step, row in zip(steps, cells, strict=True))]
    widths = [max(len(line[i]) for line in lines) for i in range(len(header))]
    return "\n".join("  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True)) for line in lines)
