"""`rewardsmith survey`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from rewardsmith.cli.command import command, option
from rewardsmith.cli.options import env_option, json_option, workshop_options

if TYPE_CHECKING:
    from rewardsmith.app import Workshop
    from rewardsmith.domain.survey import Survey


@command("survey")
@env_option()
@option("--fresh", is_flag=True, help="Run the environment again even if nothing has changed.")
@option("--view", is_flag=True, help="Print the source of the environment without its reward, as a model sees it.")
@workshop_options(trains=True)
@json_option
def survey(*, workshop: Workshop, env: str, fresh: bool, view: bool, as_json: bool) -> None:
    """Run the environment with random actions and show what it offers: signals, speed, random score."""
    from rewardsmith.cli.emit import emit_json, emit_text

    quiet = as_json and not sys.stderr.isatty()
    found, _ = workshop.survey(
        workshop.task(env), fresh=fresh, note=None if quiet else lambda text: print(text, file=sys.stderr)
    )
    if as_json:
        emit_json(found)
    elif view:
        emit_text(found.view)
    else:
        emit_text(_told(found))


_SPARSE = {"rule": "the task has its own", "terminal": "the score, paid at the end"}


def _told(found: Survey) -> str:
    from rewardsmith.reports.words import number, score, table

    rows = [
        [
            signal.name,
            "x".join(str(n) for n in signal.shape) or "1",
            signal.unit or "-",
            f"{number(min(signal.low))} .. {number(max(signal.high))}" if signal.low else "-",
            signal.meaning,
        ]
        for signal in found.signals
    ]
    lengths = [episode.length for episode in found.episodes]
    return "\n".join(
        [
            table(["signal", "shape", "unit", "under random actions", "what it is"], rows),
            "",
            "Each may also be read one step earlier, as prev_<signal>.",
            f"random score       {score(found.random_score())} over {len(found.episodes)} episodes "
            f"of {min(lengths)} to {max(lengths)} steps",
            f"speed              {found.steps_per_second:,.0f} steps per second, one environment",
            f"step               {found.dt:g} s of simulated time, at most {found.horizon} steps per episode",
            f"sparse reward      {_SPARSE[found.sparse_kind]}",
            f"left out of info   {', '.join(found.dropped_info) or 'nothing'}",
        ]
    )
