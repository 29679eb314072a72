"""The command `rewardsmith`: finds the command, and turns every error into a message and an exit code."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence

import click

from rewardsmith import __version__
from rewardsmith.cli.command import LazyGroup
from rewardsmith.cli.complaint import complain
from rewardsmith.cli.emit import flush
from rewardsmith.display.streams import steady_streams

SECTIONS = {
    "Search": {
        "evolve": "Write, train and confirm rewards for a task.",
        "resume": "Go on with a run that was interrupted or paused.",
        "cancel": "Cancel a run for good.",
        "runs": "List the runs.",
        "show": "Tell a run's story, or one candidate's.",
        "report": "Write a run's report: one HTML page, and the same as Markdown.",
        "diff": "Compare two candidates of a run.",
        "video": "Film an episode of a trained policy: MP4 and GIF.",
        "sink": "Copy a run's scores and costs to MLflow or Weights & Biases.",
        "export": "Write a run's reward, or its trained policy, to a file that stands alone.",
    },
    "Service": {
        "serve": "Take requests for runs by REST, and drive them.",
        "keys": "List, make, limit or revoke the keys of those whom the service serves.",
        "db": "Migrate, check or copy the database of the runs.",
        "drive": "Drive the run whose turn it is in the queue.",
    },
    "One reward": {
        "train": "Train and score one reward: a file, human or sparse.",
        "screen": "Say which gate each file passes or fails, and why.",
        "check": "Compare kept rewards with their locks, or prompts with a recording.",
        "lock": "Show how locks differ from what the rewards are now, or write them anew.",
    },
    "What there is to work with": {
        "tasks": "List, show or make tasks.",
        "survey": "Show what an environment offers: signals, speed, random score.",
        "recipes": "List, show or compare recipes.",
        "sandboxes": "List what workers can run in, or build its image.",
        "prompts": "Show what a model would be asked, without asking.",
        "bench-model": "Ask a model a fixed suite of tasks, beside the last one that was asked.",
    },
    "This machine": {
        "doctor": "Say whether evolve would start here, and what to do if not.",
        "schema": "Print the JSON Schema of what the commands print.",
    },
}


@click.group(
    cls=LazyGroup,
    package="rewardsmith.cli",
    sections=SECTIONS,
    epilog="Exit codes: 0 done, 1 result below threshold, 2 usage, 3 machine or provider, 4 cannot tell, "
    "130 interrupted. Results go to standard output (--json for programs), everything else to standard error.",
)
@click.version_option(__version__, "-V", "--version", message="%(prog)s %(version)s")
def rewardsmith() -> None:
    """Write the reward function that gets a task done, and prove how good it is.

    To begin: rewardsmith evolve --env ant --iters 5 --budget quick
    """


def wants_json(arguments: Sequence[str]) -> bool:
    """Whether errors are to be printed as JSON; known even where the arguments do not parse."""
    named = arguments[: arguments.index("--")] if "--" in arguments else arguments
    return "--json" in named or os.environ.get("REWARDSMITH_JSON", "").lower() in {"1", "true", "yes", "on", "t", "y"}


def run(arguments: Sequence[str]) -> int:
    """Run one command and return its exit code; errors are printed on standard error."""
    try:
        code = rewardsmith.main(list(arguments) or ["--help"], prog_name="rewardsmith", standalone_mode=False)
        flush()
    except Exception as error:
        return complain(error, as_json=wants_json(arguments))
    except KeyboardInterrupt as error:
        return complain(error, as_json=wants_json(arguments))
    return code if isinstance(code, int) else 0


def main() -> None:
    """Entry point of the command. To be terminated is to be interrupted: what a command started ends with it."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    steady_streams()
    sys.exit(run(sys.argv[1:]))
