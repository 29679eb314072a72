"""A reward of a real short run, kept; surveys of its environment, whole or damaged."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import yaml

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

ROOT = Path(__file__).parents[2]


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


@pytest.fixture
def action(bench: Bench, tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs the very steps of `action.yml` in a folder, with what GitHub gives them; stops where one fails."""
    told = yaml.safe_load((ROOT / "action.yml").read_text())
    github = {
        "GITHUB_ACTION_PATH": str(ROOT),
        "GITHUB_STEP_SUMMARY": str(tmp_path / "summary.md"),
        "REWARDSMITH_RUNS_DIR": str(bench.workshop.settings.runs),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    }

    def run(folder: Path, **inputs: str) -> subprocess.CompletedProcess[str]:
        assert inputs.keys() <= told["inputs"].keys()
        given = {name: str(value["default"]) for name, value in told["inputs"].items()}
        given |= {"install": "--no-deps numpy"} | inputs  # what is there already: nothing is downloaded
        for step in told["runs"]["steps"]:
            variables = {name: given[value.split("inputs.")[1].rstrip(" }")] for name, value in step["env"].items()}
            ended = subprocess.run(
                ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", "-c", step["run"]],
                cwd=folder,
                env=os.environ | github | variables,
                capture_output=True,
                text=True,
                timeout=500,
            )
            if ended.returncode:
                break
        return ended

    return run
