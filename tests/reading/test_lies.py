"""Reports and surveys that are well made and not true."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rewardsmith.domain.report import Failure, Report
from rewardsmith.domain.survey import Survey
from rewardsmith.errors import StoreError
from rewardsmith.export.policy import read_policy
from rewardsmith.search.believing import check_report, check_survey
from rewardsmith.store.untrusted import read_record

from .conftest import Real


@pytest.fixture
def report(real: Real) -> Report:
    found = read_record(real.folder / "train" / "out", "report.json", Report)
    check_report(found, real.job)
    return found


def _rung(report: Report, **changes: Any) -> dict[str, Any]:
    return {"rungs": (report.rungs[0].model_copy(update=changes), *report.rungs[1:])}


def _component(report: Report, **changes: Any) -> dict[str, Any]:
    return {"components": (report.components[0].model_copy(update=changes), *report.components[1:])}


def _point(report: Report, **changes: Any) -> dict[str, Any]:
    points = report.components[0].points
    return _component(report, points=(points[0].model_copy(update=changes), *points[1:]))


REPORTS = {
    "another reward": lambda r: {"reward_id": "ffff"},
    "another seed": lambda r: {"seed": r.seed + 1},
    "steps beyond the budget": lambda r: {"steps": 10**7},
    "endless steps": lambda r: {"steps": 10**4000},
    "negative steps": lambda r: {"steps": -1},
    "negative time": lambda r: {"wall_s": -1.0},
    "negative speed": lambda r: {"steps_per_second": -1.0},
    "a rung too few": lambda r: {"rungs": r.rungs[:1], "best_rung": 0},
    "a rung too many": lambda r: {"rungs": (*r.rungs, r.rungs[-1])},
    "a final score that nobody asked for": lambda r: {"final": r.rungs[r.best_rung or 0]},
    "another best rung": lambda r: {"best_rung": 1 - (r.best_rung or 0)},
    "a best rung out of range": lambda r: {"best_rung": 7},
    "no best rung": lambda r: {"best_rung": None},
    "a mean that is none": lambda r: _rung(r, mean=r.rungs[0].mean + 1),
    "an episode too few": lambda r: _rung(r, scores=r.rungs[0].scores[:1], mean=r.rungs[0].scores[0]),
    "huge scores": lambda r: _rung(r, scores=(1e300,) * 3, mean=1e300),
    "a long episode": lambda r: _rung(r, lengths=(10**9,) * 3),
    "an episode of no steps": lambda r: _rung(r, lengths=(0,) * 3),
    "a success above one": lambda r: _rung(r, success=2.0),
    "scoring steps of nothing": lambda r: {"scoring_steps": r.scoring_steps + 1},
    "a terminal escape": lambda r: _component(r, name="\x1b[2J"),
    "a component twice": lambda r: {"components": (*r.components, r.components[0])},
    "a hundred components": lambda r: {
        "components": tuple(r.components[0].model_copy(update={"name": f"c{n}"}) for n in range(100))
    },
    "a correlation above one": lambda r: _component(r, correlation=1.5),
    "a mean outside its extremes": lambda r: _point(r, mean=r.components[0].points[0].high + 10),
    "a reward above the bound": lambda r: _point(r, high=1e9),
    "a share above one": lambda r: _point(r, share=2.0),
    "points beyond the end": lambda r: _point(r, steps=r.steps + 1),
    "a failure of the orchestrator": lambda r: {"failure": Failure(gate="train", kind="worker_lost", message="x")},
    "a failure at another gate": lambda r: {"failure": Failure(gate="probe", kind="died", message="x")},
    "a failure with an escape": lambda r: {"failure": Failure(gate="train", kind="died", message="\x1b[2J")},
}


@pytest.mark.parametrize("name", REPORTS)
def test_a_report_that_cannot_be_true(name: str, report: Report, real: Real) -> None:
    with pytest.raises(StoreError, match="report cannot be true") as caught:
        check_report(report.model_copy(update=REPORTS[name](report)), real.job)
    assert caught.value.message.isprintable()
    assert len(caught.value.message) < 300


def test_a_failure_on_the_way_is_believed(report: Report, real: Real) -> None:
    first = report.rungs[:1]
    failure = Failure(gate="train", kind="not_finite", message="component 'alive' is NaN")
    told = {"rungs": first, "best_rung": 0, "scoring_steps": sum(first[0].lengths), "failure": failure}
    check_report(report.model_copy(update=told), real.job)


def _signal(survey: Survey, **changes: Any) -> dict[str, Any]:
    return {"signals": (survey.signals[0].model_copy(update=changes), *survey.signals[1:])}


SURVEYS = {
    "another task": lambda s: {"task": "ant"},
    "another fingerprint": lambda s: {"fingerprint": "0"},
    "another horizon": lambda s: {"horizon": s.horizon + 1},
    "no signals": lambda s: {"signals": ()},
    "a signal twice": lambda s: {"signals": (*s.signals, s.signals[0])},
    "a signal that is no name": lambda s: _signal(s, name="a b\x1b"),
    "a vast shape": lambda s: _signal(s, shape=(10**9, 10**9)),
    "a negative shape": lambda s: _signal(s, shape=(-1,)),
    "statistics of another shape": lambda s: _signal(s, mean=(0.0,) * 7),
    "a long meaning": lambda s: _signal(s, meaning="x" * 10**5),
    "a view of ten megabytes": lambda s: {"view": "x" * 10**7},
    "no time": lambda s: {"dt": 0.0},
    "no episodes": lambda s: {"episodes": ()},
    "a long episode": lambda s: {"episodes": (s.episodes[0].model_copy(update={"length": 10**9}),)},
    "a huge score": lambda s: {"episodes": (s.episodes[0].model_copy(update={"score": 1e300}),)},
}


@pytest.mark.parametrize("name", SURVEYS)
def test_a_survey_that_cannot_be_true(name: str, real: Real) -> None:
    check_survey(real.survey, real.task)
    with pytest.raises(StoreError, match="survey cannot be true"):
        check_survey(real.survey.model_copy(update=SURVEYS[name](real.survey)), real.task)


def _layer(told: dict[str, Any]) -> None:
    told["layers"][0]["weight"] = "nothing"


def _order(told: dict[str, Any]) -> None:
    told["layers"].reverse()


@pytest.mark.parametrize(
    "change", [_layer, _order, lambda told: told.update(version=2), lambda told: told.pop("output")]
)
def test_a_policy_whose_description_does_not_fit_it(change: Any, real: Real, tmp_path: Path) -> None:
    shutil.copytree(real.folder / "train" / "out", tmp_path / "out")
    read_policy(tmp_path / "out")
    told = json.loads((tmp_path / "out" / "policy.json").read_text())
    change(told)
    (tmp_path / "out" / "policy.json").write_text(json.dumps(told))
    with pytest.raises(StoreError, match=r"policy\.json"):
        read_policy(tmp_path / "out")


def test_a_policy_with_statistics_that_are_not_finite(real: Real, tmp_path: Path) -> None:
    shutil.copytree(real.folder / "train" / "out", tmp_path / "out")
    np.savez(tmp_path / "out" / "normalisation.npz", observation_mean=np.array([np.nan] * 4))
    with pytest.raises(StoreError, match=r"normalisation\.npz .* not finite"):
        read_policy(tmp_path / "out")
