"""The whole story of a run as Markdown: `show`, and `report.md` in the run's folder."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from rewardsmith.domain.candidate import Candidate, same_as
from rewardsmith.domain.report import Failure, Report
from rewardsmith.domain.result import RunResult
from rewardsmith.domain.run import Run
from rewardsmith.domain.survey import Survey
from rewardsmith.domain.warning import RewardWarning
from rewardsmith.prompting.templates import fenced
from rewardsmith.reports.components import component_table
from rewardsmith.reports.scores import beats, score_table
from rewardsmith.reports.words import ABSENT, count, counted, dollars, duration, inert, score, spent, table


def story(run: Run, result: RunResult, survey: Survey | None = None) -> str:
    """What was asked, what happened, what came out, and what it cost.

    Args:
        run: The run, folded from its events.
        result: Its result, with the intervals.
        survey: Its survey, where it is at hand: says which kind of sparse reward was trained.
    """
    if run.spec is None:
        return f"# {result.run}\n\nThe run was created and nothing has happened yet."
    sections = [
        _title(run, result),
        _asked(run),
        _scores(result, survey),
        _winner(run, result),
        _generations(run),
        _candidates(run),
        _warnings(run),
        _failures(run),
        _cost(run, result),
        _files(result),
    ]
    return "\n\n".join(section for section in sections if section) + "\n"


def candidate_story(run: Run, candidate: Candidate, folder: str) -> str:
    """One candidate: where it comes from, its source, what training gave, and what went wrong."""
    report = run.search_report(candidate)
    lines = [f"# {candidate.id}", "", _became(run, candidate), ""]
    lines.append(
        f"- origin: {candidate.origin}" + (f", from {', '.join(candidate.parents)}" if candidate.parents else "")
    )
    if candidate.reward_id:
        lines.append(f"- reward: {candidate.reward_id}")
    if candidate.signals:
        lines.append(f"- reads: {', '.join(candidate.signals)}")
    if candidate.parameters:
        lines.append("- parameters: " + ", ".join(f"{k}={v:g}" for k, v in candidate.parameters.items()))
    lines += [f"- repaired: {_failure(failure)}" for failure in candidate.repairs]
    lines += _warned(run.warned(candidate))
    lines.append(f"- files: {folder}")
    if candidate.source:
        lines += ["", fenced(candidate.source, "python")]
    if report is not None:
        lines += ["", _training(report)]
    return "\n".join(lines) + "\n"


def _title(run: Run, result: RunResult) -> str:
    assert run.spec is not None
    line = f"Run {result.run} is {result.status}" + (f": {result.reason}" if result.reason else "") + "."
    return f"# {run.spec.task.title}: {result.run}\n\n{line}"


def _asked(run: Run) -> str:
    assert run.spec is not None
    spec = run.spec
    rule = spec.task.score
    lines = [
        "## What was asked",
        "",
        f"> {spec.task.description}",
        "",
        f"- environment: {spec.task.environment.id}, at most {spec.task.environment.horizon} steps per episode",
        f"- score: {rule.meaning}" + (f" ({rule.unit})" if rule.unit else ""),
        f"- method: recipe {spec.recipe}, model {spec.model}, {counted(spec.iterations, 'generation')} of "
        f"{counted(spec.k, 'candidate')}, seed {spec.seed}" + (", deterministic" if spec.deterministic else ""),
        f"- budget {spec.budget_name}: {count(spec.budget.steps)} steps per training, scored "
        f"{counted(spec.budget.rungs, 'time')} on {spec.budget.episodes} held-out episodes",
        f"- trainer: {spec.task.trainer.algorithm}, {spec.task.trainer.environments} environments, "
        f"sandbox {spec.sandbox}, {spec.workers} at a time",
    ]
    if run.plan is not None:
        money = "price unknown" if run.plan.dollars is None else dollars(run.plan.dollars)
        lines.append(
            f"- plan, at most: {run.plan.trainings} trainings, {count(run.plan.steps)} steps, "
            f"{run.plan.completions} calls of the model, {duration(run.plan.wall_s)}, {money}"
        )
    return "\n".join(lines)


def _scores(result: RunResult, survey: Survey | None) -> str:
    kind = survey.sparse_kind if survey else None
    verdict = beats(result)
    lines = ["## Score", "", "Mean with 95 % interval, higher is better.", ""]
    lines.append(score_table(result, sparse_kind=kind, markdown=True))
    if verdict:
        lines += ["", f"The confirmed score {verdict}."]
    return "\n".join(lines)


def _winner(run: Run, result: RunResult) -> str:
    if result.best is None:
        return ""
    candidate = run.candidates[result.best.candidate]
    title = "The winner" if run.confirmed else "The best so far"
    lines = [f"## {title}: {candidate.id}", "", fenced(candidate.source or "", "python")]
    report = run.search_report(candidate)
    if result.best.warnings:
        lines += ["", *_warned(result.best.warnings)]
    if report is not None:
        lines += ["", _training(report)]
    ancestors = _lineage(run, candidate)
    if len(ancestors) > 1:
        lines += ["", "Lineage: " + " <- ".join(f"{c.id} ({c.origin}, {_score(run, c)})" for c in ancestors)]
    if run.confirmed is not None and len(run.confirmed.leaders) > 1:
        seeds = run.spec.budget.compare_seeds if run.spec else 0
        compared = [f"{name} {_mean(run.scores('compare', name))}" for name in run.confirmed.leaders]
        lines += ["", f"Leaders compared on {counted(seeds, 'fresh seed')}, best first: " + ", ".join(compared)]
    return "\n".join(lines)


def _mean(scores: list[float]) -> str:
    return score(sum(scores) / len(scores)) if scores else ABSENT


def _lineage(run: Run, candidate: Candidate) -> list[Candidate]:
    """The candidate, its first parent, that one's, and so on."""
    found = [candidate]
    while found[-1].parents and found[-1].parents[0] in run.candidates:
        parent = run.candidates[found[-1].parents[0]]
        if parent in found:
            break
        found.append(parent)
    return found


