"""The Python front door: what the commands do, as functions."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

from rewardsmith.app import EvolveRequest, Settings, Workshop
from rewardsmith.domain.cluster import RaySpec
from rewardsmith.domain.events import StoredEvent
from rewardsmith.domain.plan import StopSpec
from rewardsmith.domain.result import RunResult
from rewardsmith.domain.run import Run
from rewardsmith.search.journal import Observer


def evolve(
    task: str | Path,
    *,
    runs: str | Path = "runs",
    database: str | None = None,
    sandbox: str | None = None,
    unsafe: bool = False,
    workers: int | None = None,
    ray: RaySpec | None = None,
    artifacts: str | None = None,
    stop: StopSpec | None = None,
    observe: Observer | None = None,
    **request: Any,
) -> RunResult:
    """Evolve a reward for `task`; does what `rewardsmith evolve` does and gives what it prints as JSON.

    Args:
        task: Name of a task, or the path of its folder.
        runs: Folder of runs and of the database.
        database: URL of another database.
        sandbox: Sandbox of the workers; `bubblewrap` when absent.
        unsafe: Let reward processes run without Landlock and seccomp where the machine has none.
        workers: Trainings side by side; one per core when absent, or as many as the cluster holds.
        ray: The Ray cluster that trains; this machine when absent.
        artifacts: Where hosts share finished files; in `runs` alone when absent.
        stop: When to stop before the last generation.
        observe: Told of every event and the run as it then stands, in another thread.
        request: Further fields of `rewardsmith.app.EvolveRequest`: `recipe`, `changes`, `model`, `budget`,
            `iterations`, `k`, `steps`, `seed`, `baselines`, `backend`, `device`, `worlds`, `deterministic`, `race`,
            `name`, `strict`, `record`, `base_url`.

    The first Ctrl-C, or a notebook's button that interrupts, lets it finish cleanly.

    Raises:
        Interrupted: It was interrupted; the run is paused, and `rewardsmith resume` goes on.
        RewardsmithError: See `rewardsmith.errors`.
    """
    settings = Settings(
        runs=Path(runs),
        database=database,
        artifacts=artifacts,
        sandbox=sandbox,
        unsafe=unsafe,
        workers=workers,
        executor="ray" if ray else None,
        ray=ray,
    )
    asked = EvolveRequest(env=str(task), stop=stop or StopSpec(), **request)
    with closing(Workshop(settings)) as workshop:
        spec, plan = workshop.prepare(asked)
        return _finishing_cleanly(lambda: workshop.evolve(spec, plan, observe or _silent), workshop.interrupt)


def report(
    run: str, to: str | Path | None = None, *, runs: str | Path = "runs", database: str | None = None
) -> tuple[Path, ...]:
    """Write `report.html` and `report.md` of a run; does what `rewardsmith report` does.

    Args:
        run: Name of the run; it may be unfinished.
        to: Folder to write to; the run's own when absent.
        runs: Folder of runs and of the database.
        database: URL of another database.

    Returns:
        The files that were written.

    Raises:
        RewardsmithError: See `rewardsmith.errors`.
    """
    with closing(Workshop(Settings(runs=Path(runs), database=database))) as workshop:
        return workshop.report(run, None if to is None else Path(to))


def _finishing_cleanly(work: Callable[[], RunResult], interrupt: Callable[[], None]) -> RunResult:
    """What `work` gives; it has a thread of its own, since in a notebook an event loop runs in this one."""
    with ThreadPoolExecutor(1) as pool:
        going = pool.submit(work)
        try:
            return going.result()
        except KeyboardInterrupt:
            interrupt()
            return going.result()


def _silent(event: StoredEvent, run: Run) -> None:
    del event, run
