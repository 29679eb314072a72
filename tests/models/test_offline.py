"""The offline author on recorded random episodes of real environments."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import gymnasium
import numpy as np
import pytest

from rewardsmith.domain.candidate import Candidate
from rewardsmith.domain.prompt import Completion, CompletionKey, Context, Message, Request, Turn
from rewardsmith.domain.report import Failure, Report, Rung
from rewardsmith.domain.survey import Probe, RecordedEpisode, Signal, Survey
from rewardsmith.domain.task import Budget, EnvironmentSpec, ScoreRule, SignalSpec, Task, Trainer
from rewardsmith.export.discovery import discover
from rewardsmith.export.signals import SignalReader
from rewardsmith.models.conformance import ModelConformance
from rewardsmith.models.model import Model
from rewardsmith.models.offline import OfflineAuthor
from rewardsmith.models.offline_code import Gene, read, write
from rewardsmith.models.offline_evidence import weigh
from rewardsmith.models.offline_terms import values
from rewardsmith.reward.process import RewardProcess
from rewardsmith.reward.source import analyse, reward_id, set_parameters

Columns = Mapping[str, np.ndarray]
Score = Callable[[Columns, bool], float]

POLE = {
    "pole_angle": SignalSpec(source="observation", index=2, unit="rad", meaning="angle of the pole from upright"),
    "cart_position": SignalSpec(source="observation", index=0, unit="m", meaning="position of the cart"),
}
TASKS: dict[str, tuple[str, int, Score, dict[str, SignalSpec]]] = {
    "hopper": ("Hopper-v5", 1000, lambda x, _: float(x["x_velocity"].sum()), {}),
    "hopper_backward": ("Hopper-v5", 1000, lambda x, _: float(-x["x_velocity"].sum()), {}),
    "hopper_high": ("Hopper-v5", 1000, lambda x, _: float(np.maximum(x["torso_position"][:, 2] - 1.25, 0).sum()), {}),
    "reacher": (
        "Reacher-v5",
        50,
        lambda x, _: -float(np.linalg.norm(x["fingertip_position"] - x["target_position"], axis=1).sum()),
        {},
    ),
    "cartpole": ("CartPole-v1", 500, lambda x, ended: float(len(x["pole_angle"]) - ended), POLE),
    "mountain_car": ("MountainCarContinuous-v0", 300, lambda x, ended: float(ended), {}),
}


def record(name: str, episodes: int = 12) -> tuple[Survey, Probe]:
    """Survey an environment: random episodes, their signals and scores."""
    gym_id, horizon, score, specs = TASKS[name]
    env = gymnasium.make(gym_id, max_episode_steps=horizon)
    env.reset(seed=0)
    *_, info = env.step(env.action_space.sample())
    info = {key: value for key, value in info.items() if not key.startswith("reward")}
    found = discover(env, specs, info=info)
    reader = SignalReader(env, {signal.name: signal.reader for signal in found.values()})
    env.action_space.seed(0)
    rows: list[dict[str, Any]] = []
    starts: list[bool] = []
    recorded = []
    for seed in range(episodes):
        env.reset(seed=seed)
        first, ended, over = len(rows), False, False
        while not over:
            action = env.action_space.sample()
            observation, _, ended, truncated, info = env.step(action)
            starts.append(len(rows) == first)
            rows.append(reader.read(observation, action, ended, info))
            over = ended or truncated
        columns = {key: np.array([row[key] for row in rows[first:]]) for key in rows[0]}
        recorded.append(RecordedEpisode(length=len(rows) - first, score=score(columns, ended), terminated=ended))
    env.close()
    survey = Survey(
        task=name,
        fingerprint=name,
        signals=tuple(Signal(**signal._asdict()) for signal in found.values()),
        view="",
        dt=0.01,
        horizon=horizon,
        episodes=tuple(recorded),
        steps_per_second=1.0,
    )
    return survey, Probe({key: np.array([row[key] for row in rows]) for key in rows[0]}, np.array(starts))


SURVEYS: dict[str, tuple[Survey, Probe]] = {}


@pytest.fixture
def context(request: pytest.FixtureRequest) -> Context:
    """An empty context of the task that a test names."""
    name = getattr(request, "param", "hopper")
    if name not in SURVEYS:
        SURVEYS[name] = record(name)
    return blank(name, *SURVEYS[name])


def blank(name: str, survey: Survey, probe: Probe) -> Context:
    task = Task(
        name=name,
        title=name,
        description="",
        environment=EnvironmentSpec(id=TASKS[name][0] if name in TASKS else name, horizon=survey.horizon),
        score=ScoreRule(source="", meaning=""),
        trainer=Trainer(algorithm="stable_baselines3.PPO", source=""),
        budgets={"quick": Budget(steps=1)},
    )
    return Context(task=task, survey=survey, probe=probe, history=(), parents=(), seed=0, k=8)


AUTHOR = OfflineAuthor(seed=0)


class TestOfflineConformance(ModelConformance):
    """The offline author behaves as every model does."""

    available = 0

    def open_model(self) -> Model:
        return OfflineAuthor(seed=0)


def ask(context: Context, generation: int, slot: int, *, call: int = 0) -> Completion:
    role = "repair" if context.rejected else "designer"
    key = CompletionKey(generation=generation, role=role, slot=slot, call=call)
    return asyncio.run(AUTHOR.complete(Request(key, (), context)))


def code(completion: Completion) -> str:
    fences = re.findall(r"```python\n(.*?)```", completion.text, re.DOTALL)
    assert len(fences) == 1
    return str(fences[0])


def turn(source: str, generation: int, slot: int, score: float | None, *, length: int = 1000) -> Turn:
    """A candidate that trained to a score, or failed."""
    candidate = Candidate(generation=generation, slot=slot, origin="proposed", source=source)
    if score is None:
        return Turn(candidate=candidate)
    rung = Rung(steps=1, scores=(score,), mean=score, lengths=(length,))
    report = Report(reward_id="x", seed=0, steps=1, wall_s=1, steps_per_second=1, rungs=(rung,), best_rung=0)
    return Turn(candidate=candidate, report=report)


@pytest.mark.parametrize("context", list(TASKS), indirect=True)
def test_every_slot_is_a_new_reward_that_passes_the_contract_and_runs(context: Context) -> None:
    sources = [code(ask(context, 1, slot)) for slot in range(8)]
    assert len({reward_id(source) for source in sources}) == 8
    signals = {signal.name: signal for signal in context.survey.signals}
    for source in sources:
        analysis = analyse(source, signals)
        assert analysis.parameters
        assert not analysis.takes_memory
        with RewardProcess(source, signals, namespaces=False) as process:
            arrays = {name: context.probe.arrays[name][:, None] for name in process.reads}
            answer = process.ask(arrays, context.probe.starts[:, None])
        assert answer.total.std() > 0
        assert np.abs(answer.total).max() < 1e4
        np.testing.assert_allclose(answer.total, sum(answer.components.values()), atol=1e-9)


@pytest.mark.parametrize(
    ("context", "expected"),
    [
        ("hopper", "more_x_velocity"),
        ("hopper_backward", "less_x_velocity"),
        ("hopper_high", "above_torso_position_z"),
        ("reacher", "close_fingertip_target"),
    ],
    indirect=["context"],
)
def test_the_term_that_follows_the_score_ranks_first(context: Context, expected: str) -> None:
    evidence = weigh(context.survey, context.probe)
    assert evidence.conclusive
    assert evidence.mains[0].term.name == expected
    assert f"{expected}_weight" in code(ask(context, 1, 0))


@pytest.mark.parametrize("context", ["cartpole"], indirect=True)
def test_where_the_score_is_survival_it_keeps_what_foretells_the_end(context: Context) -> None:
    evidence = weigh(context.survey, context.probe)
    assert evidence.is_survival
    assert evidence.guards[0].term.name == "steady_pole_angle"
    analysis = analyse(code(ask(context, 1, 0)), context.survey.names())
    assert {"terminated", "pole_angle"} <= set(analysis.signals)


@pytest.mark.parametrize("context", ["mountain_car"], indirect=True)
def test_where_no_random_episode_scores_it_tries_different_signals(context: Context) -> None:
    evidence = weigh(context.survey, context.probe)
    assert evidence.silent
    assert not evidence.conclusive
    firsts = {next(iter(analyse(code(ask(context, 1, slot)), context.survey.names()).parameters)) for slot in range(8)}
    assert len(firsts) >= 5


def test_a_term_that_only_grows_with_time_is_not_taken_for_the_score() -> None:
    rng = np.random.default_rng(0)
    lengths = rng.integers(20, 200, size=16)
    starts = np.zeros(lengths.sum(), dtype=bool)
    starts[np.cumsum([0, *lengths[:-1]])] = True
    speed = rng.normal(size=len(starts)) + np.repeat(rng.normal(size=16), lengths) + 3.0
    arrays = {"clock": 1.0 + 0.01 * rng.random(len(starts)), "speed": speed}
    probe = Probe(arrays, starts)
    episodes = tuple(
        RecordedEpisode(length=int(n), score=float(speed[span].sum()), terminated=True)
        for n, span in zip(lengths, probe.episodes(), strict=True)
    )
    signals = tuple(Signal(name=name, shape=(), meaning=name, reader="info:" + name) for name in arrays)
    survey = Survey(
        task="t",
        fingerprint="t",
        signals=signals,
        view="",
        dt=1,
        horizon=200,
        episodes=episodes,
        steps_per_second=1,
    )
    clock = np.add.reduceat(arrays["clock"], np.flatnonzero(starts))
    assert np.corrcoef(clock, [e.score for e in episodes])[0, 1] > 0.6
    evidence = weigh(survey, probe)
    assert evidence.mains[0].term.name == "more_speed"
    assert evidence.mains[0].evidence > 0.95
    assert all(r.evidence < 0.8 for r in evidence.mains if r.term.signals == ("clock",))


HOPPER = "alive finish effort smoothness calm_torso more_x_velocity capped_less_x_velocity steady_torso_position_z"
HOPPER += " rising_torso_position_x below_torso_position_z big_torso_linear_velocity apart_torso_foot"


@pytest.mark.parametrize(
    ("context", "names"),
    [("hopper", HOPPER), ("reacher", "turn_right_body0 close_fingertip_target"), ("cartpole", "smoothness")],
    indirect=["context"],
)
def test_the_values_that_are_ranked_are_those_that_the_code_computes(context: Context, names: str) -> None:
    library = weigh(context.survey, context.probe).library
    signals = {signal.name: signal for signal in context.survey.signals}
    genome = tuple(Gene(library.terms[name], 2.0) for name in names.split())
    with RewardProcess(write(genome, library), signals, namespaces=False) as process:
        arrays = {key: context.probe.arrays[key][:, None] for key in process.reads}
        answer = process.ask(arrays, context.probe.starts[:, None])
    for gene in genome:
        expected = 2.0 * values(gene.term, context.probe)
        np.testing.assert_allclose(answer.components[gene.term.name][:, 0], expected, atol=1e-9)


def test_an_answer_depends_on_context_and_key_alone(context: Context) -> None:
    author = OfflineAuthor(seed=0)
    key = CompletionKey(generation=1, role="designer", slot=5)
    words = (Message(role="user", content="ignored"),)

    async def both() -> list[Completion]:
        requests = [Request(replace_slot(key, slot), words, context) for slot in (5, 2, 5)]
        return list(await asyncio.gather(*map(author.complete, requests)))

    one, _, again = asyncio.run(both())
    assert one.text == again.text == ask(context, 1, 5).text
    assert ask(replace(context, seed=1), 1, 20).text != ask(context, 1, 20).text
    assert one.dollars == 0.0


def replace_slot(key: CompletionKey, slot: int) -> CompletionKey:
    return key.model_copy(update={"slot": slot})


def test_reading_is_the_inverse_of_writing_and_knows_its_own(context: Context) -> None:
    evidence = weigh(context.survey, context.probe)
    source = code(ask(context, 1, 3))
    genome = read(source, evidence.library)
    assert genome is not None
    assert reward_id(write(genome, evidence.library)) == reward_id(source)
    weight = f"{genome[0].term.name}_weight"
    tuned = read(set_parameters(source, {weight: 0.123}), evidence.library)
    assert tuned is not None
    assert tuned[0].weight == 0.123
    assert read(source.replace("np.tanh", "np.sin"), evidence.library) is None
    assert read("def compute_reward(x_velocity):\n    return x_velocity, {}\n", evidence.library) is None
    assert read("not python (", evidence.library) is None


def test_generations_never_repeat_a_reward_and_improve_on_a_hidden_optimum(context: Context) -> None:
    """The hidden score wants a capped forward term with little effort, and says so only through scores."""
    library = weigh(context.survey, context.probe).library

    def hidden(source: str) -> float:
        genome = read(source, library)
        assert genome is not None
        weights = {gene.term.name: abs(gene.weight) / gene.term.weight(1.0) for gene in genome}
        miss = abs(np.log(weights.get("effort", 1e-3) / 0.03)) + abs(np.log(weights.get("alive", 1e-2) / 3.0))
        return float(-miss - 0.5 * len(set(weights) - {"effort", "alive", "capped_more_x_velocity"}))

    history: list[Turn] = []
    best: list[float] = []
    for generation in range(1, 7):
        current = replace(context, history=tuple(history), k=6)
        if history:
            top = max(history, key=lambda t: t.score or -np.inf)
            current = replace(current, parents=(top,))
        sources = [code(ask(current, generation, slot)) for slot in range(6)]
        history += [turn(source, generation, slot, hidden(source)) for slot, source in enumerate(sources)]
        best.append(max(t.score for t in history if t.score is not None))
    ids = [reward_id(t.candidate.source) for t in history if t.candidate.source]
    assert len(set(ids)) == len(ids)
    assert best[-1] > best[0] + 0.5


def test_a_parent_that_falls_early_is_steadied(context: Context) -> None:
    source = code(ask(context, 1, 4))
    before = analyse(source, context.survey.names()).parameters
    parent = turn(source, 1, 4, 1.0, length=100)
    completion = ask(replace(context, history=(parent,), parents=(parent,)), 2, 0)
    after = analyse(code(completion), context.survey.names()).parameters
    assert "ends its episodes early" in completion.text
    steadying = ("alive", "effort", "calm", "steady", "smoothness")
    grown = [n for n, v in after.items() if n.startswith(steadying) and n.endswith("weight") and v > before.get(n, 0)]
    assert grown


def test_says_what_a_reward_was_made_from(context: Context) -> None:
    assert ask(context, 1, 0).parents == ()
    sources = [code(ask(context, 1, slot)) for slot in range(4)]
    history = tuple(turn(source, 1, slot, float(slot)) for slot, source in enumerate(sources))
    current = replace(context, history=history, parents=history[-1:])
    answers = [ask(current, 2, slot) for slot in range(8)]
    for answer in answers:
        assert answer.parents is not None
        assert all(parent in answer.text for parent in answer.parents)
        assert len(answer.parents) == (2 if "Crossed" in answer.text else 0 if "fresh draft" in answer.text else 1)
    assert answers[1].parents == ("g1c03",)
    assert len(answers[2].parents or ()) == 2


FOREIGN = """
import numpy as np

