"""A run's folder, made for `ls` and `cat`, and what workers leave in it, read as the untrusted files that they are.

<run>/g2/g2c05/        reward.py prompt.md response.md critique.md report.json learning_curve.csv
<run>/g2/g2c05/video.mp4 video.gif    where it was filmed
<run>/g2/g2c05/seed-7/try-0/    the training: job.json, log.txt, out/
<run>/g2/g2c05/seed-7/film-0/   the job that filmed its policy
<run>/baselines/human/seed-7/try-0/
<run>/compare/g2c05/seed-101/try-0/
<run>/confirm/g2c05/seed-201/try-0/
<run>/fetched/...              what another host put into the depot, where runs have one
"""

from __future__ import annotations

import contextlib
import csv
import io
import math
import os
import re
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rewardsmith.domain.film import GIF, VIDEO
from rewardsmith.errors import DepotAway, StoreError, UsageError
from rewardsmith.store.untrusted import MIB, read_untrusted

if TYPE_CHECKING:
    from rewardsmith.domain.candidate import Candidate
    from rewardsmith.domain.events import Attempt
    from rewardsmith.domain.prompt import Message
    from rewardsmith.domain.report import Report
    from rewardsmith.domain.review import Review
    from rewardsmith.store.depot import Depot

__all__ = ["RunFolder", "write_durably"]

_CANDIDATE = re.compile(r"(g[0-9]+)c[0-9]+")
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_CURVE_BYTES = 16 * MIB
_CURVE_COLUMNS = ("steps", "score_mean", "score_std", "episode_length", "success")


class RunFolder:
    """The folder of one run. Writing raises StoreError when the disk is full or the folder read-only.

    With a depot, what is finished is put there, and what is not here is fetched from there; both raise as `Depot` does.
    """

    def __init__(self, root: Path, run: str, depot: Depot | None = None) -> None:
        """Name the folder `root/run`; nothing is made yet."""
        self.path = root / _checked(run)
        self._depot = depot

    @property
    def taken(self) -> bool:
        """Whether something lies there already."""
        return self.path.exists() or (self._depot is not None and self._depot.holds(self.path.name))

    def check_free(self) -> None:
        """Raise UsageError where something lies that a new run of this name would mix with."""
        if self.taken:
            raise UsageError(
                f"there is something in {self.path} already",
                hint=f"`rewardsmith resume {self.path.name}` if it is a run of this database, else take another name",
            )

    def candidate(self, candidate_id: str) -> Path:
        """Folder of a candidate, such as `g2/g2c05`."""
        match = _CANDIDATE.fullmatch(candidate_id)
        if match is None:
            raise ValueError(f"{candidate_id!r} is no candidate id")
        return self.path / match[1] / candidate_id

    def attempt(self, attempt: Attempt) -> Path:
        """Folder of one attempt; every number has its own."""
        match attempt.purpose:
            case "search":
                subject = self.candidate(attempt.subject)
            case "baseline":
                subject = self.subject(attempt.subject)
            case _:
                subject = self.path / attempt.purpose / _checked(attempt.subject)
        return subject / f"seed-{attempt.seed}" / f"try-{attempt.number}"

    def own_out(self, attempt: Attempt) -> Path:
        """What an attempt left here; there may be nothing."""
        return self.attempt(attempt) / "out"

    def share(self, attempt: Attempt) -> None:
        """Put what an attempt left into the depot, before anything tells of it."""
        self._put(self.attempt(attempt), self.own_out(attempt))

    def out(self, attempt: Attempt) -> Path:
        """What an attempt left, from the depot where it did not end here; there may be nothing."""
        folder = self.attempt(attempt)
        ended_here = self._depot is None or (folder / "result.json").exists()
        return (None if ended_here else self._fetched(folder)) or self.own_out(attempt)

    def film(self, attempt: Attempt) -> Path:
        """Folder of the job that films what an attempt trained."""
        return self.attempt(attempt).with_name(f"film-{attempt.number}")

    def subject(self, name: str) -> Path:
        """Folder of a candidate, or of a baseline."""
        return self.candidate(name) if _CANDIDATE.fullmatch(name) else self.path / "baselines" / _checked(name)

    def written(self, candidate_id: str) -> Path:
        """Where a candidate's prompt and answer lie."""
        folder = self.candidate(candidate_id)
        return (None if (folder / "prompt.md").exists() else self._fetched(folder / "written")) or folder

    def keep_film(self, subject: str) -> None:
        """Put the film in a subject's folder into the depot."""
        folder = self.subject(subject)
        self._put(folder / "film", folder, (VIDEO, GIF))

    def video(self, subject: str) -> Path | None:
        """The MP4 of a subject, the newest of any host; None where nobody has filmed it."""
        folder = self.subject(subject)
        with contextlib.suppress(DepotAway):
            folder = self._fetched(folder / "film") or folder
        path = folder / VIDEO
        return path if path.is_file() else None

    def keep_candidate(self, candidate: Candidate, messages: Sequence[Message], response: str) -> None:
        """Write a candidate's reward, what was asked and what was answered."""
        folder = self.candidate(candidate.id)
        if candidate.source is not None:
            self.write_text(folder / "reward.py", candidate.source)
        prompt = "\n\n".join(f"# {message.role}\n\n{message.content.strip()}" for message in messages)
        self.write_text(folder / "prompt.md", prompt + "\n")
        self.write_text(folder / "response.md", response)
        if candidate.reviews:
            self.write_text(folder / "critique.md", _critique(candidate.reviews))
        if candidate.failure is not None:
            self.write_text(folder / "failure.json", candidate.failure.model_dump_json(indent=2) + "\n")
        names = ("reward.py", "prompt.md", "response.md", "critique.md", "failure.json")
        self._put(folder / "written", folder, tuple(name for name in names if (folder / name).exists()))

    def keep_report(self, candidate_id: str, report: Report, out: Path) -> None:
        """Write a candidate's report, and the learning curve that its worker left in `out`."""
        folder = self.candidate(candidate_id)
        self.write_text(folder / "report.json", report.model_dump_json(indent=2) + "\n")
        with contextlib.suppress(StoreError):
            self.write_text(folder / "learning_curve.csv", _read_curve(out))

    def _put(self, place: Path, folder: Path, files: tuple[str, ...] | None = None) -> None:
        if self._depot is not None:
            self._depot.put(self._name(place), folder, files)

    def _fetched(self, place: Path) -> Path | None:
        """A local copy of what the depot holds for this place."""
        if self._depot is None:
            return None
        return self._depot.fetch(self._name(place), self.path / "fetched" / place.relative_to(self.path))

    def _name(self, place: Path) -> str:
        return place.relative_to(self.path.parent).as_posix()

    def write_text(self, path: Path, text: str) -> None:
        """Replace a file in one step; its folder is made."""
        write_durably(path, text.encode("utf-8", errors="replace"))


