"""What a cluster says of the jobs that are followed, and how often it is asked: one head answers for all runs."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass

from rewardsmith.errors import ExecutorAway, InfrastructureError
from rewardsmith.executors.ray_jobs import RayJob, RayJobs

LOOK_S = 5.0
"""How old what the cluster said of a job may be at least."""
SELDOM_S = 30.0
"""And at most, of one that has been followed for long."""
SHARE = 1 / 20
"""In between, of the time that a job has been followed: so much later its end is noticed at most."""
MANY = 8
"""Jobs from which on it may pay to ask for all at once."""
WORTH = 4
"""So many listed jobs cost the head no more than to be asked for one (`benchmarks.scaling_measured`: 3 to 17)."""


@dataclass
class _Followed:
    since: float
    at: float
    job: RayJob | None

    def is_fresh(self, now: float) -> bool:
        return now - self.at < min(SELDOM_S, max(LOOK_S, SHARE * (self.at - self.since)))


class Looks:
    """The jobs that one process follows. Safe to use from many threads."""

    def __init__(self, jobs: RayJobs) -> None:
        self._jobs = jobs
        self._followed: dict[str, _Followed] = {}
        self._listed = 0.0
        """Jobs of all users that the cluster listed last."""
        self._lock = threading.Lock()

    def of(self, name: str) -> RayJob | None:
        """What the cluster said of a job a while ago; None where it knows of none. Raises as `RayJobs.look`."""
        with self._lock:
            known, now = self._followed.get(name), time.monotonic()
            if known is not None and known.is_fresh(now):
                return known.job
            count = len(self._followed)
            if known is not None and count >= MANY and self._listed <= WORTH * count and self._look_at_all(now):
                return self._followed[name].job
        job = self._jobs.look(name)
        with self._lock:
            self._followed[name] = _Followed(known.since if known else now, now, job)
        return job

    def drop(self, name: str) -> None:
        """Follow it no more; who asks again hears what is true then."""
        with self._lock:
            self._followed.pop(name, None)

    def _look_at_all(self, now: float) -> bool:
        try:
            there = self._jobs.all()
        except ExecutorAway:
            raise
        except InfrastructureError:  # too long an answer, say
            self._listed = float("inf")
            return False
        self._listed = len(there)
        for name, known in self._followed.items():
            known.at, known.job = now, there.get(name)
        return True