def _training(report: Report) -> str:
    rungs = ", ".join(f"{score(rung.mean)} after {count(rung.steps)}" for rung in report.rungs)
    lines = [f"Training on seed {report.seed}: {rungs or 'no score'}; {report.steps_per_second:.0f} steps per second."]
    if report.failure:
        lines += ["", _failure(report.failure)]
    if report.components:
        lines += ["", component_table(report, markdown=True)]
    return "\n".join(lines)


def _generations(run: Run) -> str:
    if not run.candidates:
        return ""
    rows = []
    best: float | None = None
    for generation in sorted({c.generation for c in run.candidates.values()}):
        members = [c for c in run.candidates.values() if c.generation == generation]
        scored = [(s, c.id) for c in members if (s := _value(run, c)) is not None]
        top = max(scored, key=lambda each: each[0]) if scored else None
        if top is not None:
            best = top[0] if best is None else max(best, top[0])
        failed = sum(c.failure is not None and c.twin is None for c in members)
        twins = sum(c.twin is not None for c in members)
        rows.append(
            [
                str(generation),
                str(len(members)),
                str(failed),
                str(twins),
                top[1] if top else ABSENT,
                score(top[0] if top else None),
                score(best),
            ]
        )
    header = ["generation", "candidates", "failed", "duplicates", "best", "score", "best so far"]
    return "## Generations\n\nScores of the search, on one seed.\n\n" + table(header, rows, markdown=True)


def _value(run: Run, candidate: Candidate) -> float | None:
    report = run.search_report(candidate)
    return report.score if report and not report.failure else None


def _score(run: Run, candidate: Candidate) -> str:
    return score(_value(run, candidate))


