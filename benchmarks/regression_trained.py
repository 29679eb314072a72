"""What the tiers that train find: damaged rewards, trainers and environments, against harmless changes.

    python -m benchmarks.regression_trained rewards/balance.py [--seeds 3] [--runs-dir runs]

Each change goes through `smoke` once for each seed, and once through `full` with as many. The tiers that train nothing
would have said most of these at once; they are not asked.
"""

from __future__ import annotations

import argparse
import ast
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from rewardsmith.app import Workshop
from rewardsmith.checking.kept import read_kept
from rewardsmith.domain.regression import TierResult, Trials
from rewardsmith.domain.task import Task
from rewardsmith.reports.words import table
from rewardsmith.settings import Settings
from rewardsmith.syntax import syntax_tree


@dataclass(frozen=True)
class Case:
    """One change of a reward, or of its task."""

    name: str
    harmless: bool
    total: str = "total"
    """What the reward pays in place of its total."""
    task: Callable[[Task], Task] = lambda task: task


def _slow(task: Task) -> Task:
    settings = task.trainer.settings | {"learning_rate": 1e-6}
    return task.model_copy(update={"trainer": task.trainer.model_copy(update={"settings": settings})})


def _coarse(task: Task) -> Task:
    kwargs = task.environment.kwargs | {"frame_skip": 20}
    return task.model_copy(update={"environment": task.environment.model_copy(update={"kwargs": kwargs})})


CASES = [
    Case("sign turned", False, "-total"),
    Case("total times zero", False, "0.0 * total"),
    Case("its last component alone", False, "[*components.values()][-1]"),
    Case("the trainer learns nothing", False, task=_slow),
    Case("frame skip 20", False, task=_coarse),
    Case("nothing", True),
    Case("total x 10", True, "10.0 * total"),
    Case("total + 1", True, "total + 1.0"),
]


def main() -> None:
    """Print one table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("reward", type=Path)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--runs-dir", type=Path, default=Path("runs"))
    options = parser.parse_args()
    keeper, kept = Workshop(Settings(runs=options.runs_dir)).keeper, read_kept(options.reward)
    note = partial(print, file=sys.stderr, flush=True)
    rows = []
    for case in CASES:
        task = case.task(keeper.task(kept.lock.task.name) or kept.lock.task)
        changed = replace(kept, source=_paying(kept.source, case.total))
        checker = replace(keeper, task=lambda _, task=task: task)  # type: ignore[misc]
        trials = [Trials(seeds=options.seeds, seed=100 * (i + 1)) for i in range(options.seeds)]
        note(f"== {case.name}")
        smoke = [_tier(checker.check(changed, ["smoke"], trials=each, note=note).tiers) for each in trials]
        full = _tier(checker.check(changed, ["full"], trials=trials[0], note=note).tiers)
        caught = sum(tier.verdict == "regressed" for tier in smoke)
        sure = "–" if full.drop is None else f"{full.drop:.1%}"
        kind = "harmless" if case.harmless else "damage"
        rows.append([case.name, kind, f"{caught} of {len(smoke)}", full.verdict, sure])
        note(table(["change", "kind", "smoke", "full", "sure of a drop"], rows, markdown=True))
    print(table(["change", "kind", "smoke", "full", "sure of a drop"], rows, markdown=True))


def _tier(tiers: tuple[TierResult, ...]) -> TierResult:
    return tiers[-1]


def _paying(source: str, total: str) -> str:
    """The reward with another total."""
    if total == "total":
        return source
    tree = syntax_tree(source)
    function = next(n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name == "compute_reward")
    names = ", ".join(argument.arg for argument in function.args.args)
    kept = source.replace("def compute_reward(", "def kept_reward(").rstrip()
    return (
        f"{kept}\n\n\ndef compute_reward({names}):\n"
        f"    total, components = kept_reward({names})\n    return {total}, components\n"
    )


if __name__ == "__main__":
    main()
