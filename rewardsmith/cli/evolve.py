"""`rewardsmith evolve`: the main job."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from rewardsmith.cli.command import command, option
from rewardsmith.cli.options import (
    Amount,
    Count,
    backend_options,
    display_option,
    env_option,
    json_option,
    workshop_options,
)

if TYPE_CHECKING:
    from rewardsmith.app import Workshop
    from rewardsmith.client.remote import RemoteWorkshop
    from rewardsmith.domain.plan import Baseline

_SEARCH, _WATCH, _STOP, _MODEL = "Search", "Watch", "Stop early", "Model"
BASELINES: tuple[Baseline, ...] = ("human", "sparse")


def read_baselines(_context: click.Context, _parameter: click.Parameter, value: str) -> tuple[Baseline, ...]:
    """`human,sparse`, either alone, or `none`."""
    from rewardsmith.errors import UnknownName

    names = [name.strip() for name in value.split(",") if name.strip()]
    if names in ([], ["none"]):
        return ()
    for name in names:
        if name not in BASELINES:
            raise UnknownName("baseline", name, [*BASELINES, "none"])
    return tuple(name for name in BASELINES if name in names)


@command("evolve")
@env_option(heading=_SEARCH)
@option("--iters", type=click.IntRange(min=1), metavar="N", heading=_SEARCH, help="Generations; default: the recipe's.")
@option(
    "--k",
    type=click.IntRange(1, 256),
    metavar="N",
    heading=_SEARCH,
    help="Candidates per generation; default: the recipe's, or the budget's where that is less.",
)
@option(
    "--budget", metavar="NAME", default="standard", show_default=True, heading=_SEARCH, help="quick, standard or full."
)
@option("--steps", type=Count(), metavar="N", heading=_SEARCH, help="Environment steps per training, such as 200k.")
@backend_options(heading=_SEARCH)
@option(
    "--recipe", metavar="NAME", default="smith", show_default=True, heading=_SEARCH, help="Method: a recipe's name."
)
@option(
    "--start-reward",
    type=click.Path(exists=True, dir_okay=False),
    metavar="FILE",
    heading=_SEARCH,
    help="A reward of your own in place of the first generation; the next improves on it.",
)
@option(
    "--set",
    "changes",
    multiple=True,
    metavar="KEY=VALUE",
    heading=_SEARCH,
    help="A setting in place of the recipe's, such as parents.history=2; may be repeated.",
)
@option(
    "--baselines",
    metavar="NAMES",
    default="human,sparse",
    show_default=True,
    callback=read_baselines,
    heading=_SEARCH,
    help="Trained beside the search under the same budget; none for none.",
)
@option(
    "--seed",
    type=click.IntRange(min=0),
    metavar="N",
    default=0,
    show_default=True,
    heading=_SEARCH,
    help="Seed of everything.",
)
@option("--deterministic", is_flag=True, heading=_SEARCH, help="End the same whether or not it is interrupted.")
@option(
    "--race",
    type=click.Choice(["on", "off"]),
    default="on",
    show_default=True,
    heading=_SEARCH,
    help="Whether trainings that can hardly lead any more are stopped early, where the recipe races.",
)
@option(
    "--human", is_flag=True, heading=_WATCH, help="After each generation, show what the next improves on, and ask you."
)
@option(
    "--watcher",
    metavar="NAME",
    heading=_WATCH,
    help="A vision model that is asked in your place, named as for --model; it gets pictures.",
)
@option("--name", metavar="NAME", heading=_SEARCH, help="Name of the run; default: task, date and time.")
@option(
    "--model",
    metavar="NAME",
    heading=_MODEL,
    help="Who writes: offline (the default), openai:NAME, litellm:NAME, recorded:DIR or folder:DIR; several share the "
    "slots: A=3,B gives A three of four.",
)
@option("--base-url", metavar="URL", heading=_MODEL, help="A server that speaks OpenAI's protocol.")
@option("--record", metavar="DIR", heading=_MODEL, help="Record every completion, for recorded:DIR.")
@option("--strict", is_flag=True, heading=_MODEL, help="Refuse a recording whose prompts differ.")
@option(
    "--max-minutes",
    type=Amount(min=0, min_open=True),
    metavar="N",
    heading=_STOP,
    help="Wall time, as far as trainings take as long as those before.",
)
@option(
    "--max-dollars",
    type=Amount(min=0),
    metavar="N",
    heading=_STOP,
    help="Money paid to providers; never exceeded.",
)
@option("--max-tokens", type=Count(), metavar="N", heading=_STOP, help="Tokens of prompts and answers; never exceeded.")
@option(
    "--max-steps",
    type=Count(),
    metavar="N",
    heading=_STOP,
    help="Environment steps of the whole run, scoring and confirmation included; never exceeded.",
)
@option(
    "--max-trainings",
    type=click.IntRange(min=1),
    metavar="N",
    heading=_STOP,
    help="Trainings of the whole run, confirmation and baselines included; never exceeded.",
)
@option("--target", type=Amount(), metavar="SCORE", heading=_STOP, help="Score of the best candidate.")
@option(
    "--patience", type=click.IntRange(min=1), metavar="N", heading=_STOP, help="Generations without a better score."
)
@option("--stop-file", metavar="FILE", heading=_STOP, help="Stop when this file exists.")
@workshop_options(trains=True, server=True)
@display_option
@json_option
def evolve(
    *,
    workshop: Workshop | RemoteWorkshop,
    env: str,
    iters: int | None,
    k: int | None,
    budget: str,
    steps: int | None,
    backend: str | None,
    device: Literal["cpu", "cuda"] | None,
    worlds: int | None,
    recipe: str,
    start_reward: str | None,
    changes: tuple[str, ...],
    baselines: tuple[Baseline, ...],
    seed: int,
    deterministic: bool,
    race: str,
    human: bool,
    watcher: str | None,
    name: str | None,
    model: str | None,
    base_url: str | None,
    record: str | None,
    strict: bool,
    max_minutes: float | None,
    max_dollars: float | None,
    max_tokens: int | None,
    max_steps: int | None,
    max_trainings: int | None,
    target: float | None,
    patience: int | None,
    stop_file: str | None,
    display: str,
    as_json: bool,
) -> None:
    r"""Write rewards for a task, train them, choose by score, and confirm the winner on fresh seeds.

    The plan is printed first: the most steps, calls and money that it takes, and the time of an idle machine. A limit
    ends the search; the winner is still confirmed, and the baselines trained. Ctrl-C finishes cleanly, a second one
    ends at once; either way `rewardsmith resume` goes on.

    \b
    rewardsmith evolve --env ant --iters 5 --budget quick
    rewardsmith evolve --env path/to/my_task --model openai:gpt-5 --max-dollars 2
    """
    from rewardsmith.app import PERSON, EvolveRequest
    from rewardsmith.cli.ending import conclude, telling_so_far
    from rewardsmith.cli.interrupts import finishing_cleanly
    from rewardsmith.cli.person import find_person
    from rewardsmith.display.display import open_display
    from rewardsmith.domain.plan import StopSpec
    from rewardsmith.errors import UsageError

    if human and watcher:
        raise UsageError("--human and --watcher exclude each other", hint="leave one of them out")
    request = EvolveRequest(
        env=env,
        recipe=recipe,
        start_reward=start_reward,
        changes=changes,
        model=model,
        budget=budget,
        iterations=iters,
        k=k,
        steps=steps,
        backend=backend,
        device=device,
        worlds=worlds,
        seed=seed,
        baselines=baselines,
        deterministic=deterministic,
        race=race == "on",
        watcher=PERSON if human else watcher,
        name=name,
        strict=strict,
        record=None if record is None else str(Path(record).resolve()),
        base_url=base_url,
        stop=StopSpec(
            wall_s=None if max_minutes is None else 60 * max_minutes,
            dollars=max_dollars,
            tokens=max_tokens,
            steps=max_steps,
            trainings=max_trainings,
            target=target,
            stale=patience,
            file=None if stop_file is None else str(Path(stop_file).resolve()),
        ),
    )
    with open_display(display, as_json=as_json) as shown:
        person = find_person(shown.aside) if human else None
        spec, plan = workshop.prepare(request, note=shown.note)
        shown.plan(spec, plan)
    with (
        telling_so_far(workshop, spec.run, as_json=as_json),
        shown,
        finishing_cleanly(workshop.interrupt, shown.note),
    ):
        result = workshop.evolve(spec, plan, shown.observe, person=person)
    conclude(workshop, result, as_json=as_json)
