"""A worker that goes on from an earlier checkpoint trusts it no more than the orchestrator trusts a report."""

from __future__ import annotations

import json
import random
import shutil
from collections import Counter
from pathlib import Path

import pytest

from rewardsmith.domain.report import Report
from rewardsmith.errors import StoreError

from .conftest import Real
from .damage import damage

CASES = 150


@pytest.fixture
def learner(real: Real):
    from rewardsmith.worker.backends.opening import open_worlds
    from rewardsmith.worker.learner import Learner
    from rewardsmith.worker.rewards import StockRewards

    made = Learner(real.job, open_worlds(real.task, 2), StockRewards())
    yield made
    made.close()


def test_a_checkpoint_is_taken_whole_or_not_at_all(real: Real, learner, tmp_path: Path) -> None:
    import torch

    from rewardsmith.worker.archive import Archive
    from rewardsmith.worker.checkpoint import load_checkpoint
    from rewardsmith.worker.weights import dump_model, finite

    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret").write_text("secret")
    archive = Archive(real.survey.signals, horizon=real.survey.horizon, rungs=2, episodes=3)
    ended: Counter[str] = Counter()
    for number in range(CASES):
        case = tmp_path / "case"
        shutil.copytree(real.folder / "train" / "out" / "checkpoint", case / "out" / "checkpoint")
        done = damage(case, tmp_path / "outside", random.Random(f"checkpoint-{number}"))
        before, rest = dump_model(learner.model)
        try:
            found = load_checkpoint(case / "out", learner.weights(), archive, rungs=2)
            if found is not None:
                learner.load(*found)
            ended["loaded" if found else "absent"] += 1
            assert finite(learner.model), done
        except StoreError:
            ended["refused"] += 1
            now, rest_now = dump_model(learner.model)
            assert rest_now == rest, done
            assert now.keys() == before.keys(), done
            assert all(torch.equal(now[name], before[name]) for name in now), done
        except BaseException as error:
            error.add_note(f"checkpoint-{number}: {done}")
            raise
        shutil.rmtree(case)
    assert not (tmp_path / "executed").exists()
    assert ended["refused"] > CASES // 2, ended
    assert ended["loaded"] > 0, ended


def test_a_worker_whose_checkpoint_is_damaged_starts_over_and_ends_the_same(real: Real, tmp_path: Path, capsys) -> None:
    from rewardsmith.worker import train

    earlier = tmp_path / "earlier" / "out"
    shutil.copytree(real.folder / "train" / "out", earlier)
    state = earlier / "checkpoint" / "2" / "state.json"
    told = json.loads(state.read_text())
    told["model"]["counters"]["policy"] = 1
    state.write_text(json.dumps(told))
    (tmp_path / "out").mkdir()
    train.run(real.job, tmp_path / "out", earlier)
    said = capsys.readouterr().out
    assert said.startswith("starting over, because a checkpoint cannot be used: the checkpoint's counters"), said
    reports = [Report.model_validate_json((out / "report.json").read_text()) for out in (tmp_path / "out", earlier)]
    assert reports[0].rungs == reports[1].rungs
