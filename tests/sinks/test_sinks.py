"""What trackers are told of a run; each tracker itself in the long tests, where its package is installed."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from told_run import fold, stored, whole

from rewardsmith.cli.main import run
from rewardsmith.sinks.sink import feed
from rewardsmith.store.leases import Owner
from rewardsmith.store.store import Store


class Book:
    """A tracker that keeps what it was told."""

    def __init__(self) -> None:
        self.settings: dict = {}
        self.rows: list = []
        self.closed: list = []

    def open(self, settings):
        self.settings = dict(settings)
        return self.rows[-1][0] if self.rows else 0

    def tell(self, numbers, event, step):
        self.rows.append((event.id, dict(numbers), step))

    def close(self, status, files):
        self.closed.append((status, dict(files)))


def test_a_tracker_is_told_of_every_score_and_of_what_was_spent():
    events, book = stored(whole()), Book()
    feed(events, book)
    told_of = fold(whole())
    assert told_of.spec is not None
    assert book.settings["task"] == told_of.spec.task.name
    told = [numbers for _, numbers, _ in book.rows]
    trained = [each["search/score"] for each in told if "search/score" in each]
    assert sorted(trained) == sorted(
        r.score for k, r in told_of.reports.items() if k[0] == "search" and r.score is not None
    )
    assert max(trained) == [each["best/score"] for each in told if "best/score" in each][-1]
    assert told[-1]["spent/steps"] == told_of.usage().steps
    won = told_of.scores("confirm", told_of.confirmed.winner)
    assert told[-1]["confirmed/mean"] == pytest.approx(sum(won) / len(won))
    assert [step for _, _, step in book.rows] == sorted(step for _, _, step in book.rows)
    assert book.closed == [(told_of.status, {"reward.py": told_of.candidates[told_of.confirmed.winner].source})]


def test_what_a_tracker_knows_it_is_not_told_again():
    events, once, twice = stored(whole()), Book(), Book()
    feed(events, once)
    feed(events[: len(events) // 2], twice)
    assert twice.closed[0][0] == "running"
    feed(events, twice)
    assert twice.rows == once.rows


@pytest.mark.parametrize("tracker", ["mlflow", "wandb"])
def test_a_missing_tracker_is_told_with_the_line_that_installs_it(tracker: str, capsys, tmp_path, monkeypatch):
    if find_spec(tracker) is not None:
        pytest.skip(f"{tracker} is installed")
    monkeypatch.chdir(tmp_path)
    assert run(["sink", tracker, "walk-1"]) == 2
    assert f"pip install 'rewardsmith[{tracker}]'" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # MLflow's own
@pytest.mark.parametrize("tracker", ["mlflow", "wandb"])
def test_the_command_fills_a_real_tracker(tracker: str, tmp_path: Path):
    pytest.importorskip(tracker, reason=f"{tracker} is not installed: pip install 'rewardsmith[{tracker}]'")
    store = Store.open(tmp_path / "runs" / "rewardsmith.db")
    store.create("walk-1")
    store.append(store.claim("walk-1", owner=Owner.current()), whole())
    store.close()
    place = f"sqlite:///{tmp_path}/mlflow.db" if tracker == "mlflow" else str(tmp_path)
    command = [sys.executable, "-m", "rewardsmith", "sink", tracker, "walk-1", "--place", place]
    quiet = os.environ | {"WANDB_MODE": "offline", "MLFLOW_TRACKING_URI": ""}
    for _ in range(2):
        done = subprocess.run(command, cwd=tmp_path, env=quiet, capture_output=True, text=True, timeout=500)
        assert done.returncode == 0, done.stderr
        assert f"{tracker} knows it" in done.stdout
    if tracker == "wandb":
        assert list(tmp_path.glob("wandb/offline-run-*/run-walk-1.wandb"))
        return
    from mlflow.tracking import MlflowClient

    client = MlflowClient(tracking_uri=place)
    (entry,) = client.search_runs([client.get_experiment_by_name("rewardsmith").experiment_id])
    book = Book()
    feed(stored(whole()), book)
    scores = client.get_metric_history(entry.info.run_id, "search/score")
    assert [m.value for m in scores] == [n["search/score"] for _, n, _ in book.rows if "search/score" in n]
    assert entry.info.status == "FINISHED"
    assert entry.data.params["task"] == book.settings["task"]
    assert [each.path for each in client.list_artifacts(entry.info.run_id)] == ["reward.py"]
