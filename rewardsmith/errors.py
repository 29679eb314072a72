"""Every error that rewardsmith raises on purpose.

A fault of a *candidate* is data (`rewardsmith.domain.report.Failure`), never an exception that crosses a room's
door. What is raised is a fault of the request, of the machine, or of something that rewardsmith depends on.

    RewardsmithError
    ├── UsageError               2   the request cannot be carried out as it stands
    │   ├── UnknownName          2   no task, recipe, model, signal, ... of that name; lists the near misses
    │   ├── NotYet               2   what is asked for is not there, and may be later
    │   ├── Conflict             2   what is there already stands against it: a name taken, a run that has ended
    │   ├── KeyNeeded            2   the service is asked without a key that is good
    │   ├── NotAllowed           2   the key's scope is too narrow for what is asked
    │   ├── LimitReached         2   a key of the service has used what it may; later it may again
    │   ├── TaskError            2   a task folder is wrong: file, key, what is expected
    │   ├── RecipeError          2   a recipe file or template is wrong
    │   ├── ScoreRuleError       2   the task's score rule raised, or returned no finite number
    │   └── MissingExtra         2   an optional package is needed; prints the pip line
    ├── BelowThreshold           1   the work was done and the result is not good enough
    ├── Undecided                4   the work was done and cannot tell; more of it may
    ├── InfrastructureError      3   the machine, a worker or a provider failed; retrying may help
    │   ├── IsolationUnavailable 3   this machine cannot enforce the isolation that was asked for
    │   ├── RewardProcessError   3   a reward process could not be started or answered nonsense before any candidate ran
    │   ├── WorkerFailed         3   a worker ended without a result
    │   ├── ModelUnavailable     3   a provider is down or refuses; the run pauses
    │   │   └── ModelExhausted   3   a folder or a recording has no completion left; the run finishes
    │   ├── ExecutorAway         3   what trains for a run cannot be reached now; the run pauses
    │   ├── DepotAway            3   where the artifacts of all hosts lie cannot be used now; drivers wait for it
    │   └── StoreError           3   the database or an artifact folder cannot be used
    │       ├── DatabaseAway     3   the database cannot be reached now; whoever drives a run waits for it
    │       ├── NewerDatabase    3   written by a newer rewardsmith
    │       ├── RunBusy          3   another live process owns the run
    │       └── LeaseLost        3   this process stalled and another one took the run over
    └── Interrupted            130   stopped by the user; everything finished so far is kept
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

__all__ = [
    "BelowThreshold",
    "Conflict",
    "DatabaseAway",
    "DepotAway",
    "ExecutorAway",
    "InfrastructureError",
    "Interrupted",
    "IsolationUnavailable",
    "KeyNeeded",
    "LeaseLost",
    "LimitReached",
    "MissingExtra",
    "ModelExhausted",
    "ModelUnavailable",
    "NewerDatabase",
    "NotAllowed",
    "NotYet",
    "RecipeError",
    "RewardProcessError",
    "RewardsmithError",
    "RunBusy",
    "ScoreRuleError",
    "StoreError",
    "TaskError",
    "Undecided",
    "UnknownName",
    "UsageError",
    "WorkerFailed",
    "near_misses",
]

_MOST_NAMES = 12
_LISTS = {"task": "rewardsmith tasks", "recipe": "rewardsmith recipes"}
"""Commands that list what may be many."""


def near_misses(name: str, known: Iterable[str], most: int = 3) -> list[str]:
    """The known names nearest to `name`, best first; at most `most`."""
    return difflib.get_close_matches(name, list(known), n=most, cutoff=0.5)


def one_line(text: str, most: int = 300) -> str:
    """`text`, which somebody else wrote, on one line of at most `most` printable characters."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line if len(line) <= most else line[: most - 3] + "..."


