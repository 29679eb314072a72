"""What a run has spent against what was planned and allowed."""

from __future__ import annotations

from rewardsmith.domain.plan import StopSpec
from rewardsmith.domain.run import Run
from rewardsmith.reports.words import ABSENT, count, counted, dollars, duration, spent

_PURPOSES = {
    "search": "the search",
    "baseline": "the baselines",
    "compare": "comparing the leaders",
    "confirm": "confirming the winner",
}

_ROLES = {"repair": "repairs", "critic": "a critic's reviews", "analyser": "a trajectory analyser's"}


def cost_rows(run: Run) -> list[list[str]]:
    """A row for each thing that is spent: what, how much, the most that the plan has, the limit."""
    assert run.spec is not None
    usage, plan, stop = run.usage(), run.plan, run.spec.stop

    def limit(value: float | None, text: str) -> str:
        return ABSENT if value is None else text

    return [
        [
            "trainings",
            str(usage.trainings),
            str(plan.trainings) if plan else ABSENT,
            limit(stop.trainings, str(stop.trainings)),
        ],
        [
            "environment steps",
            count(usage.steps),
            count(plan.steps) if plan else ABSENT,
            limit(stop.steps, count(stop.steps or 0)),
        ],
        ["calls of the model", str(len(run.completions)), str(plan.completions) if plan else ABSENT, ABSENT],
        ["tokens", count(usage.tokens), ABSENT, limit(stop.tokens, count(stop.tokens or 0))],
        ["money", spent(usage), dollars(plan.dollars) if plan else ABSENT, limit(stop.dollars, dollars(stop.dollars))],
        [
            "wall time",
            duration(usage.wall_s),
            f"about {duration(plan.wall_s)}" if plan else ABSENT,
            limit(stop.wall_s, duration(stop.wall_s)),
        ],
    ]


def limits(stop: StopSpec) -> str:
    """What may be spent, such as `at most 2M steps, $2.00`; empty without a limit."""
    found = [
        None if stop.trainings is None else counted(stop.trainings, "training"),
        None if stop.steps is None else f"{count(stop.steps)} steps",
        None if stop.tokens is None else f"{count(stop.tokens)} tokens",
        None if stop.dollars is None else dollars(stop.dollars),
        None if stop.wall_s is None else duration(stop.wall_s),
    ]
    told = ", ".join(each for each in found if each)
    return f"at most {told}" if told else ""


def shares(run: Run) -> list[tuple[str, int, int, float]]:
    """Where the steps went: what for, trainings, steps with scoring, share of all steps from 0 to 1."""
    rows = []
    total = max(run.usage().steps, 1)
    for purpose, what in _PURPOSES.items():
        found = [report for key, report in (*run.reports.items(), *run.paused.items()) if key[0] == purpose]
        steps = sum(report.steps + report.scoring_steps for report in found)
        if found:
            rows.append((what, len(found), steps, steps / total))
    return rows


def asides(run: Run) -> list[str]:
    """What else is to be said of the cost, a sentence each."""
    assert run.spec is not None
    said = []
    for role, what in _ROLES.items():
        if calls := sum(each.key.role == role for each in run.completions):
            said.append(f"{calls} of the calls of the model were {what}.")
    early = [run.reports[key] for key in run.reports if key[0] == "search" and _stopped(run, key[1])]
    if early:
        saved = sum(max(run.spec.budget.steps - report.steps, 0) for report in early)
        said.append(f"Stopped early: {counted(len(early), 'training')}, which saved {count(saved)} steps.")
    lost = sum(run.lost.values())
    if lost:
        said.append(f"Lost on the way: {counted(lost, 'worker')}. Trainings went on from the last checkpoint.")
    differing = sum(each.recorded_hash is not None for each in run.completions)
    if differing:
        said.append(f"{counted(differing, 'prompt')} differed from what was recorded.")
    return said


def _stopped(run: Run, subject: str) -> bool:
    return subject in run.candidates and run.stopped(run.candidates[subject])
