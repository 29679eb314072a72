"""What became of a candidate, in words that every page uses."""

from __future__ import annotations

from rewardsmith.domain.analysis import Analysis
from rewardsmith.domain.candidate import Candidate, same_as
from rewardsmith.domain.report import Failure
from rewardsmith.domain.run import Run
from rewardsmith.reports.words import count, counted, inert


def became(run: Run, candidate: Candidate) -> str:
    """What became of `candidate` in a few words."""
    report = run.search_report(candidate)
    if candidate.twin:
        return same_as(candidate.twin, candidate.twin_factor)
    if candidate.failure:
        return f"failed at {candidate.failure.gate}: {candidate.failure.kind}"
    if report is None:
        return "not trained yet"
    if report.failure:
        return f"failed at {report.failure.gate}: {report.failure.kind}"
    repaired = f", repaired {counted(len(candidate.repairs), 'time')}" if candidate.repairs else ""
    warnings = run.warned(candidate)
    hacked = f", {counted(len(warnings), 'warning')}" if warnings else ""
    if candidate.judgement is not None and candidate.judgement.doubtful:
        hacked += ", doubted by the archive"
    if run.stopped(candidate):
        raced = run.raced.get(candidate.id)
        why = f", its chance to lead was {raced.chance:.0%}" if raced and not raced.goes_on else ""
        return f"stopped after {count(report.steps)} steps{why}{repaired}{hacked}"
    assert run.spec is not None
    attempt = run.finished.get(("search", candidate.id, run.spec.seed))
    on = f" {count(report.steps)} steps on from {attempt.warm}'s policy" if attempt and attempt.warm else ""
    return f"trained{on}, {report.steps_per_second:.0f} steps/s{repaired}{hacked}"


def made(candidate: Candidate) -> str:
    """How it came to be, and who wrote it where a run has several models."""
    return f"{candidate.origin} by {inert(candidate.author)}" if candidate.author else candidate.origin


def value(run: Run, candidate: Candidate) -> float | None:
    """What the search scored `candidate` at; absent where it failed or never trained."""
    report = run.search_report(candidate)
    return report.score if report and not report.failure else None


def ancestors(run: Run, candidate: Candidate) -> list[Candidate]:
    """The candidate, its first parent, that one's, and so on."""
    found = [candidate]
    while found[-1].parents and found[-1].parents[0] in run.candidates:
        parent = run.candidates[found[-1].parents[0]]
        if parent in found:
            break
        found.append(parent)
    return found


def failures(run: Run) -> list[tuple[Candidate, Failure, bool]]:
    """Every failure of the run in order: whose, what, and whether a repair call answered it."""
    found: list[tuple[Candidate, Failure, bool]] = []
    for candidate in sorted(run.candidates.values(), key=lambda c: (c.generation, c.slot)):
        found += [(candidate, failure, True) for failure in candidate.repairs]
        last = run.failure_of(candidate)
        if last and not candidate.twin:
            found.append((candidate, last, False))
    return found


def reviewed(candidate: Candidate) -> list[str]:
    """What the critic said of a slot's drafts, a line for each review."""
    return [": ".join(filter(None, [each.verdict, "; ".join(each.objections)])) for each in candidate.reviews]


def analysed(analysis: Analysis) -> list[str]:
    """What the trajectory analyser read in a candidate's training, a line for each part of it."""
    if analysis.without:
        return [f"nothing: {analysis.without}"]
    if analysis.finding is None:
        return [f"in its own words, as it gave no JSON: {analysis.text}"]
    found = analysis.finding
    lines = [f"cause: {found.cause}", f"suggestion: {found.suggestion}"]
    lines += [f"evidence: episode {each.episode}, step {each.step}: {each.shown}" for each in found.evidence]
    if analysis.dropped:
        lines.append(f"dropped: {counted(analysis.dropped, 'piece')} of evidence outside what it was shown")
    return lines


def failed(failure: Failure) -> str:
    """A failure in a line of Markdown."""
    line = f", line {failure.line}" if failure.line else ""
    return f"{failure.gate} ({failure.kind}{line}): {inert(failure.message)}"
