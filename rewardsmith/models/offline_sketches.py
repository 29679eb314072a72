"""First drafts of the offline author: a main component with survival, effort and calm around it.

The ratios are general knowledge of locomotion and balance, told as strengths, so that they hold whatever a task's units
are: survival and effort about as large under random actions as the main component varies, both a few times less in
other drafts. `benchmarks/offline_author.py` measures them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from rewardsmith.models.offline_code import Gene, Genome
from rewardsmith.models.offline_evidence import Evidence
from rewardsmith.models.offline_terms import Term, tidy


@dataclass(frozen=True)
class Sketch:
    """A draft in strengths; 0 leaves a component out."""

    main: int = 0
    """Place of the main term in the ranking."""
    cap: float = 0.0
    """How many times its usual scale the main term levels off at; 0 for a main term that does not."""
    alive: float = 0.0
    effort: float = 0.0
    calm: float = 0.0
    smoothness: float = 0.0
    guards: int = 0
    """How many of the quantities that foretell an early end are to stay near their start."""
    second: float = 0.0
    """Strength of the next main term beside the first."""


SKETCHES = (
    Sketch(cap=1.5, alive=0.9, effort=0.75),
    Sketch(cap=1.5, alive=0.9, effort=0.5, calm=0.2),
    Sketch(alive=1.5, effort=0.8, calm=0.3),
    Sketch(cap=2.5, alive=0.6, effort=0.25),
    Sketch(alive=0.8, effort=0.25, guards=1),
    Sketch(cap=1.0, alive=0.6, effort=0.5),
    Sketch(cap=1.5, alive=0.5, effort=0.5, smoothness=0.2),
    Sketch(alive=1.5, effort=0.05, guards=1),
    Sketch(main=1, cap=1.5, alive=0.9, effort=0.75),
    Sketch(cap=1.5, alive=0.6, effort=0.5, second=0.4),
    Sketch(alive=0.5, effort=0.02),
    Sketch(main=2, alive=0.8, effort=0.3),
)
"""Best guesses first; a first generation takes them in order. The first four differ most, since a quick run has no
more: on ant at 100k steps, one seed each, they scored 0.97, 0.56, 1.12 and 0.40 m/s."""


def first_draft(evidence: Evidence, number: int, rng: np.random.Generator) -> Genome:
    """The draft with this number; drafts beyond the list vary a random one of it.

    Args:
        evidence: What the survey says.
        number: 0 for the best guess.
        rng: Used beyond the list, and where the survey says nothing about the score.
    """
    sketch = SKETCHES[number] if number < len(SKETCHES) else _varied(SKETCHES[rng.integers(len(SKETCHES))], rng)
    if evidence.is_survival:
        return _survival_draft(evidence, sketch, number)
    if not evidence.conclusive:
        return _exploring_draft(evidence, sketch, number, rng)
    ranked = evidence.mains
    genome = [main_gene(evidence, ranked[sketch.main % len(ranked)].term, sketch.cap)]
    if sketch.second and len(ranked) > 1:
        genome.append(Gene(ranked[1].term, ranked[1].term.weight(sketch.second)))
    return tidied([*genome, *supports(evidence, sketch)])


def main_gene(evidence: Evidence, term: Term, cap: float) -> Gene:
    """A main component of strength 1, levelled off where its term can be and `cap` is not 0."""
    capped = evidence.library.term(f"capped_{term.name}")
    if not cap or capped is None:
        return Gene(term, term.weight(1.0))
    level = replace(capped, scale=tidy(capped.scale * cap))
    return Gene(level, tidy(term.weight(1.0) * level.scale))


def supports(evidence: Evidence, sketch: Sketch) -> list[Gene]:
    """What stands around the main component: only what the task has."""
    genes = []
    find = evidence.library.term
    alive, effort, smoothness = find("alive"), find("effort"), find("smoothness")
    if alive and sketch.alive and evidence.ends_early and evidence.survival > -0.8:
        genes.append(Gene(alive, tidy(sketch.alive)))
    for guard in evidence.guards[: sketch.guards]:
        genes.append(Gene(guard.term, tidy(0.5)))
    if effort and sketch.effort:
        genes.append(Gene(effort, effort.weight(sketch.effort)))
    if evidence.calms and sketch.calm:
        genes.append(Gene(evidence.calms[0], evidence.calms[0].weight(sketch.calm)))
    if smoothness and sketch.smoothness:
        genes.append(Gene(smoothness, smoothness.weight(sketch.smoothness)))
    return genes


def tidied(genes: list[Gene]) -> Genome:
    """Each component once: the first of a name, and of a linear term and its capped form, stays."""
    kept: dict[str, Gene] = {}
    for gene in genes:
        kept.setdefault(gene.term.name.removeprefix("capped_"), gene)
    return tuple(kept.values())


def _survival_draft(evidence: Evidence, sketch: Sketch, number: int) -> Genome:
    """The score is how long it goes on: stay in, and keep what foretells the end near its start."""
    alive = evidence.library.term("alive")
    genes = [] if alive is None else [Gene(alive, 1.0)]
    guards = evidence.guards
    wanted = (1, 2, 0, 1, 3, 1, 2, 1)[number % 8]
    first = number // 2 % max(1, len(guards))
    genes += [Gene(g.term, tidy((0.5, 1.0, 2.0)[number % 3])) for g in (*guards[first:], *guards[:first])[:wanted]]
    small = replace(sketch, alive=0.0, effort=0.1 * sketch.effort, calm=0.1 * sketch.calm, guards=0)
    return tidied([*genes, *supports(evidence, small)])


def _exploring_draft(evidence: Evidence, sketch: Sketch, number: int, rng: np.random.Generator) -> Genome:
    """Random episodes say nothing about the score: try what stirs the system, then anything, at little effort."""
    terms = exploring_terms(evidence)
    if not terms:
        alive = evidence.library.term("alive")
        genes = supports(evidence, replace(sketch, alive=1.0))
        return tidied(genes or ([] if alive is None else [Gene(alive, 1.0)]))
    genes = [Gene(terms[number % len(terms)], terms[number % len(terms)].weight(1.0))]
    if number % 2:
        other = terms[int(rng.integers(len(terms)))]
        genes.append(Gene(other, other.weight(0.5)))
    finish = evidence.library.term("finish")
    if finish is not None and evidence.silent and not evidence.ends_early:
        genes.append(Gene(finish, 100.0))
    small = replace(sketch, effort=0.05 * sketch.effort, calm=0.0, smoothness=0.0, guards=0)
    return tidied([*genes, *supports(evidence, small)])


def exploring_terms(evidence: Evidence) -> list[Term]:
    """Main terms for a task whose score no random episode explains: one of each kind in turn."""
    ranked = [r.term for r in evidence.mains if r.evidence > 0.3]
    library = list(evidence.library.terms.values())
    kinds = [
        ranked,
        sorted((t for t in library if t.name.startswith("big_")), key=lambda t: "velocity" not in t.name),
        [t for t in library if t.shape == "linear" and t.sign > 0][:40],
        [t for t in library if t.shape == "linear" and t.sign < 0][:40],
        [t for t in library if t.shape == "distance" and t.sign < 0],
    ]
    mixed: dict[str, Term] = {}
    for place in range(max(map(len, kinds), default=0)):
        for kind in kinds:
            if place < len(kind):
                mixed.setdefault(kind[place].name, kind[place])
    return list(mixed.values())


def _varied(sketch: Sketch, rng: np.random.Generator) -> Sketch:
    """A sketch with every strength multiplied by a log-normal factor and some flags changed."""
    factors = np.exp(0.6 * rng.standard_normal(5))
    return Sketch(
        main=int(rng.choice([0, 0, 0, 1, 2])),
        cap=float(rng.choice([0.0, 0.7, 1.0, 1.5, 3.0])),
        alive=sketch.alive * float(factors[0]),
        effort=sketch.effort * float(factors[1]),
        calm=float(rng.choice([0.0, 0.2])) * float(factors[2]),
        smoothness=float(rng.choice([0.0, 0.0, 0.2])) * float(factors[3]),
        guards=int(rng.integers(3)),
        second=float(rng.choice([0.0, 0.0, 0.4])) * float(factors[4]),
    )