def kind_of(error: type[RewardsmithError]) -> str:
    """A class of errors in words, such as `unknown name`: its type in problem+json."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", error.__name__).lower()


def _several(kind: str) -> str:
    return f"{kind[:-1]}ies" if kind.endswith("y") else f"{kind}es" if kind.endswith("x") else f"{kind}s"


def _listed(kind: str, name: str, names: list[str]) -> str:
    """All names where they are few; else those that look most like `name`, and where to see the rest."""
    if len(names) <= _MOST_NAMES:
        return ", ".join(names)
    near = difflib.get_close_matches(name, names, n=_MOST_NAMES, cutoff=0.3) or names[:_MOST_NAMES]
    seen = f"; `{_LISTS[kind]}` lists all" if kind in _LISTS else ""
    return f"{', '.join(near)}, and {len(names) - len(near)} more{seen}"


class RewardsmithError(Exception):
    """Base of all; carries what happened (`message`) and what to do next (`hint`)."""

    exit_code = 3
    http_status = 500

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(RewardsmithError):
    """The request cannot be carried out as it stands."""

    exit_code = 2
    http_status = 422


class UnknownName(UsageError):
    """No `kind` of that name. The message lists the nearest names, the hint all of them or where to see them."""

    http_status = 404

    def __init__(self, kind: str, name: str, known: Iterable[str], *, where: str = "", hint: str = "") -> None:
        names = sorted(known)
        near = near_misses(name, names)
        message = f"unknown {kind} {name!r}" + (f" in {where}" if where else "")
        if near:
            message += "; did you mean " + " or ".join(repr(n) for n in near) + "?"
        if not hint and names:
            hint = f"known {_several(kind)}: {_listed(kind, name, names)}"
        super().__init__(message, hint=hint)
        self.kind = kind
        self.name = name
        self.near = near


class NotYet(UsageError):
    """What is asked for is not there, and may be later."""

    http_status = 404


class Conflict(UsageError):
    """What is there already stands against it."""

    http_status = 409


class KeyNeeded(UsageError):
    """The service is asked without a key, or with one that is unknown or revoked."""

    http_status = 401


class NotAllowed(UsageError):
    """The key's scope is too narrow for what is asked."""

    http_status = 403


class LimitReached(UsageError):
    """A key of the service has used what it may; `wait_s` seconds later it may again."""

    http_status = 429

    def __init__(self, message: str, *, wait_s: float, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.wait_s = wait_s


class TaskError(UsageError):
    """A task folder is wrong."""


class RecipeError(UsageError):
    """A recipe file or one of its templates is wrong."""


class ScoreRuleError(UsageError):
    """The task's score rule raised, or did not return one finite number."""


class MissingExtra(UsageError):
    """An optional package is needed; the hint is the pip line that installs it."""


class BelowThreshold(RewardsmithError):
    """The work was done and the result is not good enough."""

    exit_code = 1
    http_status = 409


class Undecided(RewardsmithError):
    """The work was done and cannot tell what was asked; more of it may."""

    exit_code = 4
    http_status = 409


class InfrastructureError(RewardsmithError):
    """The machine, a worker or a provider failed; retrying may help."""

    exit_code = 3
    http_status = 503


class IsolationUnavailable(InfrastructureError):
    """This machine cannot enforce the isolation that was asked for."""


class RewardProcessError(InfrastructureError):
    """A reward process could not be started, or broke before any candidate code ran."""


class WorkerFailed(InfrastructureError):
    """A worker ended without a result."""


class ModelUnavailable(InfrastructureError):
    """A provider is down, refuses the key, or keeps failing; the run pauses with what it has."""


class ModelExhausted(ModelUnavailable):
    """A folder or recording has no completion left; the run finishes with what it has and says so."""


class ExecutorAway(InfrastructureError):
    """What trains for a run, a cluster, cannot be reached now or refuses; what it trains may go on there."""


class DepotAway(InfrastructureError):
    """The place where the artifacts of all hosts lie cannot be used now; a local copy of a file may be there."""


class StoreError(InfrastructureError):
    """The database or an artifact folder cannot be used."""


class DatabaseAway(StoreError):
    """The database cannot be reached now; what was being written may have been written, or not."""


class NewerDatabase(StoreError):
    """The database was written by a newer rewardsmith."""


class RunBusy(StoreError):
    """Another live process owns the run."""

    http_status = 409


class LeaseLost(StoreError):
    """This process stalled and another one took the run over; it must stop writing."""


class Interrupted(RewardsmithError):
    """Stopped by the user; everything finished so far is kept."""

    exit_code = 130
    http_status = 409
