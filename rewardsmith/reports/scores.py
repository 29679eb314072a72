"""The winner's score beside everything that it should beat."""

from __future__ import annotations

from rewardsmith.domain.result import Interval, RunResult
from rewardsmith.reports.words import ABSENT, interval, score, table


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
        basis = (
            "not confirmed yet" if confirmed is None else f"trained on {_seeds(confirmed)} that the search never saw"
        )
        rows.append([f"{result.best.candidate}, confirmed", interval(confirmed), basis])
        rows.append(
            ["search maximum", score(result.best.search_max), "the best of many on one seed: too high on average"]
        )
    sparse_note = {"rule": "the task's own sparse reward", "terminal": "the score paid at the episode's end"}
    for name, found, what in (
        ("random", result.baselines.random, "random actions"),
        ("human", result.baselines.human, "the environment's own reward"),
        ("sparse", result.baselines.sparse, sparse_note.get(sparse_kind or "", "the score paid as a reward")),
    ):
        rows.append([name, interval(found), f"{what}, {_basis(name, found)}" if found else "not trained"])
    return table(["", "score", "what it is"], rows, markdown=markdown)


def _seeds(found: Interval) -> str:
    return f"{found.n} seed" + ("s" if found.n != 1 else "")


def _basis(name: str, found: Interval) -> str:
    return f"{found.n} episodes" if name == "random" else _seeds(found)


def beats(result: RunResult) -> str:
    """What the confirmed mean beats, in a sentence; says when an interval overlaps, and names what was not beaten."""
    if result.best is None or result.best.score is None:
        return ""
    best = result.best.score
    clear, overlap, lost = [], [], []
    for name, found in (
        ("random", result.baselines.random),
        ("human", result.baselines.human),
        ("sparse", result.baselines.sparse),
    ):
        if found is None:
            continue
        if best.mean <= found.mean:
            lost.append(name)
        elif best.low is not None and best.low > (found.high if found.high is not None else found.mean):
            clear.append(name)
        else:
            overlap.append(name)
    said = []
    if clear:
        said.append(f"beats {' and '.join(clear)} with intervals apart")
    if overlap:
        said.append(f"is above {' and '.join(overlap)}, but the intervals overlap")
    if lost:
        said.append(f"does not beat {' and '.join(lost)}")
    return "; ".join(said) or ABSENT
