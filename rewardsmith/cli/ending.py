"""How `evolve` and `resume` end: the best reward, its score, where everything lies, and what to try next."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from rewardsmith.cli.emit import emit_json, emit_text
from rewardsmith.domain.result import RunResult
from rewardsmith.domain.run import Run
from rewardsmith.errors import BelowThreshold, InfrastructureError, Interrupted, ModelUnavailable, RewardsmithError
from rewardsmith.reports.components import component_table
from rewardsmith.reports.scores import beats, chances, score_table
from rewardsmith.reports.words import count, duration, spent

if TYPE_CHECKING:
    from rewardsmith.app import Workshop
    from rewardsmith.client.remote import RemoteWorkshop


@contextmanager
def telling_so_far(workshop: Workshop | RemoteWorkshop, run: str, *, as_json: bool) -> Iterator[None]:
    """Where a run is interrupted or a provider is down, print what it has so far; the error goes on its way."""
    try:
        yield
    except (Interrupted, ModelUnavailable):
        with suppress(RewardsmithError):
            _print(workshop, workshop.result(run), as_json=as_json)
        raise


def conclude(workshop: Workshop | RemoteWorkshop, result: RunResult, *, as_json: bool) -> None:
    """Print the result, then raise if there is no reward to show for it.

    Raises:
        BelowThreshold: The run ended without a valid candidate.
        InfrastructureError: It is paused.
    """
    _print(workshop, result, as_json=as_json)
    if result.status == "paused":
        hint = f"`rewardsmith resume {result.run}` goes on with everything that was finished"
        raise InfrastructureError(f"run {result.run} is paused: {result.reason}", hint=hint)
    if result.status == "failed" or result.best is None:
        message = f"run {result.run} ended without a reward: {result.reason or 'no candidate was scored'}"
        raise BelowThreshold(message, hint=f"`rewardsmith show {result.run}` tells what became of every candidate")


def _print(workshop: Workshop | RemoteWorkshop, result: RunResult, *, as_json: bool) -> None:
    if as_json:
        emit_json(result)
    else:
        emit_text(ending(workshop.run(result.run), result, workshop.server))


def ending(run: Run, result: RunResult, server: str | None = None) -> str:
    """The last page of a run, as text; `server`: where it lies, if not here."""
    parts: list[str] = []
    if result.best is not None:
        candidate = run.candidates[result.best.candidate]
        so_far = "" if result.status == "done" else " so far"
        parts += [f"The best reward{so_far}, {candidate.id}:", "", _indented(candidate.source or ""), ""]
        report = run.search_report(candidate)
        if report is not None and report.components:
            parts += [_indented(component_table(report)), ""]
        parts += [f"Warning: {warning.sentence}" for warning in result.best.warnings]
        parts += [""] if result.best.warnings else []
    parts += [_heading(run), "", score_table(result), ""]
    verdict = beats(result)
    if verdict:
        parts += [f"The confirmed score {verdict}.", *chances(result), ""]
    usage = result.usage
    reason = f": {result.reason.rstrip('.')}" if result.reason else ""
    took = "It took" if result.status == "done" else "So far it took"
    parts.append(
        f"Run {result.run} is {result.status}{reason}. {took} {usage.trainings} trainings, {count(usage.steps)} steps, "
        f"{count(usage.tokens)} tokens, {spent(usage)} and {duration(usage.wall_s)}."
    )
    page = Path(result.folder) / "report.html"
    told = [f"The report: {page}"] if server is None and page.is_file() else []
    place = f" at {server}" if server else ""
    parts += [f"Everything lies in {result.folder}{place}", *told, *_next(run, result, server)]
    return "\n".join(parts)


def _heading(run: Run) -> str:
    assert run.spec is not None
    rule = run.spec.task.score
    unit = f" ({rule.unit})" if rule.unit else ""
    return f"Score{unit}: {rule.meaning.rstrip('.')}. Mean with 95 % interval; higher is better."


def _indented(text: str) -> str:
    return "\n".join(f"  {line}".rstrip() for line in text.rstrip().splitlines())


def _next(run: Run, result: RunResult, server: str | None) -> list[str]:
    assert run.spec is not None
    place = Path(result.folder).resolve().parent
    where = "" if place == Path("runs").resolve() else f" --runs-dir {place}"
    where = where if server is None else f" --server {server}"
    commands = [f"show {result.run}{where}"]
    if result.status == "paused":
        commands.insert(0, f"resume {result.run}{where}")
    lines = []
    if result.best is not None:
        lines.append(f"The reward alone: {result.best.file}")
        commands.append(f"show {result.run} {result.best.candidate}{where}")
        commands += [] if server else [f"video {result.run}{where}"]
        commands.append(f"export {result.run} -o reward.py{where}")
        file = "reward.py" if server else result.best.file
        commands.append(f"train {file} --env {run.spec.env or result.task} --seed 100")
    return [*lines, "", "Next:", *(f"  rewardsmith {command}" for command in commands)]
