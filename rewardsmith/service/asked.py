"""What requests have in common: who asks, the desk that serves them, and the names in their paths.

A run in a path is one of the caller's own, or there is no such run: whatever takes a `RunId` needs no look of its own.
What takes `Admin` is for the keys of that scope. That readers change nothing, `callers` sees to for every path.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Path, Request

from rewardsmith.domain.key import Caller
from rewardsmith.service.callers import not_allowed
from rewardsmith.service.desk import Desk


def _desk(request: Request) -> Desk:
    desk: Desk = request.app.state.desk
    return desk


def _caller(request: Request) -> Caller:
    caller: Caller = request.state.caller
    return caller


TheDesk = Annotated[Desk, Depends(_desk)]
_Name = Annotated[str, Path(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=100)]
TheCaller = Annotated[Caller, Depends(_caller)]


def _own(run: _Name, desk: TheDesk, caller: TheCaller) -> str:
    desk.find(run, caller)
    return run


def _admin(caller: TheCaller) -> Caller:
    if not caller.rules:
        raise not_allowed(caller)
    return caller


RunId = Annotated[str, Depends(_own)]
Admin = Annotated[Caller, Depends(_admin)]
CandidateId = Annotated[str, Path(pattern=r"^g[0-9]{1,6}c[0-9]{2,6}$")]
