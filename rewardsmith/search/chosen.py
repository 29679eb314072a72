"""A candidate by the name that a user typed, or the one that a run stands by."""

from __future__ import annotations

from rewardsmith.domain.candidate import Candidate
from rewardsmith.domain.result import Best, CandidateResult, RunResult
from rewardsmith.domain.run import Run
from rewardsmith.errors import NotYet, UnknownName
from rewardsmith.store.artifacts import RunFolder


def find_candidate(run: Run, name: str) -> Candidate:
    """The candidate of that name.

    Raises:
        UnknownName: The run has none of that name; lists the near misses.
    """
    found = run.candidates.get(name)
    if found is None:
        where = f"run {run.spec.run}" if run.spec else ""
        raise UnknownName("candidate", name, run.candidates, where=where)
    return found


def find_best(result: RunResult) -> Best:
    """The reward that a run stands by so far. Raises NotYet where no candidate was scored."""
    if result.best is None:
        hint = f"see `rewardsmith show {result.run}`"
        raise NotYet(f"run {result.run} has no scored candidate", hint=hint)
    return result.best


def candidate_result(run: Run, candidate: Candidate, folder: RunFolder) -> CandidateResult:
    """All that is known of a candidate."""
    assert run.spec is not None
    return CandidateResult(
        run=run.spec.run,
        candidate=candidate,
        report=run.search_report(candidate),
        warnings=run.warned(candidate),
        folder=str(folder.candidate(candidate.id)),
    )
