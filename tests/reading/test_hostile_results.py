"""Thousands of damaged and hostile folders: what reads them gives a value that can be true, or one typed error."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import resource
import shutil
import signal
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

import pytest

from rewardsmith.domain.events import GenerationEnded, RunStarted, Screened
from rewardsmith.domain.plan import Plan
from rewardsmith.domain.prompt import Context
from rewardsmith.domain.report import Report
from rewardsmith.domain.run import Run
from rewardsmith.domain.sandbox import SandboxSpec
from rewardsmith.errors import InfrastructureError, StoreError, WorkerFailed
from rewardsmith.executors.local import LocalExecutor
from rewardsmith.export.policy import read_policy
from rewardsmith.prompting.messages import compose
from rewardsmith.reports.board import board
from rewardsmith.reports.story import candidate_story, story
from rewardsmith.search.archive import read_archive
from rewardsmith.search.journal import Journal
from rewardsmith.search.results import result, train_result
from rewardsmith.search.surveying import survey, survey_key
from rewardsmith.search.training import Trainings, read_report
from rewardsmith.store.artifacts import RunFolder
from rewardsmith.store.leases import Owner
from rewardsmith.store.store import Store

from .conftest import Real
from .damage import FILES, SECRET, Damage, damage, remove

MARK = 7777.25
"""A number in the files outside."""
CASES, CHUNK = 1000, 50
SLOW_CASES = 10_000
STUCK_S = 300
"""A case that takes longer hangs: on a pipe, on a device, or in what it computes."""
MOST_GROWTH_KIB = 1 << 20
"""Memory that a chunk may take beside what was there: one file at its cap, and no bomb beyond it."""


class Planter(LocalExecutor):
    """Instead of running a worker, puts what a hostile one might have left; all else is the real executor's."""

    def __init__(self, real: Path, outside: Path, seed: str, file: str = "", how: Damage | None = None) -> None:
        """Plant by chance, or do one damage to one file."""
        super().__init__(1, SandboxSpec(name="process", kind="process"))
        self._file = file
        self._how = how
        self._real = real
        self._outside = outside
        self._seed = seed
        self.done: list[str] = []

    def start(self, folder: Path, job: object, *, resume_from: Path | None = None) -> None:
        shutil.copytree(self._real, folder)
        # the same at each try: a worker that is hostile stays so
        chance = random.Random(self._seed)
        if self._how is None:
            self.done.append(damage(folder, self._outside, chance))
        else:
            self._how(folder / self._file, self._outside, chance)
            self.done.append(f"{self._how.__name__} {self._file}")


@contextlib.contextmanager
def bounded() -> Iterator[None]:
    """End a case that hangs."""

    def stuck(number: int, frame: FrameType | None) -> None:
        raise AssertionError(f"no answer within {STUCK_S} s")

    before, (left, _) = signal.signal(signal.SIGALRM, stuck), signal.setitimer(signal.ITIMER_REAL, STUCK_S)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, left)
        signal.signal(signal.SIGALRM, before)


@pytest.fixture
def outside(tmp_path: Path, real: Real) -> Iterator[Path]:
    """A folder beside, with a secret and with sound files of the same names, marked: nothing of it may be read."""
    folder = tmp_path / "outside"
    for job in ("survey", "train"):
        shutil.copytree(real.folder / job / "out", folder, dirs_exist_ok=True)
    (folder / "secret").write_text(SECRET)
    for name, key, value in (
        *(
            ("report.json", "wall_s", MARK),
            ("survey.json", "steps_per_second", MARK),
            ("policy.json", "algorithm", SECRET),
        ),
    ):
        told = json.loads((folder / name).read_text())
        (folder / name).write_text(json.dumps(told | {key: value}))
    (folder / "result.json").write_text(json.dumps({"exit_code": None, "message": SECRET}))
    (folder / "learning_curve.csv").write_text(f"steps,score_mean\n1,{MARK}\n")
    (folder / "log.txt").write_text(SECRET)
    before = _listed(folder)
    yield folder
    assert _listed(folder) == before
    assert not (tmp_path / "executed").exists(), "a pickle was executed"


def _listed(folder: Path) -> dict[str, object]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path.relative_to(folder)): (path.read_bytes(), path.stat().st_mtime_ns) for path in files}


