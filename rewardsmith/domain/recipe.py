"""A recipe: a published method as data over the stages of the loop."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from rewardsmith.domain.record import Record

Form = Literal["function", "abstraction", "signs", "motion"]
"""What an answer is written as; see `prompting.forms`."""


class WriteStage(Record):
    """How candidates are asked for."""

    k: int = Field(gt=0, le=256)
    """Candidates per generation."""
    iterations: int = Field(gt=0, le=1000)
    """Generations."""
    temperature: float = Field(ge=0, le=2)
    """Sampling temperature."""
    max_tokens: int = Field(default=4096, gt=0)
    """Cap on one answer."""
    form: Form = "function"
    """What an answer is written as: `function`, a reward of our contract; `signs`, two whose signs count;
    `motion`, a program of calls of the robot's reward API."""


class SignsStage(Record):
    """What the signs of the two functions of form `signs` are worth."""

    sparse: float = Field(default=1.0, gt=0, le=1e3)
    """Of the rare event."""
    dense: float = Field(default=0.1, gt=0, le=1e3)
    """Of the way there."""


class RetrieveStage(Record):
    """Which rewards of other tasks a prompt shows as examples."""

    examples: int = Field(default=0, ge=0, le=10)
    """How many, each of another task: those confirmed ones whose descriptions are nearest; 0 shows none."""
    encoder: str = "sentence-transformers/all-MiniLM-L6-v2"
    """Sentence-transformers model that tells what is near, by name or folder; TF-IDF where it is not on the machine."""


class CritiqueStage(Record):
    """How drafts that passed the gates are reviewed by a critic, before anything trains."""

    rounds: int = Field(default=0, ge=0, le=10)
    """Reviews per slot, each with one revision where the critic objects; 0 asks no critic."""


class AnalyseStage(Record):
    """How a trajectory analyser reads archived episodes of each parent, before the next generation is asked for."""

    episodes: int = Field(default=0, ge=0, le=8)
    """Failed episodes that it is shown, the best one beside them; 0 asks no analyser."""
    rows: int = Field(default=16, ge=4, le=64)
    """Steps of each episode: the first half of them evenly spaced, the rest its last ones."""


class DescribeStage(Record):
    """How a describer puts the motion that is wanted into the words of the robot's template, before each program."""

    calls: int = Field(default=0, ge=0, le=5)
    """Calls per slot until a description passes; 0 asks no describer."""


class ParentStage(Record):
    """What the next generation is asked to improve on."""

    policy: str
    """Who becomes a parent: `overall_best`, `generation_best` (of the last one, even if worse), `top`, `weighted`."""
    history: int = Field(ge=0, le=20)
    """Earlier turns that the prompt summarises, the parent's own left out."""
    top: int = Field(default=3, gt=0, le=64)
    """With policy `top`: how many of the best share a generation."""
    pairs: float = Field(default=0.0, ge=0, le=1)
    """Share of slots that are asked to combine the components of two parents."""
    crossed: float = Field(default=0.0, ge=0, le=1)
    """Share of slots that are crossed from two parents without a model; one that cannot be goes to the model."""
    restart_after: int | None = Field(default=None, gt=0)
    """Generations without improvement after which the next begins afresh: from the best, without a history."""
    restarts: int = Field(default=0, ge=0, le=100)
    """How often the search begins anew after its generations, without parents and history; the best of all is kept."""
    warm_start: float | None = Field(default=None, gt=0, le=1)
    """Share of a training's steps that a child is given, going on from its first parent's policy; absent: each
    training begins from scratch. Nothing is raced then, since such scores are of unlike trainings."""


class ScreenStage(Record):
    """What happens to what fails a gate. The gates are no choice: each makes training possible at all; the judge is."""

    repairs: int = Field(ge=0, le=5)
    """Repair calls per failing candidate."""
    archive: bool = False
    """Whether each reward is judged on the run's archived episodes; a doubtful one is repaired, else trained last."""


class RaceStage(Record):
    """Which trainings are stopped early. Without marks none is."""

    marks: tuple[float, ...] = ()
    """Shares of a training at which it pauses, at the nearest rung, between 0 and 1."""
    least_share: float = Field(default=0.5, ge=0, le=1)
    """A paused training is stopped when its chance to end among the leaders is less than this share of an even one: of
    leaders to candidates that may still be among them."""

    def legs(self, rungs: int) -> tuple[int | None, ...]:
        """The rungs at which a training of so many pauses, then None for its end."""
        marks = {round(mark * rungs) for mark in self.marks}
        return (*sorted(mark for mark in marks if 0 < mark < rungs), None)


class TuneStage(Record):
    """How the parameters of the best rewards are tuned on the score, once a generation's own candidates are trained."""

    trials: int = Field(default=0, ge=0, le=256)
    """Trainings per generation, as further slots of it; 0 tunes nothing."""
    structures: int = Field(default=1, gt=0, le=3)
    """Among how many of the best rewards they are shared."""


class ConfirmStage(Record):
    """How the winner is confirmed."""

    leaders: int | None = Field(default=None, gt=0, le=20)
    """Candidates compared on fresh seeds; the budget's number when absent."""


class Recipe(Record):
    """One method. Two methods differ exactly in the lines in which their files differ."""

    name: str
    """Name of the recipe: its folder's name."""
    title: str
    """A few words for a table."""
    description: str
    """What it does, in a sentence or two."""
    sources: tuple[str, ...]
    """Papers and code that it follows."""
    write: WriteStage
    signs: SignsStage = SignsStage()
    retrieve: RetrieveStage = RetrieveStage()
    describe: DescribeStage = DescribeStage()
    critique: CritiqueStage = CritiqueStage()
    analyse: AnalyseStage = AnalyseStage()
    parents: ParentStage
    screen: ScreenStage
    race: RaceStage = RaceStage()
    tune: TuneStage = TuneStage()
    confirm: ConfirmStage = ConfirmStage()
    templates: dict[str, str] = Field(default_factory=dict)
    """Jinja templates by file name without `.md.j2`: `system`, `task`, `feedback`, `repair`, ..."""

    @property
    def moves(self) -> bool:
        """Whether it needs to know the task's robot."""
        return self.write.form == "motion" or self.describe.calls > 0
