"""A candidate by the name that a user typed."""

from __future__ import annotations

from rewardsmith.domain.candidate import Candidate
from rewardsmith.domain.run import Run
from rewardsmith.errors import UnknownName


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
