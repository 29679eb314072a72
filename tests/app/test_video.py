"""Films of policies that were really trained, drawn without a display."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import imageio.v2 as imageio
import pytest
from PIL import Image

from rewardsmith.app import EvolveRequest
from rewardsmith.domain.film import Film
from rewardsmith.errors import InfrastructureError, StoreError, UnknownName, UsageError
from rewardsmith.executors.executor import Done
from rewardsmith.search.filming import Camera, attempt_of, refuse_undrawn
from rewardsmith.worker import video as worker_video


def test_a_candidate_and_a_baseline_are_filmed_once(desk, good):
    desk.evolve(model=desk.answer(good(0.1), "no code"), baselines=("human",))
    found = desk.workshop.video("run")
    assert found.subject == "g1c00"
    mp4, gif = map(Path, found.files)
    assert mp4.parent == desk.folder / "runs/run/g1/g1c00"
    with imageio.get_reader(mp4) as reader:
        told = reader.get_meta_data()
        assert told["size"] == (found.film.width, found.film.height) == (480, 480)
        assert told["fps"] == pytest.approx(found.film.fps, rel=0.01)
        assert reader.count_frames() == found.film.frames > 1
        first = reader.get_data(0)
    assert first.std() > 10, "something is drawn"
    with Image.open(gif) as picture:
        assert picture.size == (240, 240)
    film = desk.workshop.folder("run").film(attempt_of(desk.workshop.run("run"), "g1c00"))
    stamp = (film / "out" / "film.json").stat().st_mtime_ns
    desk.workshop.video("run", "g1c00", desk.folder / "again.gif")
    assert (desk.folder / "again.mp4").read_bytes() == mp4.read_bytes()
    assert (film / "out" / "film.json").stat().st_mtime_ns == stamp, "what is filmed is not filmed again"
    human = desk.workshop.video("run", "human")
    assert Path(human.files[0]) == desk.folder / "runs/run/baselines/human/video.mp4"
    assert "data:video/mp4;base64," in (desk.folder / "runs/run/report.html").read_text(), "the report shows it now"
    with pytest.raises(UsageError, match=r"film.avi is no name of a film"):
        desk.workshop.video("run", "g1c00", desk.folder / "film.avi")
    with pytest.raises(UnknownName, match=r"did you mean .*'g1c00'"):
        desk.workshop.video("run", "g1c0")
    with pytest.raises(UsageError, match="g1c01 has no trained policy"):
        desk.workshop.video("run", "g1c01")
    (film / "out" / "video.mp4").write_bytes(b"#!/bin/sh\n")
    with pytest.raises(StoreError, match="not what its name says"):
        desk.workshop.video("run", "g1c00")


def test_what_draws_nothing_is_not_started_for_a_film(desk):
    """Isaac would start for minutes, only to say so."""
    with pytest.raises(UsageError, match="task 'isaac_cartpole' cannot be filmed: Isaac runs headless"):
        desk.workshop.train("human", "isaac_cartpole", video=True)
    with pytest.raises(UsageError, match="cannot be filmed"):
        desk.workshop.prepare(EvolveRequest(env="isaac_ant", watcher="openai:gpt-5"))
    refuse_undrawn(desk.workshop.task("playground_cheetah_run"))


def test_where_nothing_draws_it_is_said_what_to_install(desk, good, monkeypatch):
    desk.evolve(model=desk.answer(good(0.1), "no code"))
    run = desk.workshop.run("run")
    attempt = attempt_of(run, "g1c00")
    out = desk.workshop.folder("run").attempt(attempt) / "out"
    job = desk.folder / "job"
    (job / "out").mkdir(parents=True)
    (job / "job.json").write_bytes((out.parent / "job.json").read_bytes())
    monkeypatch.setenv("MUJOCO_GL", "disable")
    monkeypatch.setattr(worker_video, "_RENDERERS", ("gles", "x11"))
    worker_video.record_video(job, out)
    film = Film.model_validate_json((job / "out" / "film.json").read_text())
    assert [fault.split(":")[0] for fault in film.faults] == ["gles", "x11"]
    assert all("MUJOCO_GL" in fault for fault in film.faults)

    class Blind:
        """An executor whose worker found nothing to draw with."""

        def poll(self, folder):

            (folder / "out").mkdir(parents=True, exist_ok=True)
            (folder / "out" / "film.json").write_text(film.model_dump_json())
            return Done(folder / "out")

        def start(self, folder, job, *, resume_from=None): ...

    camera = Camera(run, Blind(), desk.workshop.folder("run"), desk.workshop.survey(run.spec.task)[0])
    with pytest.raises(InfrastructureError, match="nothing here can draw g1c00") as caught:
        asyncio.run(camera.film(attempt))
    assert "libegl1" in caught.value.hint
    film = Film(faults=("egl: DependencyNotInstalled: pygame is not installed, run `pip`", "osmesa: no"))
    with pytest.raises(InfrastructureError, match=r"draw g1c00: pygame is not installed$") as flat:
        asyncio.run(camera.film(attempt))
    assert flat.value.hint == "pip install 'gymnasium[classic-control]'"
    assert "libosmesa6" in caught.value.hint
    assert not os.path.lexists(desk.workshop.folder("run").film(attempt)), "so that it is tried again"
