"""The winner's score beside everything that it should beat."""

from __future__ import annotations

from rewardsmith.domain.result import Best, Interval, RunResult
from rewardsmith.reports.words import ABSENT, counted, interval, score, table
from rewardsmith.search.statistics import CLIPPED


def score_table(result: RunResult, *, sparse_kind: str | None = None, markdown: bool = False) -> str:
    """One line each: confirmed, search maximum, random, stock reward (`human`), sparse; see `score_rows`."""
    return table(["", "score", "what it is"], score_rows(result, sparse_kind=sparse_kind), markdown=markdown)


def score_rows(result: RunResult, *, sparse_kind: str | None = None) -> list[list[str]]:
    """A name, the score with its interval and what it is, for each.

    Args:
        result: The run's result.
        sparse_kind: `rule` or `terminal`, as the survey says, where it is known.
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
        rows.append(["search maximum", score(result.best.search_max), f"best of many on one seed: {_gap(result.best)}"])
    sparse_note = {"rule": "the task's own sparse reward", "terminal": "the score paid at the episode's end"}
    for name, found, what in (
        ("random", result.baselines.random, "random actions"),
        ("human", result.baselines.human, "the environment's own reward"),
        ("sparse", result.baselines.sparse, sparse_note.get(sparse_kind or "", "the score paid as a reward")),
    ):
        rows.append([name, interval(found), f"{what}, {_basis(name, found)}" if found else "not trained"])
    return rows


def _gap(best: Best) -> str:
    if best.gap is None:
        return "too high"
    return f"{score(abs(best.gap))} {'above' if best.gap >= 0 else 'below'} the confirmed mean"


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


def chances(result: RunResult) -> list[str]:
    """How sure it is that the reward is better than the baselines, and its human-normalised score; a sentence each."""
    if result.best is None:
        return []
    said = [
        f"A training of {result.best.candidate} scores above one of {name} with probability {interval(found)} "
        f"({counted(found.n, 'pair')} of seeds)."
        for name, found in result.best.improvement.items()
    ]
    normalised = result.best.human_normalised
    if normalised is not None:
        clipped = "which it reaches" if normalised in (0.0, CLIPPED) else "which it does not reach"
        said.append(
            f"Human-normalised, (score - sparse) / |human - sparse|, it is {score(normalised)}; as in EUREKA this is "
            f"clipped to [0, {CLIPPED:g}], {clipped}."
        )
    return said
