"""The offline author: writes rewards from the survey alone, without a language model, a key or a network.

It is black-box search over weighted terms (AutoRL: Faust et al. 2019, "Evolving Rewards to Automate Reinforcement
Learning") and the baseline that a language model must beat. It reads a request's context and key, never the messages;
an answer is a function of those two.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from rewardsmith.domain.prompt import Completion, Context, Request, Role, Turn
from rewardsmith.domain.survey import Probe, Survey
from rewardsmith.models.offline_code import Genome, read, summary, write
from rewardsmith.models.offline_evidence import Evidence, weigh
from rewardsmith.models.offline_search import Draft, Scored, jitter, next_draft, step_size
from rewardsmith.models.offline_sketches import Sketch, first_draft, main_gene, supports, tidied
from rewardsmith.reward.source import RewardRejected, analyse, reward_id, set_parameters

TRIES = 60
"""Drafts per slot before the step size is widened until one is new."""


class OfflineAuthor:
    """Completes requests by black-box search over weighted terms.

    Args:
        seed: Mixed into every draw beside the seed of the run, so that two authors of one run differ.
    """

    name = "offline"

    def __init__(self, *, seed: int = 0) -> None:
        self._seed = seed
        self._weighed: tuple[Survey, Probe, Evidence] | None = None
        self._read: Callable[[str], Genome | None] = lambda _: None

    def price(self, prompt_tokens: int, completion_tokens: int) -> float:
        """Nothing."""
        del prompt_tokens, completion_tokens
        return 0.0

    async def complete(self, request: Request) -> Completion:
        """Answer with a reward in the contract that stands nowhere in the run's history."""
        evidence = self._evidence(request.context)
        answer = _Answer(request, evidence, self._seed, self._read)
        written = answer.repair() if request.context.rejected else answer.design()
        text = f"{written.story}\n\n```python\n{written.source}```\n"
        return Completion(text=text, model=self.name, dollars=0.0, parents=written.parents)

    def _evidence(self, context: Context) -> Evidence:
        """What the survey says; remembered for the survey asked about last, because every slot asks again."""
        if self._weighed is None or self._weighed[0] is not context.survey or self._weighed[1] is not context.probe:
            evidence = weigh(context.survey, context.probe)
            self._weighed = (context.survey, context.probe, evidence)
            self._read = functools.cache(functools.partial(read, library=evidence.library))
        return self._weighed[2]


class _Written(NamedTuple):
    """A reward, a text before it, and the ids of the candidates that it was made from."""

    source: str
    story: str
    parents: tuple[str, ...] = ()


