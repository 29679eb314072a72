"""A small run, told by hand as events: two generations of three, a duplicate, failures, baselines, a confirmation."""

from __future__ import annotations

from rewardsmith.domain.candidate import Candidate
from rewardsmith.domain.events import (
    Attempt,
    AttemptEnded,
    AttemptProgressed,
    AttemptStarted,
    Completed,
    Confirmed,
    Event,
    GenerationEnded,
    Raced,
    RunStarted,
    Screened,
    StatusChanged,
    StoredEvent,
    Surveyed,
)
from rewardsmith.domain.job import Progress
from rewardsmith.domain.plan import Plan, RunSpec
from rewardsmith.domain.prompt import CompletionKey
from rewardsmith.domain.report import ComponentPoint, ComponentStatistics, Failure, Report, Rung
from rewardsmith.domain.result import Baselines, Best, Interval, RunResult
from rewardsmith.domain.run import Run
from rewardsmith.domain.task import Budget, EnvironmentSpec, ScoreRule, Task, Trainer
from rewardsmith.domain.warning import RewardWarning

SOURCE = '''def compute_reward(torso_linear_velocity, *, speed_weight={weight}):
    """Run forward."""
    forward = speed_weight * torso_linear_velocity[:, 0]
    return forward, {{"forward": forward}}
'''
BUDGET = Budget(steps=1000, rungs=2, k=3, episodes=4, leaders=2, compare_seeds=1, confirm_seeds=2, baseline_seeds=2)
TASK = Task(
    name="walk",
    title="Walk: forward",
    description="Make it walk forward.",
    environment=EnvironmentSpec(id="Walk-v0", horizon=100),
    score=ScoreRule(source="", unit="m/s", meaning="Mean forward speed."),
    trainer=Trainer(algorithm="stable_baselines3.PPO", source="by hand"),
    budgets={"quick": BUDGET},
)
SPEC = RunSpec(
    run="walk-1",
    task=TASK,
    budget_name="quick",
    budget=BUDGET,
    recipe="smith",
    recipe_files={},
    model="offline",
    iterations=2,
    k=3,
    workers=2,
)
PLAN = Plan(trainings=14, steps=14_000, completions=12, wall_s=300.0, dollars=0.0)


def report(value: float, seed: int = 0) -> Report:
    """A training with a known score and one component."""
    point = ComponentPoint(steps=1000, mean=value / 2, std=0.1, low=0.0, high=1.0, share=1.0)
    return Report(
        reward_id="0123456789ab",
        seed=seed,
        steps=1000,
        scoring_steps=100,
        wall_s=2.0,
        steps_per_second=500.0,
        rungs=(Rung(steps=1000, scores=(value,), mean=value, lengths=(100,)),),
        best_rung=0,
        components=(
            ComponentStatistics(name="total", points=(point,)),
            ComponentStatistics(name="forward", points=(point,), correlation=0.75),
        ),
    )


def candidate(generation: int, slot: int, **more: object) -> Candidate:
    """A candidate with a source of its own."""
    source = SOURCE.format(weight=float(10 * generation + slot))
    return Candidate.model_validate(
        {"generation": generation, "slot": slot, "origin": "proposed", "source": source, "reward_id": "0123456789ab"}
        | more
    )


NO_CODE = Failure(gate="parse", kind="no_code", message="The answer holds no Python code.")
BAD_NAME = Failure(gate="contract", kind="unknown_signal", message="No signal 'speed'.", line=1)


def _trained(purpose: str, subject: str, seed: int, value: float) -> list[Event]:
    attempt = Attempt.model_validate({"purpose": purpose, "subject": subject, "seed": seed})
    return [AttemptStarted(attempt=attempt), AttemptEnded(attempt=attempt, report=report(value, seed))]


def _answered(generation: int, slot: int) -> Event:
    key = CompletionKey(generation=generation, role="designer", slot=slot)
    return Completed(key=key, model="offline", prompt_hash="h", tokens=100, dollars=0.01)


