"""Films policies of a run: a worker plays one episode of a finished training, and its pictures are checked and kept."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from rewardsmith.domain.events import Attempt
from rewardsmith.domain.film import GIF, VIDEO, Film, VideoResult, still
from rewardsmith.domain.job import FilmJob, RewardSpec, TrainJob
from rewardsmith.domain.run import Run
from rewardsmith.domain.survey import Survey
from rewardsmith.domain.task import Task
from rewardsmith.errors import InfrastructureError, StoreError, UnknownName, UsageError
from rewardsmith.executors.executor import Done, Executor, Lost, Running
from rewardsmith.search.results import standing
from rewardsmith.search.surveying import fault
from rewardsmith.search.training import train_job
from rewardsmith.store.artifacts import RunFolder, write_durably
from rewardsmith.store.untrusted import MIB, read_record, read_untrusted

POLL_S = 0.1
_MOST_BYTES = 256 * MIB
_STILL_BYTES = 4 * MIB
_BEGINNINGS = {VIDEO: (4, b"ftyp"), GIF: (0, b"GIF8")}
"""Where in a file which bytes must stand."""
SUFFIXES = tuple(Path(name).suffix for name in _BEGINNINGS)
INSTALL = (
    "apt-get install libegl1 libgl1-mesa-dri, or libosmesa6; pip install 'rewardsmith[video]' if imageio is missing"
)
"""What lets a machine draw without a display."""


_TWO_DIMENSIONS = "pygame is not installed"
"""What Gymnasium says where classic control cannot be drawn, whatever draws MuJoCo."""


@dataclass(frozen=True)
class Footage:
    """A film that was checked."""

    film: Film
    folder: Path
    """Where its files lie: a worker's, so read through `stills` and `copy` alone."""

    def stills(self) -> tuple[bytes, ...]:
        """The pictures as JPEG. Raises StoreError."""
        found = tuple(read_untrusted(self.folder, still(n), limit=_STILL_BYTES) for n in range(len(self.film.times)))
        if not all(each.startswith(b"\xff\xd8\xff") for each in found):
            raise StoreError(f"{self.folder}: a still is no JPEG")
        return found

    def copy(self, name: str) -> bytes:
        """The MP4 or the GIF. Raises StoreError."""
        place, wanted = _BEGINNINGS[name]
        data = read_untrusted(self.folder, name, limit=_MOST_BYTES)
        if data[place : place + len(wanted)] != wanted:
            raise StoreError(f"{self.folder / name} is not what its name says")
        return data


@dataclass(frozen=True)
class Camera:
    """Films what a run has trained; what is filmed already is not filmed again."""

    run: Run
    executor: Executor
    folder: RunFolder
    survey: Survey
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep

    async def film(self, attempt: Attempt) -> Footage:
        """Film the best rung's policy of a finished or paused training.

        Raises:
            InfrastructureError: Nothing here can draw, the worker was lost, or what it left is damaged.
        """
        place = self.folder.film(attempt)
        job = FilmJob(train=self._train(attempt))
        if not isinstance(await asyncio.to_thread(self.executor.poll, place), Running | Done) and place.exists():
            await asyncio.to_thread(shutil.rmtree, place, ignore_errors=True)
        try:
            trained = await asyncio.to_thread(self.folder.out, attempt)
            await asyncio.to_thread(self.executor.start, place, job, resume_from=trained)
            while isinstance(state := await asyncio.to_thread(self.executor.poll, place), Running):
                await self.sleep(POLL_S)
        except BaseException:
            self.executor.stop(place)
            raise
        if isinstance(state, Lost):
            raise fault(state, place)
        film = read_record(state.folder, "film.json", Film, limit=MIB)
        if film.faults or not film.frames:
            await asyncio.to_thread(shutil.rmtree, place, ignore_errors=True)
            raise _undrawn(attempt.subject, film.faults)
        return Footage(film, state.folder)

    async def keep(self, attempt: Attempt, mp4: Path, gif: Path) -> Footage:
        """Film, and write MP4 and GIF to where they are wanted. Raises as `film`."""
        footage = await self.film(attempt)
        for name, path in ((VIDEO, mp4), (GIF, gif)):
            await asyncio.to_thread(write_durably, path, footage.copy(name))
        return footage

    def _train(self, attempt: Attempt) -> TrainJob:
        spec = self.run.spec
        assert spec is not None
        paid = RewardSpec(kind="sparse", reward_id="sparse")  # a film pays nothing
        return train_job(spec.task, self.survey, paid, spec.budget, seed=attempt.seed)