class _Answer:
    """One request with what is derived from its history."""

    def __init__(self, request: Request, evidence: Evidence, seed: int, reader: Callable[[str], Genome | None]) -> None:
        self.context, self.key, self.evidence, self.seed = request.context, request.key, evidence, seed
        self.read = reader
        told = range(self.context.since, self.key.generation)
        self.history = [t for t in self.context.history if t.candidate.generation in told]
        self.seen = {_known_id(turn.candidate.source) for turn in self.context.history if turn.candidate.source}
        self.pool = self._pool()

    def design(self) -> _Written:
        """The reward of this slot.

        The slots before it are drafted too, so that slots which are asked for side by side never repeat each other.
        """
        taken = self._designs(self.key.slot)
        return self._new(self.key.slot, taken, self._generator("designer", self.key.slot, self.key.call))

    def repair(self) -> _Written:
        """A plain, bounded reward in place of a rejected one."""
        rejected = self.context.rejected[0] if self.context.rejected else ""
        taken = self._designs(max(self.context.k, self.key.slot + 1)) | {_known_id(rejected)}
        rng = self._generator("repair", self.key.slot, self.key.call)
        for attempt in range(10 * TRIES):
            sketch = Sketch(cap=float(rng.choice([1.0, 1.5, 2.0])), alive=0.6, effort=float(rng.choice([0.2, 0.5])))
            genome = self._plain(sketch) if attempt < TRIES else first_draft(self.evidence, 1000 + attempt, rng)
            genome = jitter(genome, 0.3 + 0.05 * attempt, rng)
            source = write(genome, self.evidence.library, self.evidence)
            if reward_id(source) not in taken:
                break
        return _Written(source, f"A plainer reward in place of the one that failed. {summary(genome)}")

    def _designs(self, slots: int) -> set[str]:
        """Ids of the history and of this generation's first answers in that many slots."""
        taken = set(self.seen)
        for slot in range(slots):
            taken.add(reward_id(self._new(slot, taken, self._generator("designer", slot, 0)).source))
        return taken

    def _plain(self, sketch: Sketch) -> Genome:
        if not self.evidence.conclusive or self.evidence.is_survival:
            return first_draft(self.evidence, 0, np.random.default_rng(0))
        main = main_gene(self.evidence, self.evidence.mains[0].term, sketch.cap)
        return tidied([main, *supports(self.evidence, sketch)])

    def _new(self, slot: int, taken: set[str], rng: np.random.Generator) -> _Written:
        """A source that is not taken."""
        foreign = self._foreign_child(slot, taken, rng)
        if foreign is not None:
            return foreign
        size = step_size(self.history)
        drafts = len(self.history)
        source, draft = "", Draft((), "")
        for attempt in range(10 * TRIES):
            wide = size * (1.0 + max(0, attempt - TRIES) / TRIES)
            if self.pool:
                draft = next_draft(self.evidence, self.pool, slot, drafts + slot, wide, rng)
            else:
                genome = first_draft(self.evidence, drafts + slot, rng)
                draft = Draft(jitter(genome, wide, rng) if attempt else genome, "A first draft from the survey.")
            source = write(draft.genome, self.evidence.library, self.evidence)
            if reward_id(source) not in taken:
                break
        return _Written(source, f"{draft.story} {summary(draft.genome)}", draft.parents)

    def _pool(self) -> list[Scored]:
        """Own rewards with a score: the asked-for parents first, then best first; each reward once."""
        ordered = [*self.context.parents, *sorted(self.history, key=_rank)]
        found: dict[str, Scored] = {}
        for turn in ordered:
            source, score = turn.candidate.source, turn.score
            if source is None or score is None:
                continue
            key = _known_id(source)
            genome = None if key in found else self.read(source)
            if genome is not None:
                found[key] = Scored(genome, turn, score)
        return list(found.values())

    def _foreign_child(self, slot: int, taken: set[str], rng: np.random.Generator) -> _Written | None:
        """A parent that somebody else wrote stays as it is but for its numbers, in every second slot."""
        parents = [*self.context.parents, *sorted(self.history, key=_rank)[:1]]
        turn = next((t for t in parents if t.candidate.source and t.score is not None), None)
        if turn is None or turn.candidate.source is None or turn.score is None or slot % 2:
            return None
        if self.pool and self.pool[0].score >= turn.score:
            return None
        try:
            analysis = analyse(turn.candidate.source, self.context.survey.names())
        except RewardRejected:
            return None
        size = step_size(self.history)
        for _ in range(TRIES if analysis.parameters else 0):
            factors = np.exp(size * rng.standard_normal(len(analysis.parameters)))
            values = {n: float(f"{v * f:.3g}") for (n, v), f in zip(analysis.parameters.items(), factors, strict=True)}
            source = set_parameters(turn.candidate.source, values)
            if reward_id(source) not in taken:
                return _Written(source, f"The numbers of {turn.candidate.id}, changed.", (turn.candidate.id,))
        return None

    def _generator(self, role: Role, slot: int, call: int) -> np.random.Generator:
        """The generator of one completion: a hash of what names it."""
        text = f"offline/{self.seed}/{self.context.seed}/{self.key.generation}/{role}/{slot}/{call}"
        return np.random.default_rng(int.from_bytes(hashlib.sha256(text.encode()).digest()[:16], "big"))


def _rank(turn: Turn) -> tuple[float, int, int]:
    """Best score first, then the earlier candidate; what has no score comes last."""
    score = turn.score
    return (np.inf if score is None else -score, turn.candidate.generation, turn.candidate.slot)


@functools.lru_cache(maxsize=4096)
def _known_id(source: str) -> str:
    """The id of a source; of one that does not parse, its own text."""
    try:
        return reward_id(source)
    except (RewardRejected, SyntaxError, ValueError):
        return source
