"""Black-box search over genomes: an evolution strategy that starts from what the survey says.

The loop of AutoRL (Faust et al. 2019) with structure beside weights: parents are the best so far, children are mutated
(log-normal weights, components added, dropped and swapped) or crossed component by component. The step size follows
Rechenberg's 1/5 rule, read off the run's history.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from rewardsmith.domain.prompt import Turn
from rewardsmith.models.offline_code import Gene, Genome
from rewardsmith.models.offline_evidence import Evidence
from rewardsmith.models.offline_sketches import exploring_terms, first_draft, main_gene, tidied
from rewardsmith.models.offline_terms import Term, tidy

STRENGTHS = {"alive": 1.0, "effort": 0.5, "smoothness": 0.2, "calm": 0.2, "steady": 0.5}
"""Strength of a component that is added later, by name or shape; 0.3 for others."""

MOST_COMPONENTS = 8
"""A reward with more is not one that a person would own."""


@dataclass(frozen=True)
class Scored:
    """A genome with what became of it."""

    genome: Genome
    turn: Turn
    score: float

    @property
    def id(self) -> str:
        """Id of its candidate."""
        return self.turn.candidate.id


@dataclass(frozen=True)
class Draft:
    """A genome with a line on how it came to be, and the ids of the candidates that it was made from."""

    genome: Genome
    story: str
    parents: tuple[str, ...] = ()


def step_size(history: Sequence[Turn]) -> float:
    """Standard deviation of the logarithm of a mutated weight.

    Grows by a quarter after a generation in which more than a fifth beat the best before it, else shrinks by a fifth
    (Rechenberg's rule); 0.5 at the start, kept within 0.15 and 1.
    """
    size, best = 0.5, None
    for generation in sorted({turn.candidate.generation for turn in history}):
        scores = [t.score for t in history if t.candidate.generation == generation and t.score is not None]
        if best is not None and scores:
            successes = sum(score > best for score in scores) / len(scores)
            size *= 1.25 if successes > 0.2 else 0.8
        best = max([*scores, *([] if best is None else [best])], default=best)
    return float(np.clip(size, 0.15, 1.0))


def next_draft(
    evidence: Evidence, pool: Sequence[Scored], slot: int, fresh: int, size: float, rng: np.random.Generator
) -> Draft:
    """A child of the best so far.

    Args:
        evidence: What the survey says.
        pool: Own rewards with a score, those to improve on first, then best first.
        slot: Place in the generation; the first four have fixed roles, so that every generation has each.
        fresh: Number of the next draft that nobody has tried, for a child without parents.
        size: Step size.
        rng: The child's own generator.
    """
    if not pool or (len(pool) > 1 and len({scored.score for scored in pool}) == 1):
        return Draft(first_draft(evidence, fresh, rng), "A fresh draft: no score tells one from another yet.")
    best = pool[0]
    role = slot if slot < 4 else int(rng.choice([0, 1, 1, 2, 3, 4]))
    if role == 0 and not evidence.is_survival:
        return _guided(evidence, best, size, rng)
    if role == 2 and len(pool) > 1:
        other = pool[1 + int(rng.integers(min(3, len(pool) - 1)))]
        child = cross(best.genome, other.genome, rng)
        return Draft(jitter(child, 0.5 * size, rng), f"Crossed {best.id} with {other.id}.", (best.id, other.id))
    if role == 3 and len(pool) > 1:
        other = pool[1 + int(rng.integers(min(3, len(pool) - 1)))]
        return Draft(mutate(evidence, other.genome, size, rng), f"Mutated {other.id}.", (other.id,))
    if role == 4:
        return Draft(first_draft(evidence, fresh, rng), "A fresh draft.")
    return Draft(mutate(evidence, best.genome, size, rng), f"Mutated {best.id}.", (best.id,))


def jitter(genome: Genome, size: float, rng: np.random.Generator) -> Genome:
    """Multiply weights and scales by log-normal factors; the main weight stays, since only ratios matter."""
    children = []
    for place, gene in enumerate(genome):
        child = gene
        if place > 0:
            child = child.scaled(float(np.exp(size * rng.standard_normal())))
        if "scale" in gene.term.adjustable and rng.random() < 0.5:
            child = child.widened(float(np.exp(size * rng.standard_normal())))
        if "goal" in gene.term.adjustable and rng.random() < 0.2:
            child = child.moved(0.3 * size * gene.term.scale * float(rng.standard_normal()))
        children.append(child)
    return tuple(children)


def mutate(evidence: Evidence, genome: Genome, size: float, rng: np.random.Generator) -> Genome:
    """Jitter the numbers and, one time in two, change one component."""
    child = list(jitter(genome, size, rng))
    change = rng.choice(["none", "add", "drop", "main"], p=[0.5, 0.2, 0.15, 0.15])
    if len(child) == 1 and change in ("none", "drop"):
        change = "add"
    if len(child) >= MOST_COMPONENTS and change == "add":
        change = "drop"
    if change == "add":
        helpers = [t for t in helper_terms(evidence) if t.name not in {g.term.name for g in child}]
        if helpers:
            child.append(helper_gene(helpers[min(int(rng.exponential(4.0)), len(helpers) - 1)]))
    elif change == "drop":
        del child[1 + int(rng.integers(len(child) - 1))]
    elif change == "main":
        child[0] = _other_main(evidence, child[0], rng)
    return tidied(child)


def cross(one: Genome, other: Genome, rng: np.random.Generator) -> Genome:
    """Components of both: shared ones at the geometric mean of their weights, the others by a coin each."""
    theirs = {gene.term.name: gene for gene in other}
    child = [one[0]]
    for gene in one[1:]:
        twin = theirs.get(gene.term.name)
        if twin is not None and gene.weight * twin.weight > 0:
            mean = float(np.sqrt(gene.weight * twin.weight)) * (1 if gene.weight > 0 else -1)
            child.append(replace(gene, weight=tidy(mean)))
        elif rng.random() < 0.6:
            child.append(gene)
    names = {gene.term.name for gene in one}
    child += [gene for gene in other[1:] if gene.term.name not in names and rng.random() < 0.6]
    if rng.random() < 0.3:
        child[0] = other[0]
    return tidied(child)


def helper_terms(evidence: Evidence) -> list[Term]:
    """What may be added beside a main term, the usual first."""
    find = evidence.library.term
    usual = [find("effort"), find("alive") if evidence.ends_early else None, *evidence.calms[:1], find("smoothness")]
    guards = [ranked.term for ranked in evidence.guards[:6]]
    mains = [r.term for r in evidence.mains[1:7]] if evidence.conclusive else exploring_terms(evidence)[:12]
    return [term for term in [*usual, *guards, *mains, *evidence.calms[1:]] if term is not None]


def helper_gene(term: Term) -> Gene:
    """A helper at its usual strength."""
    strength = STRENGTHS.get(term.name, STRENGTHS.get(term.name.split("_")[0], 0.3))
    return Gene(term, term.weight(strength))


def _guided(evidence: Evidence, parent: Scored, size: float, rng: np.random.Generator) -> Draft:
    """Change what the parent's own training points at: falling early, or a main component that has levelled off."""
    genome = list(parent.genome)
    step = 1.0 + max(0.3, size)
    if evidence.ends_early and _share_lived(evidence, parent.turn) < 0.95:
        missing = [t for t in helper_terms(evidence)[:8] if t.name not in {g.term.name for g in genome}]
        steadying = ("alive", "effort", "calm", "steady", "smoothness")
        if missing and rng.random() < 0.4:
            genome.append(helper_gene(missing[0]))
        else:
            held = [i for i, g in enumerate(genome) if i and g.term.name.startswith(steadying)]
            for place in held[: 1 + int(rng.integers(2))] if held else []:
                genome[place] = genome[place].scaled(step)
        story = f"{parent.id} ends its episodes early: more to steady it."
    elif genome[0].term.shape == "capped" and _level(parent) > 0.5:
        wider = genome[0].widened(step)
        genome[0] = wider.scaled(wider.term.scale / genome[0].term.scale)
        story = f"The main component of {parent.id} has levelled off: it may grow further."
    else:
        genome = [genome[0], *(gene.scaled(1.0 / step) for gene in genome[1:])]
        story = f"{parent.id} holds out: more weight on its main component."
    return Draft(jitter(tidied(genome), 0.3 * size, rng), story, (parent.id,))


def _share_lived(evidence: Evidence, turn: Turn) -> float:
    """Mean length of the held-out episodes of the best rung, as a share of the horizon."""
    report = turn.report
    if report is None or report.best_rung is None or not report.rungs[report.best_rung].lengths:
        return 1.0
    return float(np.mean(report.rungs[report.best_rung].lengths)) / evidence.library.survey.horizon


def _level(parent: Scored) -> float:
    """Mean of the main component at the end of training, as a share of its weight."""
    main = parent.genome[0]
    for component in parent.turn.report.components if parent.turn.report else ():
        if component.name == main.term.name and component.points and main.weight:
            return component.points[-1].mean / main.weight
    return 0.0


def _other_main(evidence: Evidence, main: Gene, rng: np.random.Generator) -> Gene:
    """The main component in its other form, or the next terms of the ranking."""
    plain = evidence.library.term(main.term.name.removeprefix("capped_"))
    if plain is not None and rng.random() < 0.5 and plain.shape == "linear":
        return main_gene(evidence, plain, 0.0 if main.term.shape == "capped" else float(rng.choice([1.0, 2.0, 4.0])))
    terms = [r.term for r in evidence.mains[:6]] if evidence.conclusive else exploring_terms(evidence)
    if not terms:
        return main
    return main_gene(evidence, terms[int(rng.integers(len(terms)))], float(rng.choice([0.0, 1.5])))
