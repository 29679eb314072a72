"""The winner's score beside everything that it should beat."""

from __future__ import annotations

from rewardsmith.domain.result import Interval, RunResult
from rewardsmith.reports.words import ABSENT, counted, interval, score, table


def score_table(result: RunResult, *, sparse_kind: str | None = None, markdown: bool = False) -> str:
    """One line each: confirmed, search maximum, random, stock reward (`human`), sparse.

    Args:
        result: The run's result.
        sparse_kind: `rule` or `terminal`, as the survey says, where it is known.
        markdown: Whether the table is Markdown.
    """
    rows: list[list[str]] = []
    if result.best is not None:
        confirmed = result.best.score
        basis = "not confirmed yet"
        if confirmed is not None:
            basis = f"{counted(confirmed.n, 'seed')} that the search never saw"
        if result.best.failed_seeds:
            basis += f"; its training failed on {result.best.failed_seeds} more"
        rows.append([f"{result.best.candidate}, confirmed", interval(confirmed), basis])
        rows.append(["search maximum", score(result.best.search_max), "best of many on one seed: too high"])
    sparse_note = {"rule": "the task's own sparse reward", "terminal": "the score paid at the episode's end"}
    for name, found, what in (
        ("random", result.baselines.random, "random actions"),
        ("human", result.baselines.human, "the environment's own reward"),
        ("sparse", result.baselines.sparse, sparse_note.get(sparse_kind or "", "the score paid as a reward")),
    ):
        rows.append([name, interval(found), f"{what}, {_basis(name, found)}" if found else "not trained"])
    return table(["", "score", "what it is"], rows, markdown=markdown)


def _basis(name: str, found: Interval) -> str:
    return counted(found.n, "episode" if name == "random" else "seed")


def beats(result: RunResult) -> str:
    """What the confirmed mean beats, in a sentence.

    It says when an interval overlaps and when one side has no interval, being one seed; and it names what was not
    beaten.
    """
    if result.best is None or result.best.score is None:
        return ""
    best = result.best.score
    clear, overlap, single, lost = [], [], [], []
    for name, found in (
        ("random", result.baselines.random),
        ("human", result.baselines.human),
        ("sparse", result.baselines.sparse),
    ):
        if found is None:
            continue
        if best.mean <= found.mean:
            lost.append(name)
        elif best.low is None or found.high is None:
            single.append(name)
        elif best.low > found.high:
            clear.append(name)
        else:
            overlap.append(name)
    said = []
    if clear:
        said.append(f"beats {' and '.join(clear)} with intervals apart")
    if overlap:
        said.append(f"is above {' and '.join(overlap)}, but the intervals overlap")
    if single and best.low is None:
        said.append(f"is above {' and '.join(single)}, but was confirmed on one seed, which gives no interval")
    elif single:
        said.append(f"is above {' and '.join(single)}, which {_once(single)}")
    if lost:
        said.append(f"does not beat {' and '.join(lost)}")
    return "; ".join(said) or ABSENT


def _once(names: list[str]) -> str:
    """Why there is no interval: a single seed, or of random actions a single episode."""
    if "random" in names:
        return "was played for one episode" if len(names) == 1 else "were measured once each"
    return "was trained on one seed" if len(names) == 1 else "were trained on one seed each"