def beginning() -> list[Event]:
    """Up to the middle of generation 1: one candidate trains, one failed, one slot is unwritten."""
    training = Attempt(purpose="search", subject="g1c00", seed=0)
    return [
        RunStarted(spec=SPEC, plan=PLAN),
        StatusChanged(status="running"),
        Surveyed(fingerprint="f", random_score=0.05, episodes=16),
        _answered(1, 0),
        Screened(candidate=candidate(1, 0)),
        AttemptStarted(attempt=training),
        _answered(1, 1),
        Screened(candidate=candidate(1, 1, source=None, reward_id=None, failure=NO_CODE)),
        AttemptProgressed(attempt=training, progress=Progress(steps=500, of=1000, steps_per_second=480.0)),
    ]


def whole() -> list[Event]:
    """The whole run."""
    return [
        *beginning(),
        AttemptEnded(attempt=Attempt(purpose="search", subject="g1c00", seed=0), report=report(1.5)),
        _answered(1, 2),
        Screened(candidate=candidate(1, 2, repairs=(BAD_NAME,))),
        *_trained("search", "g1c02", 0, 2.25),
        GenerationEnded(generation=1, best="g1c02", best_overall="g1c02"),
        Screened(candidate=candidate(2, 0, origin="mutated", parents=("g1c02",))),
        *_trained("search", "g2c00", 0, 3.5),
        Screened(candidate=candidate(2, 1, twin="g1c00")),
        Screened(candidate=candidate(2, 2, failure=BAD_NAME)),
        GenerationEnded(generation=2, best="g2c00", best_overall="g2c00"),
        *(e for seed in (100, 101) for e in _trained("baseline", "human", seed, 2.0 + seed - 100)),
        *_trained("compare", "g2c00", 50, 3.25),
        *_trained("compare", "g1c02", 50, 2.0),
        *(e for seed in (100, 101) for e in _trained("confirm", "g2c00", seed, 3.0 + seed - 100)),
        Confirmed(winner="g2c00", leaders=("g2c00", "g1c02")),
        StatusChanged(status="done"),
    ]


IDLE = RewardWarning(
    kind="pays_idle", sentence="It pays an idle agent more.", evidence={"paid": 10.0, "best_paid": 5.0}
)
ALONE = RewardWarning(kind="one_term", sentence="`alive` is all.", evidence={"share": 0.98}, component="alive")


def warned() -> list[Event]:
    """The whole run, with warnings about g1c00 (and its twin g2c01) and about the winner."""
    found = {1: {"g1c00": (IDLE, ALONE)}, 2: {"g2c00": (ALONE,)}}
    return [
        event.model_copy(update={"warnings": found[event.generation]}) if isinstance(event, GenerationEnded) else event
        for event in whole()
    ]


def raced() -> list[Event]:
    """The whole run, in which g1c00 paused at half its steps and was then stopped."""
    attempt = Attempt(purpose="search", subject="g1c00", seed=0, until=1)
    rungs = tuple(Rung(steps=steps, scores=(1.5,), mean=1.5, lengths=(100,)) for steps in (250, 500))
    half = report(1.5).model_copy(update={"steps": 500, "rungs": rungs})
    events = list(whole())
    place = next(i for i, event in enumerate(events) if isinstance(event, AttemptEnded))
    stop = Raced(candidate="g1c00", rung=1, goes_on=False, chance=0.03)
    events[place : place + 1] = [AttemptEnded(attempt=attempt, report=half), stop]
    return events


def stored(events: list[Event]) -> list[StoredEvent]:
    """The events with ids, one every three seconds."""
    return [StoredEvent(id=i + 1, time=1000.0 + 3 * i, event=event) for i, event in enumerate(events)]


def fold(events: list[Event]) -> Run:
    """The run."""
    return Run.fold(stored(events))


def result(folder: str = "runs/walk-1") -> RunResult:
    """What the whole run came to."""
    return RunResult(
        run="walk-1",
        status="done",
        task="walk",
        best=Best(
            candidate="g2c00",
            score=Interval(mean=3.5, low=3.1, high=3.9, n=2),
            search_max=3.5,
            file=f"{folder}/2/g2c00/reward.py",
        ),
        baselines=Baselines(
            random=Interval(mean=0.05, low=0.01, high=0.09, n=16), human=Interval(mean=2.5, low=1.0, high=4.0, n=2)
        ),
        usage=fold(whole()).usage(),
        folder=folder,
    )
