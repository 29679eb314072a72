from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from rewardsmith.domain.events import EVENT, Said, StoredEvent
from rewardsmith.domain.job import Progress
from rewardsmith.domain.report import Report, Rung
from rewardsmith.domain.run import Run
from rewardsmith.domain.survey import RecordedEpisode
from rewardsmith.domain.watching import Remark
from rewardsmith.errors import StoreError
from rewardsmith.store.untrusted import read_record


def rung(mean: float, steps: int = 100) -> Rung:
    return Rung(steps=steps, scores=(mean,), mean=mean, lengths=(10,))


def report(**changes: object) -> Report:
    fields = {"reward_id": "r", "seed": 0, "steps": 1, "wall_s": 1.0, "steps_per_second": 1.0, **changes}
    return Report.model_validate(fields)


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_no_number_from_a_worker_is_other_than_finite(number: str, tmp_path: Path) -> None:
    text = report(rungs=(rung(0.5),), best_rung=0).model_dump_json()
    assert Report.model_validate_json(text).score == 0.5
    (tmp_path / "report.json").write_text(text.replace("0.5", number))
    with pytest.raises(StoreError, match="Report"):
        read_record(tmp_path, "report.json", Report)
    for record, line in (
        (Progress, f'{{"steps": 1, "of": 2, "steps_per_second": {number}}}'),
        (RecordedEpisode, f'{{"length": 1, "score": {number}, "terminated": false}}'),
    ):
        with pytest.raises(ValidationError, match="finite"):
            record.model_validate_json(line)


def test_a_score_rests_on_the_final_scoring_where_there_is_one() -> None:
    rungs = (rung(1.0), rung(3.0), rung(2.0))
    assert report().score is None
    searched = report(rungs=rungs, best_rung=1)
    assert (searched.scored, searched.score) == (rungs[1], 3.0)
    confirmed = report(rungs=rungs, best_rung=1, final=rung(2.5))
    assert (confirmed.scored, confirmed.score) == (rung(2.5), 2.5)
    assert Report.model_validate_json(searched.model_dump_json(exclude={"final"})) == searched


def test_what_was_said_is_part_of_a_run_and_of_its_json() -> None:
    remark = Remark(generation=1, candidate="g1c00", over="g1c01", saw="It hops.", who="person")
    stored = StoredEvent(id=1, time=0.0, event=EVENT.validate_json(Said(remark=remark).model_dump_json()))
    assert Run.fold([stored]).said == {1: remark}
