"""How `evolve` and `resume` end: the best reward, its score, where everything lies, and what to try next."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from rewardsmith.cli.emit import emit_json, emit_text
from rewardsmith.domain.result import RunResult
from rewardsmith.domain.run import Run
from rewardsmith.errors import BelowThreshold, InfrastructureError, Interrupted
from rewardsmith.reports.components import component_table
from rewardsmith.reports.scores import beats, score_table
from rewardsmith.reports.words import count, dollars, duration

if TYPE_CHECKING:
    from rewardsmith.app import Workshop


def conclude(workshop: Workshop, result: RunResult, *, as_json: bool, interrupted: bool) -> None:
    """Print the result, then raise if the run did not get to its end.

    Raises:
        Interrupted: The user stopped it.
        InfrastructureError: It is paused, by a provider that is down, say.
        BelowThreshold: It ended without a valid candidate.
    """
    if as_json:
        emit_json(result)
    else:
        emit_text(ending(workshop.run(result.run), result))
    again = f"`rewardsmith resume {result.run}` goes on with everything that was finished"
    if result.status == "failed" or (result.status == "done" and result.best is None):
        message = f"run {result.run} ended without a reward: {result.reason or 'no candidate was scored'}"
        raise BelowThreshold(message, hint=f"`rewardsmith show {result.run}` tells what became of every candidate")
    if result.status != "done":
        if interrupted:
            raise Interrupted(f"run {result.run} was interrupted", hint=again)
        raise InfrastructureError(f"run {result.run} is {result.status}: {result.reason}", hint=again)


def ending(run: Run, result: RunResult) -> str:
    """The last page of a run, as text."""
    parts: list[str] = []
    if result.best is not None:
        candidate = run.candidates[result.best.candidate]
        parts += [f"The best reward, {candidate.id}:", "", _indented(candidate.source or ""), ""]
        report = run.search_report(candidate)
        if report is not None and report.components:
            parts += [_indented(component_table(report)), ""]
    parts += [_heading(run), "", _indented(score_table(result)), ""]
    verdict = beats(result)
    if verdict:
        parts += [f"The confirmed score {verdict}.", ""]
    usage = result.usage
    parts.append(
        f"Run {result.run} is {result.status}{': ' + result.reason if result.reason else ''}. It took "
        f"{usage.trainings} trainings, {count(usage.steps)} steps, {count(usage.tokens)} tokens, "
        f"{dollars(usage.dollars)} and {duration(usage.wall_s)}."
    )
    parts += [f"Everything lies in {result.folder}", *_next(result)]
    return "\n".join(parts)


def _heading(run: Run) -> str:
    assert run.spec is not None
    rule = run.spec.task.score
    unit = f" ({rule.unit})" if rule.unit else ""
    return f"Score{unit}: {rule.meaning.rstrip('.')}. Mean with 95 % interval; higher is better."


def _indented(text: str) -> str:
    return "\n".join(f"  {line}".rstrip() for line in text.rstrip().splitlines())


def _next(result: RunResult) -> list[str]:
    place = Path(result.folder).resolve().parent
    where = "" if place == Path("runs").resolve() else f" --runs-dir {place}"
    if result.best is None:
        return ["", "Next:", f"  rewardsmith show {result.run}{where}"]
    return [
        f"The reward alone: {result.best.file}",
        "",
        "Next:",
        f"  rewardsmith show {result.run}{where}",
        f"  rewardsmith show {result.run} {result.best.candidate}{where}",
        f"  rewardsmith export {result.run} -o reward.py{where}",
        f"  rewardsmith train {result.best.file} --env {result.task} --seed 100",
    ]