def _candidates(run: Run) -> str:
    if not run.candidates:
        return ""
    rows = [
        [c.id, c.origin, ", ".join(c.parents) or ABSENT, _score(run, c), _became(run, c)]
        for c in (turn.candidate for turn in run.turns())
    ]
    header = ["candidate", "origin", "parents", "score", "what became of it"]
    return "## Candidates\n\n" + table(header, rows, markdown=True)


def _became(run: Run, candidate: Candidate) -> str:
    report = run.search_report(candidate)
    if candidate.twin:
        return same_as(candidate.twin, candidate.twin_factor)
    if candidate.failure:
        return f"failed at {candidate.failure.gate}: {candidate.failure.kind}"
    if report is None:
        return "not trained yet"
    if report.failure:
        return f"failed at {report.failure.gate}: {report.failure.kind}"
    repaired = f", repaired {len(candidate.repairs)} time(s)" if candidate.repairs else ""
    warnings = run.warned(candidate)
    hacked = f", {len(warnings)} warning(s)" if warnings else ""
    if run.stopped(candidate):
        raced = run.raced.get(candidate.id)
        why = f", its chance to lead was {raced.chance:.0%}" if raced and not raced.goes_on else ""
        return f"stopped after {count(report.steps)} steps{why}{repaired}{hacked}"
    return f"trained, {report.steps_per_second:.0f} steps/s{repaired}{hacked}"


def _warnings(run: Run) -> str:
    told = [f"- {name}: {warning.sentence}" for name, found in sorted(run.warnings.items()) for warning in found]
    if not told:
        return ""
    lines = [
        "## Warnings",
        "",
        "Signs that a reward is hacked: that it pays an agent without the task being done.",
        "",
    ]
    return "\n".join([*lines, *told])


def _warned(warnings: Sequence[RewardWarning]) -> list[str]:
    return [f"- warning: {warning.sentence}" for warning in warnings]


def _failures(run: Run) -> str:
    found: list[tuple[str, Failure]] = []
    for candidate in sorted(run.candidates.values(), key=lambda c: (c.generation, c.slot)):
        report = run.search_report(candidate)
        found += [(f"{candidate.id}, repaired", failure) for failure in candidate.repairs]
        if candidate.failure and not candidate.twin:
            found.append((candidate.id, candidate.failure))
        elif report and report.failure and not candidate.twin:
            found.append((candidate.id, report.failure))
    if not found:
        return ""
    kinds = Counter(failure.kind for _, failure in found)
    counted = ", ".join(f"{kind} {n}" for kind, n in kinds.most_common())
    lines = ["## Failures", "", counted, "", *(f"- {name}: {_failure(failure)}" for name, failure in found)]
    return "\n".join(lines)


def _failure(failure: Failure) -> str:
    line = f", line {failure.line}" if failure.line else ""
    return f"{failure.gate} ({failure.kind}{line}): {inert(failure.message)}"


def _cost(run: Run, result: RunResult) -> str:
    usage = result.usage
    repairs = sum(c.key.role == "repair" for c in run.completions)
    lost = sum(run.lost.values())
    lines = [
        "## Cost",
        "",
        f"{usage.trainings} trainings, {count(usage.steps)} environment steps with scoring, {len(run.completions)} "
        f"calls of the model ({repairs} repairs), {count(usage.tokens)} tokens, {spent(usage)}, "
        f"{duration(usage.wall_s)}.",
    ]
    if lost:
        lines += ["", f"{lost} worker(s) were lost on the way; their trainings went on from the last checkpoint."]
    differing = sum(c.recorded_hash is not None for c in run.completions)
    if differing:
        lines += ["", f"{differing} prompts differ from the recorded ones."]
    return "\n".join(lines)


def _files(result: RunResult) -> str:
    lines = ["## Files", "", f"- everything: {result.folder}"]
    if result.best is not None:
        lines.append(f"- the reward: {result.best.file}")
    return "\n".join(lines)