def write_durably(path: Path, data: bytes) -> None:
    """Replace `path` by `data` in one step that survives a crash; its folder is made.

    Raises:
        StoreError: The disk is full, or the folder is read-only.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with temporary.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        except OSError:
            temporary.unlink(missing_ok=True)
            raise
        _sync_folder(path.parent)
    except OSError as error:
        raise StoreError(
            f"cannot write {path}: {error.strerror}",
            hint="free some space or make the folder writable, then `rewardsmith resume`",
        ) from error


def _critique(reviews: Sequence[Review]) -> str:
    told = ["\n".join([f"# Review {n}: {each.verdict}", *_bullets(each)]) for n, each in enumerate(reviews, 1)]
    return "\n\n".join(told) + "\n"


def _bullets(review: Review) -> list[str]:
    return ["", *(f"- {objection}" for objection in review.objections)] if review.objections else []


def _read_curve(out: Path) -> str:
    """A learning curve that holds names and numbers and nothing else. Raises StoreError."""
    data = read_untrusted(out, "learning_curve.csv", limit=_CURVE_BYTES)
    try:
        text = data.decode()
        header, *rows = csv.reader(io.StringIO(text), strict=True)
        numbers = [float(cell) for row in rows for cell in row if cell]
    except (ValueError, csv.Error) as error:
        raise StoreError(f"{out / 'learning_curve.csv'} is no table of numbers") from error
    named = all(name.isprintable() and (name in _CURVE_COLUMNS or name.startswith("mean_")) for name in header)
    if not named or not all(map(math.isfinite, numbers)) or any(len(row) != len(header) for row in rows):
        raise StoreError(f"{out / 'learning_curve.csv'} is no learning curve")
    return text


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _checked(name: str) -> str:
    if not NAME.fullmatch(name):
        raise ValueError(f"{name!r} cannot name a folder")
    return name
