"""What requests have in common: the desk that serves them, and the names in their paths."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Path, Request

from rewardsmith.service.desk import Desk


def _desk(request: Request) -> Desk:
    desk: Desk = request.app.state.desk
    return desk


TheDesk = Annotated[Desk, Depends(_desk)]
RunId = Annotated[str, Path(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=100)]
CandidateId = Annotated[str, Path(pattern=r"^g[0-9]{1,6}c[0-9]{2,6}$")]
