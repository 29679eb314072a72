"""The Python front door: what the commands do, as functions."""

from __future__ import annotations

import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any, TextIO, cast

from rewardsmith.app import EvolveRequest, Settings, Workshop
from rewardsmith.display.display import FINISHING, Display
from rewardsmith.display.lines import PlainDisplay
from rewardsmith.display.none import NoDisplay
from rewardsmith.display.streams import Commentary
from rewardsmith.domain.cluster import RaySpec
from rewardsmith.domain.plan import StopSpec
from rewardsmith.domain.result import RunResult
from rewardsmith.errors import UsageError
from rewardsmith.search.journal import Observer


def evolve(
    task: str | Path,
    *,
    iters: int | None = None,
    runs: str | Path = "runs",
    database: str | None = None,
    sandbox: str | None = None,
    unsafe: bool = False,
    workers: int | None = None,
    ray: RaySpec | None = None,
    artifacts: str | None = None,
    stop: StopSpec | None = None,
    observe: Observer | None = None,
    quiet: bool = False,
    **request: Any,
) -> RunResult:
    """Evolve a reward for `task`; does what `rewardsmith evolve` does and gives what it prints as JSON.

    Args:
        task: Name of a task, or the path of its folder.
        iters: Generations; the recipe's number when absent.
        runs: Folder of runs and of the database.
        database: URL of another database.
        sandbox: Sandbox of the workers; `bubblewrap` when absent.
        unsafe: Let reward processes run without Landlock and seccomp where the machine has none.
        workers: Trainings side by side; one per core when absent, or as many as the cluster holds.
        ray: The Ray cluster that trains; this machine when absent.
        artifacts: Where hosts share finished files; in `runs` alone when absent.
        stop: When to stop before the last generation.
        observe: Told of every event and the run as it then stands, in another thread, in place of the lines.
        quiet: Show nothing. Else the plan, and a line for all that happens, go to standard error.
        request: Further fields of `rewardsmith.app.EvolveRequest`: `recipe`, `changes`, `model`, `budget`, `k`,
            `steps`, `seed`, `baselines`, `backend`, `device`, `worlds`, `deterministic`, `race`, `name`, `strict`,
            `record`, `base_url`; `iterations` is an older name of `iters`.

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
    if iters is not None and "iterations" in request:
        raise UsageError("iters and iterations are the same", hint="leave out iterations")
    asked = EvolveRequest(env=str(task), stop=stop or StopSpec(), **({"iterations": iters} | request))
    with closing(Workshop(settings)) as workshop, _open_display(quiet=quiet or observe is not None) as shown:
        spec, plan = workshop.prepare(asked, note=shown.note)
        shown.plan(spec, plan)
        work = partial(workshop.evolve, spec, plan, observe or shown.observe)
        return _finishing_cleanly(work, workshop.interrupt, shown)


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


def _finishing_cleanly(work: Callable[[], RunResult], interrupt: Callable[[], None], shown: Display) -> RunResult:
    """What `work` gives; it has a thread of its own, since in a notebook an event loop runs in this one."""
    with ThreadPoolExecutor(1) as pool:
        going = pool.submit(work)
        try:
            return going.result()
        except KeyboardInterrupt:
            interrupt()
            shown.note(FINISHING)
            return going.result()


def _open_display(*, quiet: bool) -> Display:
    return NoDisplay() if quiet or sys.stderr is None else PlainDisplay(cast("TextIO", Commentary(sys.stderr)))
