"""A reward of a real short run, kept; surveys of its environment, whole or damaged."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from benchmarks.damages import GOOD, Elsewhere, moved
from rewardsmith.app import EvolveRequest, Settings, Workshop
from rewardsmith.checking.checking import check
from rewardsmith.checking.kept import Kept
from rewardsmith.checking.locking import lock, record
from rewardsmith.domain.job import RewardLimits, StepJob, SurveyJob
from rewardsmith.domain.regression import CheckResult
from rewardsmith.domain.states import SimulatorState, Stepped
from rewardsmith.domain.survey import Probe, Survey
from rewardsmith.domain.task import Task
from rewardsmith.reward.source import analyse
from rewardsmith.search.surveying import load_survey, read_rows
from rewardsmith.worker import stepping
from rewardsmith.worker import survey as survey_room


@dataclass(frozen=True)
class Bench:
    """A kept reward, and the environment that it was kept in."""

    workshop: Workshop
    run: str
    kept: Kept
    survey: Survey
    probe: Probe

    def check(self, source: str | None = None, seen: tuple[Task, Survey, Probe] | None = None) -> CheckResult:
        """Check the reward, or another in its place, here or in another environment, stepped where it is another."""
        kept = replace(self.kept, source=source or self.kept.source)
        if seen is None:
            return check(kept, self.survey, self.probe)
        task, survey, probe = seen
        return check(kept, survey, probe, again=lambda states: stepped(task, survey, states))


def stepped(task: Task, survey: Survey, states: Sequence[SimulatorState]) -> Probe | str:
    """What a worker would answer, asked in this process."""
    with TemporaryDirectory() as folder:
        out = Path(folder) / "out"
        out.mkdir()
        stepping.run(StepJob(task=task, signals=survey.signals, states=tuple(states)), out)
        told = Stepped.model_validate_json((out / "step.json").read_text())
        return told.misfit or read_rows(out.parent, "stepped.npz", survey.signals, told.lengths)


@pytest.fixture(scope="session")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    workshop = Workshop(Settings(runs=tmp_path_factory.mktemp("checking") / "runs"))
    asked = EvolveRequest(env="hopper", budget="quick", iterations=1, k=1, steps=1000, baselines=(), name="short")
    workshop.evolve(*workshop.prepare(asked), lambda *_: None)
    told = workshop.run("short")
    survey, probe = workshop.survey(workshop.task("hopper"))
    good = next(iter(told.candidates.values())).model_copy(
        update={"source": GOOD, "reward_id": analyse(GOOD, survey.names()).reward_id}
    )
    script = partial(workshop.keeper.simulator.script, workshop.task("hopper"), survey)
    recorded = record(told, good, survey, probe, workshop.folder("short"), RewardLimits(), script=script)
    kept = Kept("good.py", GOOD, lock(told, good, survey, recorded, {}), recorded)
    return Bench(workshop, "short", kept, survey, probe)


@pytest.fixture(scope="session")
def elsewhere(bench: Bench, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., tuple[Task, Survey, Probe]]:
    """Surveys the task in another environment."""

    def seen(to: Elsewhere) -> tuple[Task, Survey, Probe]:
        folder = tmp_path_factory.mktemp("elsewhere")
        changed = moved(bench.kept.lock.task, to)
        survey_room.run(SurveyJob(task=changed), folder / "out")
        return changed, *load_survey(folder)

    return seen
