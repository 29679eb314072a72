"""What every recipe tells a model about every shipped task, rendered from small stored surveys.

    make snapshots                                 writes the snapshots anew
    python -m tests.prompting.rendered --surveys   makes the small surveys anew too, from the real environments

The snapshots of a recipe lie in `snapshots/<recipe>/`: paragraphs that are the same for every task in `every_task.md`,
the messages in `<task>.md`. A change of a template, or of what fills it, shows there as a diff.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from rewardsmith.catalogue.folders import find_folders
from rewardsmith.catalogue.recipes import list_recipes, load_recipe
from rewardsmith.catalogue.tasks import load_task
from rewardsmith.domain.candidate import Candidate
from rewardsmith.domain.example import Example
from rewardsmith.domain.job import SurveyJob
from rewardsmith.domain.prompt import Completion, Context, Message, Turn
from rewardsmith.domain.recipe import Recipe
from rewardsmith.domain.report import ComponentPoint, ComponentStatistics, EpisodePoint, Failure, Report, Rung
from rewardsmith.domain.review import Review
from rewardsmith.domain.survey import Probe, RecordedEpisode, Signal, Survey
from rewardsmith.domain.watching import Remark
from rewardsmith.errors import TaskError
from rewardsmith.motion.api import PREFIX, calls
from rewardsmith.motion.description import template
from rewardsmith.motion.fitting import check_fits, robot_of
from rewardsmith.prompting.findings import compose_analysis
from rewardsmith.prompting.forms import source_of
from rewardsmith.prompting.messages import (
    compose,
    compose_description,
    compose_description_again,
    compose_repair,
)
from rewardsmith.prompting.reviewing import compose_review, compose_revision
from rewardsmith.prompting.seeing import Seen, compose_watch
from rewardsmith.prompting.trajectories import Episode, trajectories
from rewardsmith.reward.source import analyse
from tests.shipped import plain

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = find_folders(envs=ROOT / "envs", prompts=ROOT / "prompts")
HERE = Path(__file__).parent / "snapshots"
SURVEYS = HERE / "surveys"
VIEW_LINES = 6
"""Of each environment's source."""
EVERY = "every_task"
WORDS = 40
"""Characters that stand for a paragraph that was shown already."""

READS = {"function": ("observation", "observation"), "abstraction": ("env", "env.observation")}
"""Argument, and what is read, by form."""
SIGNS = """def sparse(terminated):
    return np.where(terminated, -1.0, 0.0)


def dense(observation, prev_observation):
    return np.square(prev_observation).sum(axis=1) - np.square(observation).sum(axis=1)
"""


def rendered(recipe: Recipe) -> dict[str, dict[str, str]]:
    """Text of each message by task and title."""
    return {name: dict(_messages(recipe, name)) for name in plain(FOLDERS)}


def files_of(recipe: Recipe) -> dict[str, str]:
    """The snapshots by file name. A long paragraph is written once, elsewhere `[its first words ...]` stands for it."""
    told = rendered(recipe)
    prompted = [messages for messages in told.values() if len(messages) > 1]
    shared = dict.fromkeys(each for text in prompted[0].values() for each in _long(text))
    for messages in prompted:
        there = {each for text in messages.values() for each in _long(text)}
        shared = {each: None for each in shared if each in there}
    files = {f"{EVERY}.md": "\n\n".join(shared) + "\n"}
    for task, messages in told.items():
        seen, parts = set(shared), []
        for title, text in messages.items():
            parts.append(f"===== {title} =====")
            for each in text.strip().split("\n\n"):
                parts.append(f"[{each[:WORDS]} ...]".replace("\n", " ") if each in seen else each)
                seen |= set(_long(each))
        files[f"{task}.md"] = "\n\n".join(parts) + "\n"
    return files


def _long(text: str) -> list[str]:
    return [each for each in text.strip().split("\n\n") if len(each) > 2 * WORDS]


def survey_of(task: str) -> Survey:
    """The small stored survey, with made-up statistics: those of a simulator change with its version."""
    stored = Survey.model_validate_json((SURVEYS / f"{task}.json").read_text())
    return stored.model_copy(update={"signals": tuple(map(_measured, stored.signals))})


