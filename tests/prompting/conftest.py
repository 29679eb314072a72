from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from rewardsmith.catalogue.folders import find_folders
from rewardsmith.catalogue.recipes import load_recipe
from rewardsmith.catalogue.tasks import load_task
from rewardsmith.domain.candidate import Candidate
from rewardsmith.domain.prompt import Context, Turn
from rewardsmith.domain.recipe import Recipe
from rewardsmith.domain.report import ComponentPoint, ComponentStatistics, EpisodePoint, Failure, Report, Rung
from rewardsmith.domain.survey import Probe, RecordedEpisode, Signal, Survey

ROOT = Path(__file__).resolve().parents[2]
BODIES = ("torso", "front_left_leg", "ankle_1_body", "ankle_2_body")


def signal(name, shape=(), unit="", meaning="what it is", reader="", scale=1.0, dtype="float64"):
    size = 1
    for n in shape:
        size *= n
    mean = tuple(0.1 * scale * i for i in range(size))
    return Signal(
        name=name,
        shape=shape,
        unit=unit,
        meaning=meaning,
        reader=reader or name,
        dtype=dtype,
        mean=mean,
        std=(scale,) * size,
        low=tuple(m - scale for m in mean),
        high=tuple(m + scale for m in mean),
    )


def ant_survey() -> Survey:
    signals = [
        signal(
            f"{body}_linear_velocity",
            (3,),
            "m/s",
            f"linear velocity of body {body} at its frame's origin, world axes",
            f"body:{body}:linear_velocity",
            scale=1.0 + (i > 1) * i,
        )
        for i, body in enumerate(BODIES)
    ]
    signals += [
        signal(f"hip_{i}_angle", (), "rad", f"angle of hinge joint hip_{i}", f"joint:hip_{i}:angle", scale=0.5 + i)
        for i in range(1, 5)
    ]
    signals += [
        signal(
            "x_velocity", unit="m/s", meaning="entry 'x_velocity' of the environment's info", reader="info:x_velocity"
        ),
        signal("observation", (105,), meaning="what the policy sees"),
        signal("action", (8,), meaning="what the environment received"),
        signal("terminated", meaning="whether the episode ended by itself", dtype="bool"),
    ]
    return Survey(
        task="ant",
        fingerprint="0123456789abcdef",
        signals=tuple(signals),
        view="class AntEnv:\n    def _get_obs(self):\n        return self.data.qpos",
        dt=0.05,
        horizon=1000,
        action_low=(-1.0,) * 8,
        action_high=(1.0,) * 8,
        episodes=(
            RecordedEpisode(length=100, score=0.02, terminated=True),
            RecordedEpisode(length=1000, score=0.04, terminated=False),
        ),
        steps_per_second=3000.0,
    )


def source(idea: str = "Run.", component: str = "forward") -> str:
    return (
        "import numpy as np\n\n\ndef compute_reward(x_velocity, *, weight=1.0):\n"
        f'    """{idea}"""\n    {component} = weight * x_velocity\n'
        f'    return {component}, {{"{component}": {component}}}\n'
    )


def points(means, *, std=0.3, low=-1.0, high=2.0, share=0.5):
    return tuple(
        ComponentPoint(steps=10_000 * (i + 1), mean=m, std=std, low=low, high=high, share=share)
        for i, m in enumerate(means)
    )


def report(scores=(0.3, 0.8), *, components=(), lengths=(600, 1000), failure=None) -> Report:
    rungs = tuple(
        Rung(steps=50_000 * (i + 1), scores=(s - 0.1, s + 0.1), mean=s, lengths=lengths) for i, s in enumerate(scores)
    )
    shown = components or (
        ComponentStatistics(name="forward", points=points([0.1 * i for i in range(10)]), correlation=0.9),
        ComponentStatistics(
            name="alive", points=points([0.3] * 10, std=0.0, low=0.3, high=0.3, share=0.49), correlation=None
        ),
        ComponentStatistics(
            name="effort", points=points([-0.003] * 9 + [-0.004], std=0.001, share=0.01), correlation=-0.1
        ),
        ComponentStatistics(name="total", points=points([0.3 + 0.1 * i for i in range(10)]), correlation=0.8),
    )
    return Report(
        reward_id="abc",
        seed=0,
        steps=100_000,
        wall_s=10.0,
        steps_per_second=1000.0,
        rungs=rungs,
        best_rung=max(range(len(scores)), key=lambda i: scores[i]) if scores else None,
        components=shown,
        episodes=tuple(EpisodePoint(steps=10_000 * i, episodes=5, mean_length=100.0 * i) for i in range(1, 11)),
        failure=failure,
    )


def turn(generation, slot, score=None, *, idea="Run.", failure=None, twin=None, reply=None, trained=None):
    trained = trained or (None if score is None else report((score / 2, score)))
    return Turn(
        candidate=Candidate(
            generation=generation,
            slot=slot,
            origin="proposed",
            source=source(idea),
            components=("forward",),
            failure=failure,
            twin=twin,
        ),
        report=trained,
        reply=reply,
    )


def unknown_signal(message="torso_vel is no signal; nearest: torso_up") -> Failure:
    return Failure(gate="contract", kind="unknown_signal", message=message, line=4)


@pytest.fixture(scope="session")
def make():
    """Builders of records for tests."""
    return SimpleNamespace(
        signal=signal,
        survey=ant_survey,
        source=source,
        points=points,
        report=report,
        turn=turn,
        unknown_signal=unknown_signal,
    )


@pytest.fixture(scope="session")
def folders():
    return find_folders(envs=ROOT / "envs", prompts=ROOT / "prompts")


@pytest.fixture(scope="session")
def eureka(folders) -> Recipe:
    return load_recipe("eureka", folders)


@pytest.fixture(scope="session")
def smith(folders) -> Recipe:
    return load_recipe("smith", folders)


@pytest.fixture(scope="session")
def text2reward(folders) -> Recipe:
    return load_recipe("text2reward", folders)


@pytest.fixture
def context(folders):
    def build(history=(), parents=(), *, k=8, rejected=None, survey=None, said=()) -> Context:
        found = survey or ant_survey()
        return Context(
            task=load_task("ant", folders),
            survey=found,
            probe=Probe({}, np.ones(1, bool)),
            history=tuple(history),
            parents=tuple(parents),
            seed=0,
            k=k,
            rejected=rejected,
            said=tuple(said),
        )

    return build
