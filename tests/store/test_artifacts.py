from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import rewardsmith
from rewardsmith.domain.candidate import Candidate
from rewardsmith.domain.events import Attempt
from rewardsmith.domain.prompt import Message
from rewardsmith.domain.report import Report, Rung
from rewardsmith.errors import StoreError
from rewardsmith.store.artifacts import RunFolder, write_durably


class TestRunFolder:
    def test_every_attempt_has_a_folder_of_its_own(self, tmp_path):
        folder = RunFolder(tmp_path, "run")
        attempts = [
            Attempt(purpose=purpose, subject=subject, seed=seed, number=number)
            for purpose, subject in [
                ("search", "g1c00"),
                ("compare", "g1c00"),
                ("confirm", "g1c00"),
                ("baseline", "human"),
            ]
            for seed in (1, 2)
            for number in (0, 1)
        ]
        places = [str(folder.attempt(attempt).relative_to(tmp_path)) for attempt in attempts]
        assert len(set(places)) == len(attempts)
        assert places[0] == "run/g1/g1c00/seed-1/try-0"
        assert places[-1] == "run/baselines/human/seed-2/try-1"

    def test_a_name_cannot_leave_the_folder(self, tmp_path):
        with pytest.raises(ValueError, match="cannot name"):
            RunFolder(tmp_path, "../run")
        with pytest.raises(ValueError, match="cannot name"):
            RunFolder(tmp_path, "run").attempt(Attempt(purpose="baseline", subject="..", seed=1))
        with pytest.raises(ValueError, match="no candidate id"):
            RunFolder(tmp_path, "run").candidate("../../x")

    def test_a_candidate_can_be_read_with_cat(self, tmp_path):
        folder = RunFolder(tmp_path, "run")
        candidate = Candidate(generation=2, slot=5, origin="proposed", source="def compute_reward(): ...\n")
        folder.keep_candidate(candidate, [Message(role="system", content="Write.")], "```python```")
        out = tmp_path / "out"
        out.mkdir()
        (out / "learning_curve.csv").write_text("steps,score_mean,mean_total\n1,1.5,\n")
        rung = Rung(steps=1, scores=(1.0,), mean=1.0, lengths=(1,))
        report = Report(reward_id="x", seed=1, steps=1, wall_s=1.0, steps_per_second=1.0, rungs=(rung,), best_rung=0)
        folder.keep_report("g2c05", report, out)
        place = tmp_path / "run" / "g2" / "g2c05"
        assert {p.name for p in place.iterdir()} == {
            *("reward.py", "prompt.md", "response.md", "report.json", "learning_curve.csv")
        }
        assert (place / "reward.py").read_text() == candidate.source
        assert "Write." in (place / "prompt.md").read_text()
        assert Report.model_validate_json((place / "report.json").read_text()) == report
        assert (place / "learning_curve.csv").read_text() == "steps,score_mean,mean_total\n1,1.5,\n"

    @pytest.mark.parametrize(
        "curve",
        [
            *(
                "",
                "steps\n\x1b[2J\n",
                "steps\nnan\n",
                "steps,score_mean\n1\n",
                "<script>\n1\n",
                "mean_\x1b\n1\n",
                '"steps\n',
            ),
            *("steps\n1\n\udcff\n", "=cmd()\n1\n", "steps\n1e999\n"),
        ],
    )
    def test_a_learning_curve_holds_names_and_numbers_or_is_left_out(self, tmp_path, curve):
        folder = RunFolder(tmp_path, "run")
        (tmp_path / "out").mkdir()
        (tmp_path / "out" / "learning_curve.csv").write_bytes(curve.encode(errors="surrogateescape"))
        report = Report(reward_id="x", seed=1, steps=1, wall_s=1.0, steps_per_second=1.0)
        folder.keep_report("g2c05", report, tmp_path / "out")
        assert [p.name for p in folder.candidate("g2c05").iterdir()] == ["report.json"]

    def test_a_full_or_missing_disk_names_the_file(self, tmp_path):
        (tmp_path / "file").write_text("")
        with pytest.raises(StoreError, match=r"file/x/reward\.py") as caught:
            write_durably(tmp_path / "file" / "x" / "reward.py", b"")
        assert "resume" in caught.value.hint

    @pytest.mark.skipif(shutil.which("bwrap") is None, reason="bubblewrap makes the full disk")
    def test_a_full_disk_keeps_the_old_file(self):
        source = """
from pathlib import Path
from rewardsmith.errors import StoreError
from rewardsmith.store.artifacts import write_durably
write_durably(Path("/disk/a"), b"old")
try:
    write_durably(Path("/disk/a"), bytes(2**21))
except StoreError as error:
    print(error, sorted(p.name for p in Path("/disk").iterdir()), Path("/disk/a").read_bytes())
"""
        command = ["bwrap", "--dev-bind", "/", "/", "--size", str(2**20), "--tmpfs", "/disk", "--"]
        environment = os.environ | {"PYTHONPATH": str(Path(rewardsmith.__file__).parents[1])}
        ended = subprocess.run(
            [*command, sys.executable, "-c", source], env=environment, check=True, capture_output=True, text=True
        )
        assert ended.stdout == "cannot write /disk/a: No space left on device ['a'] b'old'\n"
