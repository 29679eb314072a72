"""What a run hands out: a candidate's reward as one file, its best policy as a folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from rewardsmith import __version__
from rewardsmith.domain.candidate import Candidate
from rewardsmith.domain.plan import nameplate
from rewardsmith.domain.result import RunResult
from rewardsmith.domain.run import Run
from rewardsmith.domain.survey import Survey
from rewardsmith.domain.task import Task
from rewardsmith.errors import UsageError
from rewardsmith.export.file import render
from rewardsmith.export.policy import read_policy
from rewardsmith.search.filming import attempt_of
from rewardsmith.store.artifacts import RunFolder, write_durably

__all__ = ["hand_out_policy", "hand_out_reward", "needs"]


def hand_out_reward(run: Run, candidate: Candidate, survey: Survey, result: RunResult) -> str:
    """The text of one self-contained file.

    Raises:
        UsageError: The candidate holds no code that runs.
    """
    spec = run.spec
    assert spec is not None
    if candidate.source is None or candidate.reward_id is None:
        raise UsageError(f"{candidate.id} holds no reward", hint=f"see `rewardsmith show {spec.run} {candidate.id}`")
    environment = spec.task.environment
    return render(
        candidate.source,
        _provenance(run, candidate, survey, result),
        {signal.name: signal.reader for signal in survey.signals},
        environment.id,
        environment.kwargs,
        horizon=environment.horizon,
        module=environment.module,
    )


def _provenance(run: Run, candidate: Candidate, survey: Survey, result: RunResult) -> dict[str, str]:
    spec = run.spec
    assert spec is not None
    found = {
        "reward": candidate.reward_id or "",
        "task": f"{spec.task.name}: {spec.task.description}",
        "score": f"{spec.task.score.meaning} ({spec.task.score.unit or 'no unit'})",
        "run": f"{spec.run}, {candidate.id} ({candidate.origin}); recipe {spec.recipe}, model {nameplate(spec.model)}",
    }
    if candidate.parents:
        found["parents"] = ", ".join(candidate.parents)
    best = result.best
    if best and best.candidate == candidate.id and best.score:
        score = best.score
        ends = "" if score.low is None else f" [{score.low:.4g}, {score.high:.4g}]"
        found["confirmed"] = f"{score.mean:.4g}{ends} over {score.n} seeds of {spec.budget.steps:,} steps"
    found["needs"] = needs(spec.task, survey.versions)
    versions = (f"{name} {version}" for name, version in sorted(survey.versions.items()))
    found["made with"] = ", ".join((f"rewardsmith {__version__}", *versions))
    return found


def needs(task: Task, versions: Mapping[str, str]) -> str:
    """What must be installed for `make` to work, or why it cannot."""
    environment = task.environment
    if environment.simulator != "gymnasium":
        return f"numpy, for compute_reward; {environment.label} is no Gymnasium environment, and make does not reach it"
    registers = environment.id.rpartition(":")[0]
    if registers.startswith("rewardsmith."):
        brings = task.install or f"rewardsmith, and what the interpreter {environment.foreign!r} of the task holds"
        return f"{brings}: {registers} registers {environment.label}"
    simulator = "gymnasium[mujoco]" if "mujoco" in versions else "gymnasium, the environment's own simulator"
    return ", ".join(filter(None, ("numpy", simulator, registers)))


def hand_out_policy(run: Run, candidate: Candidate, source: RunFolder, folder: Path) -> list[Path]:
    """Write the candidate's best trained policy, with a loader, into `folder`; the files written.

    Raises:
        UsageError: It was never trained, or the folder cannot be written.
        StoreError: The worker's files are damaged.
    """
    out = source.out(attempt_of(run, candidate.id))
    files = read_policy(out)
    for name, data in files.items():
        write_durably(folder / name, data)
    return [folder / name for name in files]