def seeds(kind: str, count: int) -> list[pytest.param]:
    chunks = range(0, count, CHUNK)
    everyday = CASES // 2 // CHUNK
    return [
        pytest.param(f"{kind}-{first}", marks=[pytest.mark.slow] if place >= everyday else [])
        for place, first in enumerate(chunks)
    ]


def test_seeds_are_as_many_as_promised() -> None:
    chunks = [*seeds("train", SLOW_CASES // 2), *seeds("survey", SLOW_CASES // 2)]
    assert len(chunks) * CHUNK == SLOW_CASES
    assert sum(not chunk.marks for chunk in chunks) * CHUNK == CASES


@contextlib.contextmanager
def memory_is_bounded() -> Iterator[None]:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    yield
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < MOST_GROWTH_KIB


@pytest.mark.parametrize("chunk", seeds("train", SLOW_CASES // 2))
def test_a_training(chunk: str, real: Real, outside: Path, tmp_path: Path) -> None:
    ended: Counter[str] = Counter()
    with contextlib.closing(Store.open(tmp_path / "rewardsmith.db")) as store, memory_is_bounded():
        for number in range(CHUNK):
            seed = f"{chunk}-{number}"
            planter = Planter(real.folder / "train", outside, seed)
            try:
                with bounded():
                    ended[_train(real, planter, store, tmp_path / "runs", seed)] += 1
            except BaseException as error:
                error.add_note(f"seed {seed}: {planter.done[:1]}")
                raise
            shutil.rmtree(tmp_path / "runs", ignore_errors=True)
    assert set(ended) == {"lost", "recorded"}


def _train(real: Real, planter: Planter, store: Store, runs: Path, name: str) -> str:
    """The way of one training through the run; how it ended."""
    run, folder = Run(), RunFolder(runs, name)
    store.create(name)
    journal = Journal(store, store.claim(name, owner=Owner.current()), run, lambda event, state: None)
    trainings = Trainings(journal, planter, folder, real.survey, real.recipe, sleep=asyncio.sleep, clock=lambda: 0.0)
    spec = real.spec.model_copy(update={"run": name})
    planned = Plan(trainings=1, steps=1, completions=1, wall_s=None, dollars=None)
    asyncio.run(journal.append(RunStarted(spec=spec, plan=planned), Screened(candidate=real.candidate)))
    subject = real.candidate.id
    how = "recorded"
    try:
        report = asyncio.run(trainings.report("search", subject, spec.seed, real.reward, priority=lambda: (1,)))
        assert report is not None
        asyncio.run(journal.append(GenerationEnded(generation=1, best=subject, best_overall=subject)))
    except WorkerFailed:
        how = "lost"
        assert len(planter.done) == 3, "a worker's fault is tried again, and then given up"
    told = Run.fold(store.events(name))
    assert told == run
    attempt = told.finished.get(("search", subject, spec.seed))
    out = folder.attempt(attempt) / "out" if attempt else runs / "none"
    texts = [event.event.model_dump_json() for event in store.events(name)]
    texts += [story(told, result(told, real.survey, folder), real.survey)]
    texts += [candidate_story(told, real.candidate, "folder"), repr(board(told))]
    context = Context(real.task, real.survey, real.probe, history=told.turns(), parents=told.turns(), seed=0, k=1)
    texts += [message.content for message in compose(real.recipe, context)]
    for read in (lambda: read_policy(out), lambda: read_archive(out, real.survey.signals)):
        with contextlib.suppress(StoreError):
            texts.append(repr(read()))
    if attempt:
        report = read_report(out, real.job)
        _looks_honest(report, real)
        texts.append(train_result(report, "folder").model_dump_json())
    kept = folder.candidate(subject) / "learning_curve.csv"
    texts += [kept.read_text()] if kept.exists() else []
    for text in texts:
        assert SECRET not in text
        assert str(MARK) not in text
        assert "\x1b" not in text
        assert len(text) < 2 << 20
    return how


def _looks_honest(report: Report, real: Real) -> None:
    """Told apart from what the reading checks, in fewer words: what a person would see at a glance."""
    assert report.seed == real.job.seed
    assert 0 <= report.steps < 10**6
    assert 0 <= report.scoring_steps < 10**6
    assert report.wall_s >= 0
    assert len(report.rungs) == real.job.rungs or report.failure
    assert report.best_rung in range(len(report.rungs)) or not report.rungs
    assert all(len(rung.scores) == len(rung.lengths) == real.job.episodes for rung in report.rungs)
    assert all(min(rung.scores) <= rung.mean <= max(rung.scores) for rung in report.rungs)
    assert all(component.name.isprintable() for component in report.components)


@pytest.mark.parametrize("how", FILES)
def test_every_damage_to_every_file_of_a_training(how: Damage, real: Real, outside: Path, tmp_path: Path) -> None:
    out = real.folder / "train" / "out"
    files = ["result.json", "log.txt", *(f"out/{path.name}" for path in sorted(out.iterdir()) if path.is_file())]
    assert "out/report.json" in files
    with contextlib.closing(Store.open(tmp_path / "rewardsmith.db")) as store:
        for place, file in enumerate(files):
            planter = Planter(real.folder / "train", outside, f"{how.__name__} {file}", file, how)
            try:
                with bounded():
                    _train(real, planter, store, tmp_path / "runs", f"run-{place}")
            except BaseException as error:
                error.add_note(str(planter.done[:1]))
                raise


@pytest.mark.parametrize("chunk", seeds("survey", SLOW_CASES // 2))
def test_a_survey(chunk: str, real: Real, outside: Path, tmp_path: Path) -> None:
    ended: Counter[str] = Counter()
    with memory_is_bounded():
        for number in range(CHUNK):
            seed = f"{chunk}-{number}"
            planter = Planter(real.folder / "survey", outside, seed)
            try:
                with bounded():
                    ended[_survey(real, planter, tmp_path / "surveys")] += 1
            except BaseException as error:
                error.add_note(f"seed {seed}: {planter.done[:1]}")
                raise
            shutil.rmtree(tmp_path / "surveys", ignore_errors=True)
    assert set(ended) == {"refused", "taken"}


def _survey(real: Real, planter: Planter, surveys: Path) -> str:
    # what an earlier process left is read, found wanting, and made again; and then it is as bad as before
    planter.start(surveys / survey_key(real.task), None)
    try:
        found, probe = survey(real.task, planter, surveys, note=lambda text: None)
    except InfrastructureError as error:
        said = error.message + error.hint
        return "leaked" if SECRET in said or not said.isprintable() else "refused"
    context = Context(real.task, found, probe, history=(), parents=(), seed=0, k=1)
    text = "".join(message.content for message in compose(real.recipe, context)) + found.model_dump_json()
    assert SECRET not in text
    assert str(MARK) not in text
    assert len(text) < 4 << 20
    assert abs(found.random_score()) <= 1e100
    assert (found.horizon, found.fingerprint) == (real.survey.horizon, real.task.fingerprint())
    assert found.dt > 0
    assert all(1 <= episode.length <= found.horizon for episode in found.episodes)
    assert set(probe.arrays) == set(found.names())
    assert len(list(probe.episodes())) == len(found.episodes)
    return "taken"


def test_the_files_as_they_were_are_taken(real: Real, outside: Path, tmp_path: Path) -> None:
    class Honest(Planter):
        def start(self, folder: Path, job: object, *, resume_from: Path | None = None) -> None:
            shutil.copytree(self._real, folder)

    with contextlib.closing(Store.open(tmp_path / "rewardsmith.db")) as store:
        assert _train(real, Honest(real.folder / "train", outside, ""), store, tmp_path / "runs", "run") == "recorded"
    honest = Honest(real.folder / "survey", outside, "")
    assert _survey(real, honest, tmp_path / "surveys") == "taken"
    files = read_policy(real.folder / "train" / "out")
    assert set(files) == {"policy.safetensors", "policy.json", "normalisation.npz", "load.py"}
    assert read_archive(real.folder / "train" / "out", real.survey.signals).scores


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a device")
def test_damages_reach_devices(real: Real, tmp_path: Path) -> None:
    from .damage import device

    (tmp_path / "file").write_text("")
    device(tmp_path / "file", tmp_path, random.Random(0))
    assert (tmp_path / "file").is_char_device()


def test_a_survey_whose_worker_was_lost_is_made_anew(real: Real, outside: Path, tmp_path: Path) -> None:
    lost = tmp_path / "surveys" / survey_key(real.task)
    (lost / "out").mkdir(parents=True)
    (lost / "result.json").write_text('{"exit_code": 137}')
    planter = Planter(real.folder / "survey", outside, "", "log.txt", remove)
    found, _ = survey(real.task, planter, tmp_path / "surveys", note=lambda text: None)
    assert found == real.survey
