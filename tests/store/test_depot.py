"""Bundles at a server that speaks S3, in a folder, and in memory: there whole or not at all."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from fsspec.core import url_to_fs
from s3fs import S3FileSystem

from rewardsmith.domain.candidate import Candidate
from rewardsmith.domain.events import Attempt
from rewardsmith.domain.film import VIDEO
from rewardsmith.errors import DepotAway, MissingExtra, StoreError, UsageError
from rewardsmith.store.artifacts import RunFolder
from rewardsmith.store.depot import Depot

_PLACES = count()
ATTEMPT = Attempt(purpose="confirm", subject="g1c00", seed=7)


@pytest.fixture(params=["s3", "folder", "memory"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "s3":
        return str(request.getfixturevalue("bucket"))
    return str(tmp_path / "depot") if request.param == "folder" else f"memory://place-{next(_PLACES)}"


@pytest.fixture
def worker(tmp_path: Path) -> Path:
    """What a worker left."""
    out = tmp_path / "worker" / "out"
    (out / "checkpoint" / "5").mkdir(parents=True)
    (out / "policy.json").write_text("{}")
    (out / "empty").touch()
    (out / "checkpoint" / "5" / "arrays.npz").write_bytes(os.urandom(3 << 20))
    return out


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def objects(address: str) -> tuple[Any, list[str]]:
    system, root = url_to_fs(address, use_listings_cache=False)
    return system, sorted(system.find(root))


def test_what_is_put_is_fetched_elsewhere(address, worker, tmp_path):
    Depot(address).put("run/try-0", worker)
    found = Depot(address).fetch("run/try-0", tmp_path / "other")
    assert contents(found) == contents(worker)
    assert Depot(address).holds("run")
    assert not Depot(address).holds("ru")
    assert Depot(address).fetch("run/try-1", tmp_path / "other") is None


def test_what_was_replaced_is_removed_and_nothing_else(address, worker, tmp_path):
    depot = Depot(address)
    depot.put("run/try-1", worker)
    before = depot.put("run/try-0", worker)
    (worker / "policy.json").write_text('{"better": true}')
    depot.put("run/try-0", worker)
    depot.remove("run/try-0", before)
    depot.remove("run/try-0", before)  # what is not there is no fault
    _, found = objects(address)
    assert not [each for each in found if f"try-0/{before}/" in each]
    assert contents(Depot(address).fetch("run/try-0", tmp_path / "other")) == contents(worker)
    assert Depot(address).fetch("run/try-1", tmp_path / "other") is not None


def test_a_bundle_without_its_list_is_none(address, worker, tmp_path):
    Depot(address).put("run/try-0", worker)
    system, found = objects(address)
    system.rm_file(next(each for each in found if each.endswith("try-0.json")))
    assert Depot(address).fetch("run/try-0", tmp_path / "other") is None


@pytest.mark.parametrize("damage", ["gone", "shorter", "longer", "other"])
def test_what_is_not_as_it_was_stored_is_not_fetched(address, worker, tmp_path, damage):
    Depot(address).put("run/try-0", worker)
    system, found = objects(address)
    (policy,) = (each for each in found if each.endswith("policy.json"))
    system.rm_file(policy)
    if damage != "gone":
        system.pipe_file(policy, {"shorter": b"{", "longer": b"{} ", "other": b"[]"}[damage])
    with pytest.raises(StoreError, match="lacks a file" if damage == "gone" else "policy.json is not what was stored"):
        Depot(address).fetch("run/try-0", tmp_path / "other")
    assert contents(tmp_path / "other") == {}


@pytest.mark.parametrize("name", ["../../private", "/etc/passwd", "a/../../../private", ".hidden", "a//b", "a\\nb"])
def test_a_list_cannot_name_a_file_outside(tmp_path, name):
    address = f"memory://place-{next(_PLACES)}"
    system, root = url_to_fs(address)
    listed = {"version": 1, "files": {name: {"size": 1, "sha256": "0" * 64}}}
    system.pipe_file(f"{root}/run/try-0.json", json.dumps(listed).encode())
    with pytest.raises(StoreError, match="names a file that cannot lie in a bundle"):
        Depot(address).fetch("run/try-0", tmp_path / "other")


def test_links_and_strange_names_of_a_worker_stay_where_they_are(worker, tmp_path):
    (tmp_path / "private").write_text("private")
    (worker / "link").symlink_to(tmp_path / "private")
    (worker / "way").symlink_to(tmp_path)
    (worker / "second").hardlink_to(tmp_path / "private")
    (worker / "a\nb").write_text("x")
    os.mkfifo(worker / "pipe")
    (worker / "/".join("deep" * 9)).mkdir(parents=True)
    (worker / "/".join("deep" * 9) / "file").write_text("x")
    address = f"memory://place-{next(_PLACES)}"
    Depot(address).put("run/try-0", worker)
    found = Depot(address).fetch("run/try-0", tmp_path / "other")
    assert {*contents(found)} == {"policy.json", "empty", "checkpoint/5/arrays.npz"}


def test_two_writers_of_one_bundle_do_not_mix(worker, tmp_path):
    address = f"memory://place-{next(_PLACES)}"
    Depot(address).put("run/try-0", worker)
    first = contents(worker)
    (worker / "policy.json").write_text('{"other": 1}')
    before = objects(address)[1]
    Depot(address).put("run/try-0", worker)
    assert set(before) < set(objects(address)[1])
    assert contents(Depot(address).fetch("run/try-0", tmp_path / "new")) == contents(worker) != first


def test_what_is_out_of_reach_says_so_and_is_not_asked_again_at_once(bucket, worker, tmp_path, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    S3FileSystem.clear_instance_cache()
    depot = Depot(bucket)
    with pytest.raises(DepotAway, match=r"s3://.* cannot be used: .*connect"):
        depot.fetch("run/try-0", tmp_path / "other")
    monkeypatch.setattr(Depot, "_system", None)  # whoever asks again fails otherwise
    with pytest.raises(DepotAway, match="cannot be used"):
        depot.put("run/try-0", worker)
    S3FileSystem.clear_instance_cache()


def test_a_bucket_that_is_not_there_is_not_made(bucket, worker):
    with pytest.raises((StoreError, DepotAway), match="bucket does not exist"):
        Depot(f"{bucket.rpartition('/')[0]}-other/runs").put("run/try-0", worker)


def test_a_secret_in_an_address_is_not_shown():
    with pytest.raises((UsageError, MissingExtra)) as caught:
        Depot("nothing://me:planted@host/x").look()
    assert "planted" not in f"{caught.value.message} {caught.value.hint}"


def test_a_host_reads_what_another_has_finished(bucket, worker, tmp_path):
    ours = RunFolder(tmp_path / "ours", "run", Depot(bucket))
    theirs = RunFolder(tmp_path / "theirs", "run", Depot(bucket))
    candidate = Candidate(generation=1, slot=0, origin="proposed", source="def compute_reward(): ...\n")
    ours.attempt(ATTEMPT).mkdir(parents=True)
    worker.rename(ours.own_out(ATTEMPT))
    (ours.attempt(ATTEMPT) / "result.json").write_text("{}")
    assert not theirs.taken
    ours.keep_candidate(candidate, [], "an answer")
    ours.share(ATTEMPT)
    (ours.subject("g1c00") / VIDEO).write_bytes(b"film")
    (ours.subject("g1c00") / "video.gif").write_bytes(b"film")
    ours.keep_film("g1c00")
    assert theirs.taken
    assert ours.out(ATTEMPT) == ours.own_out(ATTEMPT)
    assert contents(theirs.out(ATTEMPT)) == contents(ours.out(ATTEMPT))
    assert (theirs.written("g1c00") / "response.md").read_text() == "an answer"
    assert theirs.video("g1c00").read_bytes() == b"film"
    assert theirs.video("human") is None


def test_half_of_what_another_host_finished_is_not_taken_for_it(bucket, worker, tmp_path):
    ours = RunFolder(tmp_path / "ours", "run", Depot(bucket))
    theirs = RunFolder(tmp_path / "theirs", "run", Depot(bucket))
    ours.attempt(ATTEMPT).mkdir(parents=True)
    worker.rename(ours.own_out(ATTEMPT))
    ours.share(ATTEMPT)
    theirs.own_out(ATTEMPT).mkdir(parents=True)  # a training that was called off
    (theirs.own_out(ATTEMPT) / "policy.json").write_text("half")
    assert (theirs.out(ATTEMPT) / "policy.json").read_text() == "{}"


def test_without_the_package_the_pip_line_is_shown():
    lines = "import sys; sys.modules['s3fs'] = None\nfrom rewardsmith.store.depot import Depot\nDepot('s3://x').look()"
    done = subprocess.run([sys.executable, "-c", lines], capture_output=True, text=True)
    assert "MissingExtra" in done.stderr