def _measured(signal: Signal) -> Signal:
    size = int(np.prod(signal.shape))
    values = {"mean": (0.25,) * size, "std": (0.5,) * size, "low": (0.0,) * size, "high": (1.0,) * size}
    return signal.model_copy(update=values)


def _messages(recipe: Recipe, name: str) -> Iterator[tuple[str, str]]:
    """Every kind of message that the recipe has, by title."""
    task, survey = load_task(name, FOLDERS), survey_of(name)
    first = Context(task, survey, Probe({}, np.ones(1, bool)), history=(), parents=(), seed=0, k=recipe.write.k)
    if recipe.moves:
        try:
            check_fits(task, survey.names())
        except TaskError as error:
            yield "no prompt", f"{error.message}\n{error.hint}"
            return
        first = replace(first, motion=template(robot_of(task)))
    answer = Completion(text=_answer(recipe, first), model="m")
    turns = _turns(recipe, first, answer)
    later = replace(first, history=turns, parents=turns[:1])
    remark = Remark(
        generation=1, candidate="g1c00", saw="It lies on its side.", change="Keep it upright.", who="person"
    )
    if recipe.describe.calls:
        chained = replace(later, chain=(turns[0].model_copy(update={"description": template(robot_of(task))}),))
        asked = compose_description(recipe, first)
        yield from _told("describer", asked)
        yield from _told("describer, later", compose_description(recipe, chained)[len(asked) :])
        again = compose_description_again(recipe, first, asked, "* Something.", ("a slot is left open",))
        yield from _told("describer, once more", again[len(asked) :])
    asked = compose(recipe, first)
    yield from _told("designer", asked)
    yield from _told("designer, later", compose(recipe, later)[len(asked) :])
    yield from _told("designer, watched", compose(recipe, replace(later, said=(remark,)))[len(asked) + 1 :])
    if recipe.retrieve.examples:
        yield from _told(
            "designer, with an example", compose(recipe, replace(first, examples=(_example(recipe, first),)))[1:]
        )
    if "crossing" in recipe.templates:
        yield from _told("designer, two parents", compose(recipe, replace(later, parents=turns[:2]))[len(asked) + 1 :])
    failure = Failure(gate="contract", kind="unknown_signal", message="'nothing' is no signal of this task", line=1)
    mended = compose_repair(recipe, replace(first, rejected=("def compute_reward(nothing):", failure)))
    yield from _told("repair", mended[len(asked) :])
    if "critic" in recipe.templates:
        review = Review(passes=False, objections=("It pays for standing still.",))
        yield from _told("critic", compose_review(recipe, first, answer))
        yield from _told("designer, revising", compose_revision(recipe, first, answer, review)[len(asked) + 1 :])
    if "analyser" in recipe.templates:
        seen = trajectories(_report(), survey, [_episode(survey, 1.0), _episode(survey, 2.0, best=True)], (), rows=3)
        yield from _told("analyser", compose_analysis(recipe, later, seen))
    if "watcher" in recipe.templates:
        yield from _told("watcher", compose_watch(recipe, later, [Seen(turns[0], ("", ""), (0.0, 1.5))]))


def _told(role: str, messages: tuple[Message, ...]) -> Iterator[tuple[str, str]]:
    for number, message in enumerate(messages):
        yield f"{role} {number + 1}: {message.role}", message.content


def _answer(recipe: Recipe, context: Context) -> str:
    """An answer of the recipe's form."""
    form = recipe.write.form
    if form == "motion":
        call = next(iter(calls(robot_of(context.task)).values()))
        named = [repr(call.subjects[0])] if call.subjects[0] else []
        given = [f"{a.name}={(a.values.low + a.values.high) / 2}" for a in call.numbers if a.default is None]
        return f"```python\n{PREFIX}{call.name}({', '.join([*named, *given])})\n```"
    code = SIGNS
    if form in READS:
        argument, read = READS[form]
        code = f"def compute_reward({argument}, *, weight=1.0):\n    calm = -weight * np.square({read}).sum(axis=1)\n"
        code += '    return calm, {"calm": calm}\n'
    return f"Calm.\n\n```python\nimport numpy as np\n\n\n{code}```"


