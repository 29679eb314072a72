"""Checks: whether a reward still is what a candidate of a run was."""

from __future__ import annotations

from fastapi import APIRouter, Request

from rewardsmith.domain.regression import CheckRequest, CheckResult
from rewardsmith.export.sections import reward_in
from rewardsmith.service.asked import TheCaller, TheDesk
from rewardsmith.service.line import Line

routes = APIRouter(prefix="/v1/checks", tags=["checks"])


@routes.post("")
async def check(asked: CheckRequest, desk: TheDesk, caller: TheCaller, request: Request) -> CheckResult:
    """Compare a reward with a candidate of one of the caller's runs; some seconds, one after another.

    Tiers: static, replay, ranking, exploit; those that train are the command's. A regression is an answer, no error.
    """

    def checked() -> CheckResult:
        desk.find(asked.run, caller)
        keeper = desk.workshop.keeper
        return keeper.check_against(reward_in(asked.reward), asked.run, asked.candidate, asked.tolerance, asked.tiers)

    line: Line = request.app.state.line
    return await line.do(caller, checked)
