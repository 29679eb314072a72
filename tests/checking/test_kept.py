"""A kept reward is three files that hold together; whatever does not is refused with the next step."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.damages import Elsewhere
from rewardsmith.checking.kept import lock_path, read_kept, rows_path, write_kept
from rewardsmith.domain.lock import Lock
from rewardsmith.domain.prompt import CompletionKey
from rewardsmith.errors import UnknownName, UsageError


@pytest.fixture
def files(bench: Any, tmp_path: Path) -> Path:
    reward = tmp_path / "rewards" / "hop.py"
    written = write_kept(reward, bench.kept.source, bench.kept.lock, bench.kept.recorded)
    assert written == [reward, lock_path(reward), rows_path(reward)]
    return reward


def test_what_is_written_is_read_back(bench: Any, files: Path) -> None:
    kept = read_kept(files)
    assert (kept.source, kept.lock) == (bench.kept.source, bench.kept.lock)
    assert kept.recorded.players == bench.kept.recorded.players
    for name, column in bench.kept.recorded.paid.items():
        assert np.array_equal(kept.recorded.paid[name], column)
    assert bench.workshop.keeper.check(kept).verdict == "passed"


def test_the_files_are_the_same_whenever_they_are_written(bench: Any, files: Path, tmp_path: Path) -> None:
    again = tmp_path / "again" / "hop.py"
    write_kept(again, bench.kept.source, bench.kept.lock, bench.kept.recorded)
    for path in (lock_path, rows_path):
        assert path(files).read_bytes() == path(again).read_bytes()


def test_a_lock_tells_where_the_reward_comes_from(bench: Any) -> None:
    told = bench.workshop.run(bench.run)
    kept = bench.workshop.keeper.keep(bench.run)
    lock: Lock = kept.lock
    asked = CompletionKey(generation=1, role="designer", slot=0)
    assert lock.provenance.run == bench.run
    assert lock.provenance.prompts == {"designer 0": bench.workshop.store.completion(bench.run, asked).prompt_hash}
    assert [scores.steps for scores in lock.scores] == sorted(scores.steps for scores in lock.scores)
    seeds = {key[2] for key, report in told.reports.items() if key[1] == lock.provenance.candidate and report.score}
    assert {seed for scores in lock.scores for seed in scores.seeds} == seeds
    assert set(lock.signals) == set(kept.recorded.rows.arrays)
    assert "mujoco" in lock.versions


def broken_json(reward: Path) -> None:
    lock_path(reward).write_text("{")


def edited_lock(reward: Path) -> None:
    told = json.loads(lock_path(reward).read_text())
    told["components"]["speed"]["mean"] = 0.0
    lock_path(reward).write_text(json.dumps(told))


def other_rows(reward: Path) -> None:
    np.savez_compressed(rows_path(reward), x=np.zeros(3))


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda reward: reward.unlink(), "there is no reward"),
        (lambda reward: lock_path(reward).unlink(), "there is no lock"),
        (lambda reward: rows_path(reward).unlink(), "there is no lock"),
        (broken_json, "is no lock"),
        (edited_lock, "was changed by hand"),
        (other_rows, "is not the file that hop.lock.json was written with"),
    ],
)
def test_what_does_not_hold_together_is_refused(files: Path, damage: Any, words: str) -> None:
    damage(files)
    with pytest.raises(UsageError, match=words) as caught:
        read_kept(files)
    assert "export" in caught.value.hint


def test_a_candidate_that_is_not_there_cannot_be_kept(bench: Any) -> None:
    with pytest.raises(UnknownName, match=r"g1c01.*did you mean 'g1c00'"):
        bench.workshop.keeper.keep(bench.run, "g1c01")


def test_a_changed_task_of_the_same_name_is_what_is_checked(bench: Any, elsewhere: Any, files: Path) -> None:
    there = elsewhere(Elsewhere({"frame_skip": 5}))[1:]
    keeper = replace(bench.workshop.keeper, survey=lambda task: (seen.append(task), there)[1])
    seen: list[Any] = []
    assert keeper.check(read_kept(files)).verdict == "regressed"
    assert seen == [bench.workshop.task("hopper")]


def test_the_command_tells_a_regression_from_a_fault(bench: Any, files: Path) -> None:
    where = ["--runs-dir", str(bench.workshop.settings.runs)]

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "rewardsmith", "check", *arguments, *where]
        return subprocess.run(command, capture_output=True, text=True, timeout=500)

    good = run(str(files), "--json")
    assert good.returncode == 0, good.stderr
    assert [tier["verdict"] for tier in json.loads(good.stdout)[0]["tiers"]] == ["passed"] * 4
    files.write_text(files.read_text().replace("= speed_weight", "= -speed_weight"))
    bad = run(str(files), "--tier", "static", "--tier", "replay")
    assert bad.returncode == 1
    assert "component speed: it pays -1 times what it paid: its sign is turned" in bad.stdout
    assert "-    speed = speed_weight * x_velocity" in bad.stdout
    assert run(str(files.with_name("none.py"))).returncode == 2


def test_no_lock_without_a_file(bench: Any) -> None:
    command = [sys.executable, "-m", "rewardsmith", "export", bench.run, "--lock"]
    ended = subprocess.run(
        [*command, "--runs-dir", str(bench.workshop.settings.runs)], capture_output=True, text=True, timeout=500
    )
    assert ended.returncode == 2
    assert "--lock -o rewards/run.py" in ended.stderr


def test_a_deliberate_change_is_locked_anew(bench: Any) -> None:
    kept = replace(bench.kept, source=bench.kept.source.replace("speed_weight=2.0", "speed_weight=3.0"))
    keeper = bench.workshop.keeper
    assert keeper.check(kept).verdict == "regressed"
    again = keeper.relock(kept)
    assert keeper.check(again).verdict == "passed"
    assert again.lock.reward != bench.kept.lock.reward == again.lock.scored
    assert again.lock.scores == bench.kept.lock.scores
    assert keeper.relock(bench.kept).lock == bench.kept.lock


def test_what_the_rows_do_not_hold_cannot_be_locked(bench: Any) -> None:
    kept = replace(bench.kept, source=bench.kept.source.replace("torso_position", "foot_position"))
    with pytest.raises(UsageError, match="foot_position, which its recorded rows do not hold"):
        bench.workshop.keeper.relock(kept)


def test_the_command_shows_what_changes_and_writes_when_told(bench: Any, files: Path) -> None:
    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "rewardsmith", "lock", str(files), *arguments]
        where = ["--runs-dir", str(bench.workshop.settings.runs)]
        return subprocess.run([*command, *where], capture_output=True, text=True, timeout=500)

    assert run().stdout == f"{files}: its lock holds\n"
    files.write_text(files.read_text().replace("speed_weight=2.0", "speed_weight=3.0"))
    before = lock_path(files).read_text()
    shown = run()
    assert (shown.returncode, lock_path(files).read_text()) == (1, before)
    assert "speed_weight=3.0" in shown.stdout
    assert run("--update").returncode == 0
    assert run().returncode == 0
    assert bench.workshop.keeper.check(read_kept(files)).verdict == "passed"