def _turns(recipe: Recipe, context: Context, answer: Completion) -> tuple[Turn, ...]:
    """A good reward, another one, and one that failed."""
    source = source_of(recipe, answer, context)
    analysis = analyse(source, context.survey.names())
    good = Candidate(
        generation=1,
        slot=0,
        origin="proposed",
        source=source,
        parameters=analysis.parameters,
        signals=analysis.signals,
        components=("calm",),
    )
    other = good.model_copy(update={"slot": 1})
    fault = Failure(gate="parse", kind="no_code", message="There is no Python function in the answer.")
    failed = Candidate(generation=1, slot=2, origin="proposed", failure=fault)
    told = answer.text
    return (
        Turn(candidate=good, report=_report(), reply=told),
        Turn(candidate=other, report=_report(0.5), reply=told),
        Turn(candidate=failed),
    )


def _report(scale: float = 1.0) -> Report:
    means = [scale * value for value in (0.1, 0.2, 0.4)]
    points = tuple(
        ComponentPoint(steps=1000 * (i + 1), mean=mean, std=0.1, low=0.0, high=1.0, share=1.0)
        for i, mean in enumerate(means)
    )
    return Report(
        reward_id="r",
        seed=0,
        steps=3000,
        wall_s=1.0,
        steps_per_second=1000.0,
        rungs=tuple(
            Rung(steps=1000 * (i + 1), scores=(mean, 2 * mean), mean=1.5 * mean, lengths=(40, 50))
            for i, mean in enumerate(means)
        ),
        best_rung=2,
        components=tuple(ComponentStatistics(name=n, points=points, correlation=0.9) for n in ("calm", "total")),
        episodes=tuple(EpisodePoint(steps=1000 * (i + 1), episodes=5, mean_length=45.0) for i in range(3)),
    )


def _episode(survey: Survey, end: float, *, best: bool = False) -> Episode:
    """Six steps in which every number goes to `end`."""
    arrays = {}
    for signal in survey.signals:
        steps = np.linspace(0.0, end, 6).reshape(6, *(1,) * len(signal.shape))
        arrays[signal.name] = np.broadcast_to(steps, (6, *signal.shape)).astype(signal.dtype)
    return Episode(arrays=arrays, score=end, trained=3000, best=best)


def _example(recipe: Recipe, context: Context) -> Example:
    source = source_of(recipe, Completion(text=_answer(recipe, context), model="m"), context)
    return Example(
        run="r", candidate="g1c00", task="other", description="Do something else.", source=source, score=1.0, signals=()
    )


def _small(name: str) -> Survey:
    """The survey of a real environment without what differs between runs and versions."""
    with tempfile.TemporaryDirectory() as folder:
        from rewardsmith.worker.survey import run

        run(SurveyJob(task=load_task(name, FOLDERS), episodes=1, max_steps=64), Path(folder))
        found = Survey.model_validate_json((Path(folder) / "survey.json").read_text())
    bare = {"mean": (), "std": (), "low": (), "high": ()}
    return found.model_copy(
        update={
            "signals": tuple(signal.model_copy(update=bare) for signal in found.signals),
            "view": "\n".join(found.view.splitlines()[:VIEW_LINES]),
            "episodes": (RecordedEpisode(length=50, score=0.03, terminated=True),),
            "extremes": (),
            "versions": {},
            "origins": {},
            "steps_per_second": 1.0,
        }
    )


def write(*, surveys: bool) -> None:
    """Write the snapshots."""
    SURVEYS.mkdir(parents=True, exist_ok=True)
    for name in plain(FOLDERS) if surveys else ():
        (SURVEYS / f"{name}.json").write_text(_small(name).model_dump_json(exclude_defaults=True) + "\n")
    for name in list_recipes(FOLDERS):
        folder = HERE / name
        folder.mkdir(exist_ok=True)
        for file in folder.iterdir():
            file.unlink()
        for file, text in files_of(load_recipe(name, FOLDERS)).items():
            (folder / file).write_text(text)


if __name__ == "__main__":
    write(surveys="--surveys" in sys.argv)
