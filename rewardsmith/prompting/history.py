"""What was tried before, and what came of it."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass

from rewardsmith.domain.prompt import Turn, champions
from rewardsmith.prompting.signals import number
from rewardsmith.prompting.templates import plain
from rewardsmith.syntax import syntax_tree

MOST_TRIED = 12
"""Earlier candidates that are told one by one."""
MOST_WARNED = 600
"""Characters of a warning."""


@dataclass(frozen=True)
class Tried:
    """One earlier candidate in a line."""

    id: str
    score: str
    idea: str
    """First line of its docstring; may be empty."""
    components: str
    """Names with their share of the reward's magnitude at the end of training."""
    length: str
    """Mean length of scored episodes in steps."""
    stopped: int | None
    """Steps after which its training was stopped early; absent when it was not."""
    warnings: tuple[str, ...]
    """Signs that it is hacked, a sentence each."""


@dataclass(frozen=True)
class Failed:
    """Candidates of the last generation that failed in the same way."""

    count: int
    gate: str
    kind: str
    message: str

    @property
    def line(self) -> str:
        """`unknown signal (3 times): ...`."""
        times = f" ({self.count} times)" if self.count > 1 else ""
        return f"{self.kind.replace('_', ' ')}{times}: {self.message}"


def last_generation(history: Sequence[Turn]) -> int:
    """Number of the last generation; 0 when there was none."""
    return max((turn.candidate.generation for turn in history), default=0)


def tried(history: Sequence[Turn], parents: Sequence[Turn], turns: int) -> tuple[Tried, ...]:
    """Candidates of the last `turns` generations that were scored, worst to best.

    Parents and copies of earlier rewards are left out; of a reward and its tuned children the best is told; of more
    than `MOST_TRIED` the best and a few of the worst stay.
    """
    since = last_generation(history) - turns
    told = {parent.candidate.structure for parent in parents}
    scored = [
        (turn.score, turn)
        for turn in champions(history)
        if turn.score is not None
        and turn.candidate.generation > since
        and turn.candidate.twin is None
        and turn.candidate.structure not in told
    ]
    scored.sort(key=lambda pair: (pair[0], pair[1].candidate.generation, pair[1].candidate.slot))
    if len(scored) > MOST_TRIED:
        worst = MOST_TRIED // 4
        scored = scored[:worst] + scored[worst - MOST_TRIED :]
    return tuple(_tried(turn, score) for score, turn in scored)


def failures(history: Sequence[Turn]) -> tuple[Failed, ...]:
    """Faults of the last generation, the most frequent first."""
    last = last_generation(history)
    counts: dict[tuple[str, str, str], int] = {}
    for turn in history:
        failure = turn.candidate.failure or (turn.report.failure if turn.report else None)
        if failure is None or turn.candidate.generation != last or turn.candidate.twin is not None:
            continue
        key = (failure.gate, failure.kind, plain(failure.message))
        counts[key] = counts.get(key, 0) + 1
    ranked = sorted(counts.items(), key=lambda item: -item[1])
    return tuple(Failed(count, *key) for key, count in ranked)


def _tried(turn: Turn, score: float) -> Tried:
    report = turn.report
    shares = []
    for statistics in report.components if report else ():
        if statistics.name != "total" and statistics.points:
            shares.append((statistics.points[-1].share, plain(statistics.name, 60)))
    named = [f"{name} {100 * share:.0f} %" for share, name in sorted(shares, key=lambda pair: -pair[0])]
    lengths = report.rungs[report.best_rung].lengths if report and report.best_rung is not None else ()
    return Tried(
        id=turn.candidate.id,
        score=number(score),
        idea=_idea(turn.candidate.source or ""),
        components=", ".join(named) or ", ".join(plain(name, 60) for name in turn.candidate.components),
        length=number(sum(lengths) / len(lengths)) if lengths else "",
        stopped=report.steps if report and turn.stopped else None,
        warnings=tuple(plain(warning.sentence, MOST_WARNED) for warning in turn.warnings),
    )


def _idea(source: str) -> str:
    try:
        tree = syntax_tree(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.name == "compute_reward":
            lines = (ast.get_docstring(node) or "").strip().splitlines()
            return plain(lines[0], 160) if lines else ""
    return ""