def refuse_undrawn(task: Task) -> None:
    """Raise UsageError for a task whose simulator draws nothing, before a worker starts it only to find out."""
    if task.environment.simulator in ("isaac_gym", "isaac_lab"):
        raise UsageError(
            f"task {task.name!r} cannot be filmed: Isaac runs headless here and draws nothing",
            hint="watch an exported policy in the simulator itself: `rewardsmith export --policy`",
        )


async def film_one(camera: Camera, subject: str | None, to: Path | None) -> VideoResult:
    """Film a candidate or a baseline, the candidate that the run stands by when absent.

    Args:
        camera: Films the run.
        subject: Such as `g2c05` or `human`.
        to: The file to write, `.mp4` or `.gif`; the other is written beside it. Absent: the subject's own folder.

    Raises:
        UsageError: There is no such subject, it has not been trained, or `to` is no file of a film.
        InfrastructureError: As for `Camera.film`.
    """
    run = camera.run
    assert run.spec is not None
    refuse_undrawn(run.spec.task)
    if to is not None and to.suffix not in SUFFIXES:
        raise UsageError(f"{to} is no name of a film", hint="end it in .mp4 or .gif; the other is written beside it")
    known = [*run.candidates, *(subject for purpose, subject, _ in run.reports if purpose == "baseline")]
    chosen = subject or standing(run)
    if chosen is None:
        raise UsageError(
            f"run {run.spec.run} has no scored candidate yet", hint=f"see `rewardsmith show {run.spec.run}`"
        )
    if chosen not in known:
        raise UnknownName("candidate", chosen, known, where=f"run {run.spec.run}")
    attempt = attempt_of(run, chosen)
    mp4 = camera.folder.subject(chosen) / VIDEO if to is None else to.with_suffix(".mp4")
    gif = mp4.with_suffix(".gif")
    footage = await camera.keep(attempt, mp4, gif)
    if to is None:
        await asyncio.to_thread(camera.folder.keep_film, chosen)
    files = (str(mp4), str(gif))
    return VideoResult(run=run.spec.run, subject=chosen, seed=attempt.seed, film=footage.film, files=files)


def _undrawn(subject: str, faults: tuple[str, ...]) -> InfrastructureError:
    said, hint = "; ".join(faults) or "neither EGL nor OSMesa is there", INSTALL
    if _TWO_DIMENSIONS in said:
        said, hint = _TWO_DIMENSIONS, "pip install 'gymnasium[classic-control]'"
    return InfrastructureError(f"nothing here can draw {subject}: {said}", hint=hint)


def attempt_of(run: Run, subject: str) -> Attempt:
    """The training whose policy stands for a candidate or a baseline: the best of the confirmation, else of the rest.

    Raises:
        UsageError: It has not been trained.
    """
    candidate = run.candidates.get(subject)
    name = (candidate.twin if candidate else None) or subject
    for purposes in (("confirm",), ("search", "compare", "baseline")):
        reports = {key: report for key, report in {**run.paused, **run.reports}.items() if key[0] in purposes}
        found = [
            (report.score, -key[2], key)
            for key, report in reports.items()
            if key[1] == name and report.score is not None and report.failure is None
        ]
        if found:
            return run.finished[max(found)[2]]
    raise UsageError(f"{subject} has no trained policy", hint="name a candidate with a score, or a trained baseline")
