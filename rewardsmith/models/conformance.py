"""What every model must do, as tests: authors of plug-ins subclass `ModelConformance` in their own test suite."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import numpy as np

from rewardsmith.domain.prompt import Completion, CompletionKey, Context, Message, Request
from rewardsmith.domain.survey import Probe, RecordedEpisode, Signal, Survey
from rewardsmith.domain.task import Budget, EnvironmentSpec, ScoreRule, Task, Trainer
from rewardsmith.errors import ModelExhausted
from rewardsmith.models.model import Model


def example_context(k: int = 4, seed: int = 0) -> Context:
    """The first generation of a small task: hold a pole upright, told by its angle and a force."""
    rows = np.random.default_rng(seed)
    angle, action = rows.normal(0.0, 0.1, 60), rows.uniform(-1.0, 1.0, (60, 1))
    arrays = {"pole_angle": angle, "action": action, "terminated": np.abs(angle) > 0.25}
    starts = np.arange(60) % 20 == 0
    task = Task(
        name="pole",
        title="Hold a pole",
        description="Hold the pole upright for the whole episode.",
        environment=EnvironmentSpec(id="Pole-v0", horizon=20),
        score=ScoreRule(source="def score(pole_angle):\n    return float(len(pole_angle))\n", meaning="steps upright"),
        trainer=Trainer(algorithm="stable_baselines3.PPO", source="none"),
        budgets={"quick": Budget(steps=1000)},
    )
    survey = Survey(
        task=task.name,
        fingerprint=task.fingerprint(),
        signals=tuple(
            Signal(
                name=name,
                shape=values.shape[1:],
                dtype="bool" if values.dtype == bool else "float64",
                meaning=meaning,
                reader=name,
                mean=(float(values.mean()),),
                std=(float(values.std()),),
                low=(float(values.min()),),
                high=(float(values.max()),),
            )
            for (name, values), meaning in zip(
                arrays.items(), ("angle of the pole", "force on the cart", "whether the pole fell"), strict=True
            )
        ),
        view="def _get_obs(self):\n    return self.angle",
        dt=0.02,
        horizon=20,
        action_low=(-1.0,),
        action_high=(1.0,),
        episodes=tuple(RecordedEpisode(length=20, score=score, terminated=False) for score in (18.0, 20.0, 19.0)),
        steps_per_second=1000.0,
    )
    return Context(task=task, survey=survey, probe=Probe(arrays, starts), history=(), parents=(), seed=seed, k=k)


def example_request(slot: int = 0, *, generation: int = 1, context: Context | None = None) -> Request:
    """A request of the example's first generation."""
    return Request(
        key=CompletionKey(generation=generation, role="designer", slot=slot),
        messages=(
            Message(role="system", content="You write reward functions."),
            Message(role="user", content="Hold the pole upright: write compute_reward(pole_angle, action)."),
        ),
        context=context or example_context(),
    )


class ModelConformance:
    """Subclass it, override `open_model`, and let pytest collect the subclass."""

    available = 4
    """Completions that the model under test can give for the example's first slots; 0 for no bound."""

    def open_model(self) -> Model:
        """A fresh model, ready to answer `example_request`."""
        raise NotImplementedError

    def ask(self, model: Model, requests: Sequence[Request]) -> list[Completion]:
        """Ask side by side."""

        async def together() -> list[Completion]:
            return list(await asyncio.gather(*(model.complete(request) for request in requests)))

        return asyncio.run(together())

    def test_has_a_name(self) -> None:
        """The name is what the command line calls it: one line, no blanks at its ends."""
        name = self.open_model().name
        assert name
        assert name == name.strip()
        assert name.isprintable()

    def test_answers_with_a_completion(self) -> None:
        """The answer is a whole record that survives JSON."""
        completion = self.ask(self.open_model(), [example_request()])[0]
        assert completion.text.strip()
        assert completion.model
        assert completion.dollars is None or completion.dollars >= 0
        assert Completion.model_validate_json(completion.model_dump_json()) == completion

    def test_answers_side_by_side(self) -> None:
        """Requests made together are all answered, each as a completion of its own."""
        context = example_context()
        completions = self.ask(self.open_model(), [example_request(slot, context=context) for slot in range(4)])
        assert len(completions) == 4
        assert all(completion.text.strip() for completion in completions)

    def test_lives_through_several_event_loops(self) -> None:
        """A run may be driven by one event loop after another."""
        model = self.open_model()
        first = self.ask(model, [example_request(0)])
        second = self.ask(model, [example_request(1)])
        assert first[0].text.strip()
        assert second[0].text.strip()

    def test_says_when_nothing_is_left(self) -> None:
        """A model that can run dry raises ModelExhausted with a hint, and again when it is asked again."""
        if not self.available:
            return
        model = self.open_model()
        self.ask(model, [example_request(slot) for slot in range(self.available)])
        hints = []
        for _ in range(2):
            try:
                self.ask(model, [example_request(self.available, generation=99)])
            except ModelExhausted as fault:
                hints.append(fault.hint)
        assert len(hints) == 2, "a model with nothing left gave a completion"
        assert all(hints)
