"""The whole story of a run as Markdown: `show`, and `report.md` in the run's folder."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from rewardsmith.domain.candidate import Candidate
from rewardsmith.domain.report import Report
from rewardsmith.domain.result import RunResult
from rewardsmith.domain.run import Run
from rewardsmith.domain.survey import Survey
from rewardsmith.domain.warning import RewardWarning
from rewardsmith.prompting.templates import fenced
from rewardsmith.reports.authors import author_section
from rewardsmith.reports.code import changes
from rewardsmith.reports.components import component_table
from rewardsmith.reports.costs import asides, cost_rows, shares
from rewardsmith.reports.curves import curve, trained
from rewardsmith.reports.judged import archive_section, verdict
from rewardsmith.reports.outcomes import analysed, ancestors, became, failed, failures, made, reviewed, value
from rewardsmith.reports.remarks import remark_section
from rewardsmith.reports.scores import beats, chances, score_table
from rewardsmith.reports.tuning import tuning_section
from rewardsmith.reports.words import ABSENT, count, counted, dollars, duration, inert, interval, score, table


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
        _curves(run, result),
        _winner(run, result),
        _generations(run),
        _candidates(run),
        author_section(run),
        remark_section(run),
        tuning_section(run),
        _warnings(run),
        archive_section(run, result),
        _failures(run),
        _cost(run),
        _files(result),
    ]
    return "\n\n".join(section for section in sections if section) + "\n"


def candidate_story(run: Run, candidate: Candidate, folder: str) -> str:
    """One candidate: where it comes from, its source, what training gave, and what went wrong."""
    report = run.search_report(candidate)
    lines = [f"# {candidate.id}", "", became(run, candidate), ""]
    lines.append(
        f"- origin: {candidate.origin}" + (f", from {', '.join(candidate.parents)}" if candidate.parents else "")
    )
    if candidate.reward_id:
        lines.append(f"- reward: {candidate.reward_id}")
    if candidate.signals:
        lines.append(f"- reads: {', '.join(candidate.signals)}")
    if candidate.parameters:
        lines.append("- parameters: " + ", ".join(f"{k}={v:g}" for k, v in candidate.parameters.items()))
    lines += [f"- repaired: {failed(failure)}" for failure in candidate.repairs]
    lines += [f"- critic: {inert(said)}" for said in reviewed(candidate)]
    if candidate.judgement is not None:
        lines.append(f"- archive: {inert(verdict(candidate.judgement))}")
    lines += _warned(run.warned(candidate))
    if candidate.id in run.analyses:
        lines += [f"- analyser: {inert(said)}" for said in analysed(run.analyses[candidate.id])]
    lines.append(f"- files: {folder}")
    if candidate.source:
        lines += ["", fenced(candidate.source, "python")]
    if report is not None:
        lines += ["", _training(report)]
    return "\n".join(lines) + "\n"


def _title(run: Run, result: RunResult) -> str:
    assert run.spec is not None
    line = f"Run {result.run} is {result.status}" + (f": {inert(result.reason)}" if result.reason else "") + "."
    return f"# {inert(run.spec.task.title)}: {result.run}\n\n{line}"


def _asked(run: Run) -> str:
    assert run.spec is not None
    spec = run.spec
    rule = spec.task.score
    lines = [
        f"environment: {spec.task.environment.label}, at most {spec.task.environment.horizon} steps per episode",
        f"score: {rule.meaning}" + (f" ({rule.unit})" if rule.unit else ""),
        f"method: recipe {spec.recipe}, model {spec.model}, {counted(spec.iterations, 'generation')} of "
        f"{counted(spec.k, 'candidate')}, seed {spec.seed}" + (", deterministic" if spec.deterministic else ""),
        f"budget {spec.budget_name}: {count(spec.budget.steps)} steps per training, scored "
        f"{counted(spec.budget.rungs, 'time')} on {spec.budget.episodes} held-out episodes",
        f"trainer: {spec.task.trainer.algorithm}, {spec.task.trainer.worlds}, "
        f"sandbox {spec.sandbox}, {spec.workers} at a time" + (f", on Ray at {spec.ray.address}" if spec.ray else ""),
    ]
    if run.plan is not None:
        money = "price unknown" if run.plan.dollars is None else dollars(run.plan.dollars)
        lines.append(
            f"plan, at most: {run.plan.trainings} trainings, {count(run.plan.steps)} steps, "
            f"{run.plan.completions} calls of the model, {money}; about {duration(run.plan.wall_s)} on an idle machine"
        )
    said = [f"> {inert(spec.task.description)}", "", *(f"- {inert(line)}" for line in lines)]
    return "\n".join(["## What was asked", "", *said])


def _scores(result: RunResult, survey: Survey | None) -> str:
    kind = survey.sparse_kind if survey else None
    verdict = beats(result)
    lines = ["## Score", "", "Mean with 95 % interval, higher is better.", ""]
    lines.append(score_table(result, sparse_kind=kind, markdown=True))
    if verdict:
        lines += ["", f"The confirmed score {verdict}."]
    return "\n".join([*lines, *(f"\n{sentence}" for sentence in chances(result))])


def _curves(run: Run, result: RunResult) -> str:
    best = result.best.candidate if result.best else ""
    known = [
        (f"{best}, search", curve(trained(run, "search", best), run.rule)),
        (f"{best}, confirmed", curve(trained(run, "confirm", best), run.rule)),
        *((name, curve(trained(run, "baseline", name), run.rule)) for name in ("human", "sparse")),
    ]
    known = [(name, found) for name, found in known if found]
    if not known:
        return ""
    steps = sorted({at for _, found in known for at, _ in found})
    rows = [[name, *(interval(dict(found).get(at)) for at in steps)] for name, found in known]
    lines = ["## Learning curves", "", "Mean score over seeds, with its 95 % interval where there are several.", ""]
    return "\n".join([*lines, table(["after steps", *map(count, steps)], rows, markdown=True)])


def _winner(run: Run, result: RunResult) -> str:
    if result.best is None:
        return ""
    candidate = run.candidates[result.best.candidate]
    title = "The winner" if run.confirmed else "The best so far"
    lines = [f"## {title}: {candidate.id}", "", fenced(candidate.source or "", "python")]
    if diff := changes(run, candidate):
        lines += ["", f"What changed since {candidate.parents[0]}:", "", fenced(diff, "diff")]
    report = run.search_report(candidate)
    if result.best.warnings:
        lines += ["", *_warned(result.best.warnings)]
    if report is not None:
        lines += ["", _training(report)]
    line = ancestors(run, candidate)
    if len(line) > 1:
        lines += ["", "Lineage: " + " <- ".join(f"{c.id} ({c.origin}, {_score(run, c)})" for c in line)]
    if run.confirmed is not None and len(run.confirmed.leaders) > 1:
        seeds = run.spec.budget.compare_seeds if run.spec else 0
        compared = [f"{name} {_mean(run.scores('compare', name))}" for name in run.confirmed.leaders]
        lines += ["", f"Leaders compared on {counted(seeds, 'fresh seed')}, best first: " + ", ".join(compared)]
    return "\n".join(lines)


def _mean(scores: list[float]) -> str:
    return score(sum(scores) / len(scores)) if scores else ABSENT


def _training(report: Report) -> str:
    rungs = ", ".join(f"{score(rung.mean)} after {count(rung.steps)}" for rung in report.rungs)
    lines = [f"Training on seed {report.seed}: {rungs or 'no score'}; {report.steps_per_second:.0f} steps per second."]
    if report.failure:
        lines += ["", failed(report.failure)]
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
        scored = [(s, c.id) for c in members if (s := value(run, c)) is not None]
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


def _score(run: Run, candidate: Candidate) -> str:
    return score(value(run, candidate))


def _candidates(run: Run) -> str:
    if not run.candidates:
        return ""
    rows = [
        [c.id, made(c), ", ".join(c.parents) or ABSENT, _score(run, c), became(run, c)]
        for c in (turn.candidate for turn in run.turns())
    ]
    header = ["candidate", "origin", "parents", "score", "what became of it"]
    return "## Candidates\n\n" + table(header, rows, markdown=True)


def _warnings(run: Run) -> str:
    told = [f"- {name}: {_sentence(warning)}" for name, found in sorted(run.warnings.items()) for warning in found]
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
    return [f"- warning: {_sentence(warning)}" for warning in warnings]


def _sentence(warning: RewardWarning) -> str:
    return inert(warning.sentence, but="`")


def _failures(run: Run) -> str:
    found = failures(run)
    if not found:
        return ""
    kinds = Counter(failure.kind for _, failure, _ in found)
    said = ", ".join(f"{kind} {n}" for kind, n in kinds.most_common())
    each = [f"- {who.id}{', repaired' if repaired else ''}: {failed(what)}" for who, what, repaired in found]
    return "\n".join(["## Failures", "", said, "", *each])


def _cost(run: Run) -> str:
    header = ["", "spent", "plan, at most", "limit"]
    lines = ["## Cost", "", table(header, cost_rows(run), markdown=True)]
    went = [[what, str(trainings), count(steps), f"{share:.0%}"] for what, trainings, steps, share in shares(run)]
    if went:
        header = ["where the steps went", "trainings", "steps", "share"]
        lines += ["", table(header, went, markdown=True)]
    return "\n".join([*lines, *(f"\n{sentence}" for sentence in asides(run))])


def _files(result: RunResult) -> str:
    lines = ["## Files", "", f"- everything: {result.folder}"]
    if result.best is not None:
        lines.append(f"- the reward: {result.best.file}")
    return "\n".join(lines)
