from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from rewardsmith.domain.job import Progress
from rewardsmith.errors import StoreError
from rewardsmith.store.untrusted import read_end, read_record, read_start, read_untrusted


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


def plant_sparse(out: Path) -> None:
    (out / "a").touch()
    os.truncate(out / "a", 1 << 40)


def plant_device(out: Path) -> None:
    try:
        os.mknod(out / "a", 0o666 | stat.S_IFCHR, os.makedev(1, 5))
    except PermissionError:
        os.mkfifo(out / "a")


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
    plant_sparse,
    plant_device,
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

    def test_a_user_s_own_file_may_have_two_names(self, out):
        plant_hard_link(out)
        assert read_untrusted(out, "a", limit=100, shared=True) == b"private"

    def test_a_path_that_no_system_knows_is_refused(self, out):
        with pytest.raises(StoreError, match="no readable"):
            read_untrusted(out, "a\0b", limit=100)

    def test_only_a_part_is_read_where_a_part_is_asked_for(self, out):
        (out / "a").write_bytes(b"0123456789")
        assert read_end(out, "a", most=3) == b"789"
        assert read_end(out, "a", most=30) == b"0123456789"
        assert read_start(out, "a", most=3) == (b"012", False)
        assert read_start(out, "a", most=10) == (b"0123456789", True)

    @pytest.mark.parametrize("plant", PLANTS[:-2] + PLANTS[-1:])
    def test_a_part_is_refused_as_the_whole_is(self, out, plant):
        plant(out)
        if plant not in (plant_large, plant_sparse):
            with pytest.raises(StoreError):
                read_end(out, "a", most=10)

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
            '{"steps": 1, "of": 0, "steps_per_second": 3}',
            '{"steps": -1, "of": 2, "steps_per_second": 3}',
            '{"steps": 1' + "0" * 4000 + ', "of": 2, "steps_per_second": 3}',
            '{"steps": 1, "of": 2, "steps_per_second": 1e999}',
            '{"steps": 1, "of": 2, "steps_per_second": 3, "score": 1e300}',
            '{"steps": 1, "steps": 1, "of": 2, "steps_per_second": 3}',
            '{"steps": 1, "of": 2, "steps_per_second": 3, "\\ud800": 1}',
        ],
    )
    def test_anything_else_is_refused(self, out, text):
        (out / "p.json").write_bytes(text.encode(errors="surrogateescape"))
        with pytest.raises(StoreError, match=r"p\.json is no Progress"):
            read_record(out, "p.json", Progress)
