from __future__ import annotations

import io
import os
import shutil
import struct
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

import rewardsmith
from rewardsmith.domain.candidate import Candidate
from rewardsmith.domain.events import Attempt
from rewardsmith.domain.job import Progress
from rewardsmith.domain.prompt import Message
from rewardsmith.domain.report import Report, Rung
from rewardsmith.errors import StoreError
from rewardsmith.store.artifacts import RunFolder, read_arrays, read_record, read_untrusted, write_durably


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
        (out / "learning_curve.csv").write_text("steps,score\n")
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
        assert (place / "learning_curve.csv").read_text() == "steps,score\n"

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


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """The `out/` of a worker, beside a file that it must not make us read."""
    (tmp_path / "private").mkdir()
    (tmp_path / "private" / "a").write_bytes(b"private")
    (tmp_path / "out").mkdir()
    return tmp_path / "out"


def plant_link(out: Path) -> None:
    (out / "a").symlink_to(out.parent / "private" / "a")


def plant_hard_link(out: Path) -> None:
    (out / "a").hardlink_to(out.parent / "private" / "a")


def plant_pipe(out: Path) -> None:
    os.mkfifo(out / "a")


def plant_folder(out: Path) -> None:
    (out / "a").mkdir()


def plant_large(out: Path) -> None:
    (out / "a").write_bytes(bytes(101))


def plant_nothing(out: Path) -> None:
    pass


def plant_link_for_out(out: Path) -> None:
    out.rmdir()
    out.symlink_to(out.parent / "private")


PLANTS = (
    plant_link,
    plant_hard_link,
    plant_pipe,
    plant_folder,
    plant_large,
    plant_nothing,
    plant_link_for_out,
)


class TestUntrusted:
    def test_a_plain_file_is_read(self, out):
        (out / "checkpoint").mkdir()
        (out / "checkpoint" / "a").write_bytes(b"123")
        assert read_untrusted(out, "checkpoint/a", limit=3) == b"123"

    def test_folders_above_may_be_links(self, out, tmp_path):
        (out / "a").write_bytes(b"1")
        (tmp_path.parent / f"{tmp_path.name}-link").symlink_to(tmp_path)
        assert read_untrusted(tmp_path.parent / f"{tmp_path.name}-link" / "out", "a", limit=3) == b"1"

    @pytest.mark.parametrize("plant", PLANTS)
    def test_anything_else_is_refused(self, out, plant):
        plant(out)
        with pytest.raises(StoreError, match="out/a"):
            read_untrusted(out, "a", limit=100)

    def test_a_link_on_the_way_is_refused(self, out):
        (out / "sub").symlink_to(out.parent / "private")
        with pytest.raises(StoreError, match="out/sub/a"):
            read_untrusted(out, "sub/a", limit=100)

    @pytest.mark.parametrize("name", ["../private/a", "/etc/passwd"])
    def test_a_path_that_leaves_is_a_mistake_of_ours(self, out, name):
        with pytest.raises(ValueError, match="no path below"):
            read_untrusted(out, name, limit=100)


class TestRecords:
    def test_a_good_one(self, out):
        (out / "p.json").write_text('{"steps": 1, "of": 2, "steps_per_second": 3}')
        assert read_record(out, "p.json", Progress) == Progress(steps=1, of=2, steps_per_second=3.0)

    @pytest.mark.parametrize(
        "text",
        [
            *("", "{", "[" * 100000, "\udcff", "NaN", '{"steps": 1}'),
            '{"steps": "1", "of": 2, "steps_per_second": 3}',
            '{"steps": 1, "of": 2, "steps_per_second": 3, "more": 1}',
        ],
    )
    def test_anything_else_is_refused(self, out, text):
        (out / "p.json").write_bytes(text.encode(errors="surrogateescape"))
        with pytest.raises(StoreError, match=r"p\.json is no Progress"):
            read_record(out, "p.json", Progress)


def npz(path: Path, **members: bytes) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(f"{name}.npy", data)


def npy(array: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


class TestArrays:
    def test_come_back_as_they_were(self, out):
        arrays = {
            "a": np.arange(6.0).reshape(2, 3),
            "fortran": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
            "flags": np.array([True, False]),
            "whole": np.array([1, 2], dtype=np.int64),
            "number": np.array(3.5),
            "none": np.zeros((0, 3)),
            "__starts__": np.array([True]),
        }
        for save in (np.savez, np.savez_compressed):
            save(out / "a.npz", **arrays)
            found = read_arrays(out, "a.npz")
            assert set(found) == set(arrays)
            for name, array in arrays.items():
                assert found[name].dtype == array.dtype
                assert found[name].shape == array.shape
                assert np.array_equal(found[name], array)
                assert found[name].flags.writeable

    def test_a_pickle_is_not_run(self, out, tmp_path):
        class Evil:
            def __reduce__(self):
                return (os.mkdir, (str(tmp_path / "executed"),))

        np.savez(out / "a.npz", a=np.array([Evil()], dtype=object))
        with pytest.raises(StoreError, match=r"a\.npz"):
            read_arrays(out, "a.npz")
        assert not (tmp_path / "executed").exists()

    def test_a_bomb_is_not_unpacked(self, out):
        npz(out / "a.npz", a=bytes(64 * 2**20))
        assert (out / "a.npz").stat().st_size < 2**20
        with pytest.raises(StoreError, match="unpacks to more than"):
            read_arrays(out, "a.npz", limit=2**20)

    def test_a_header_that_claims_more_than_there_is_takes_no_memory(self, out):
        data = npy(np.zeros(4)).replace(b"'shape': (4,), ", b"'shape': (2**60,)"[:15].ljust(15))
        honest = npy(np.zeros(4))
        lie = honest.replace(b"(4,), }         ", b"(99999999999,), ")
        assert lie != honest
        for bad in (data, lie, honest[:-1], honest + b"x"):
            npz(out / "a.npz", a=bad)
            with pytest.raises(StoreError, match=r"a\.npz is no \.npz"):
                read_arrays(out, "a.npz")

    def test_a_size_that_the_archive_lies_about_is_caught(self, out):
        npz(out / "a.npz", a=bytes(2**20))
        data = bytearray((out / "a.npz").read_bytes())
        entry = data.rindex(b"PK\x01\x02")
        data[entry + 24 : entry + 28] = struct.pack("<I", 10)  # the unpacked size in the central directory
        (out / "a.npz").write_bytes(data)
        with pytest.raises(StoreError):
            read_arrays(out, "a.npz", limit=2**20)

    @pytest.mark.parametrize("data", [b"", b"PK\x05\x06", b"\x93NUMPY", bytes(1000)])
    def test_rubbish_is_refused(self, out, data):
        (out / "a.npz").write_bytes(data)
        with pytest.raises(StoreError, match=r"a\.npz is no \.npz"):
            read_arrays(out, "a.npz")

    def test_records_and_texts_that_hold_objects_are_refused(self, out):
        npz(out / "a.npz", a=npy(np.zeros(2, dtype=[("x", float)])))
        with pytest.raises(StoreError):
            read_arrays(out, "a.npz")