def compute_reward(x_velocity, action, *, speed=1.0, cost=0.5):
    run = speed * np.log1p(np.abs(x_velocity))
    pay = -cost * np.abs(action).sum(axis=1)
    return run + pay, {"run": run, "pay": pay}
"""


def test_of_a_reward_by_somebody_else_only_the_numbers_change(context: Context) -> None:
    parent = turn(FOREIGN, 1, 0, 5.0)
    current = replace(context, history=(parent,), parents=(parent,))
    child = code(ask(current, 2, 0))
    assert "np.log1p" in child
    assert reward_id(child) != reward_id(FOREIGN)
    assert reward_id(set_parameters(child, {"speed": 1.0, "cost": 0.5})) == reward_id(FOREIGN)
    assert "np.log1p" not in code(ask(current, 2, 1))


def test_a_repair_is_another_reward(context: Context) -> None:
    source = code(ask(context, 1, 0))
    failure = Failure(gate="probe", kind="not_finite", message="component is not finite")
    broken = replace(context, rejected=(source, failure))
    answers = {reward_id(code(ask(broken, 1, 0, call=call))) for call in range(3)}
    assert reward_id(source) not in answers
    assert len(answers) == 3
    prose = replace(context, rejected=("I would rather not.", failure))
    analyse(code(ask(prose, 1, 0)), context.survey.names())


def test_a_generation_without_any_score_is_followed_by_fresh_drafts(context: Context) -> None:
    failed = tuple(turn(code(ask(context, 1, slot)), 1, slot, None) for slot in range(4))
    known = {reward_id(t.candidate.source) for t in failed if t.candidate.source}
    fresh = {reward_id(code(ask(replace(context, history=failed), 2, slot))) for slot in range(4)}
    assert len(fresh) == 4
    assert not fresh & known


@pytest.mark.parametrize("context", ["mountain_car"], indirect=True)
def test_while_every_score_is_the_same_it_goes_on_to_other_terms(context: Context) -> None:
    history: list[Turn] = []
    for generation in range(1, 4):
        current = replace(context, history=tuple(history))
        sources = [code(ask(current, generation, slot)) for slot in range(4)]
        history += [turn(source, generation, slot, 0.0) for slot, source in enumerate(sources)]
    structures = {
        tuple(sorted(analyse(t.candidate.source, context.survey.names()).parameters))
        for t in history
        if t.candidate.source
    }
    assert len(structures) >= 9
