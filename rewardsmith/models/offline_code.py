"""Between a genome, the offline author's own form of a reward, and source code that a person would be happy to own.

Writing and reading are inverse: the author keeps no state, but finds its genomes again in the sources of a run's
history. Only a source that it would write again, word for word but for comments, counts as its own.
"""

from __future__ import annotations

import ast
import textwrap
from dataclasses import dataclass, replace

from rewardsmith.models.offline_evidence import Evidence
from rewardsmith.models.offline_library import Library
from rewardsmith.models.offline_terms import Term, tidy
from rewardsmith.reward.source import reward_id
from rewardsmith.syntax import syntax_tree


@dataclass(frozen=True)
class Gene:
    """One component: a term with its weight, and its own goal and scale where it has them."""

    term: Term
    weight: float

    def scaled(self, factor: float) -> Gene:
        """The same component, that many times as strong."""
        return replace(self, weight=tidy(self.weight * factor))

    def widened(self, factor: float) -> Gene:
        """The same component, its scale that many times as wide."""
        return replace(self, term=replace(self.term, scale=tidy(self.term.scale * factor)))

    def moved(self, offset: float) -> Gene:
        """The same component, its goal that much higher."""
        return replace(self, term=replace(self.term, goal=tidy(self.term.goal + offset, 3)))


Genome = tuple[Gene, ...]
"""The main component first; component names are unique."""


TURNED = '''
def turned(before, after):
    """Angle by which a body has turned about the world's z axis; quaternions are (w, x, y, z)."""
    angle = heading(after) - heading(before)
    return np.remainder(angle + np.pi, 2.0 * np.pi) - np.pi


def heading(quaternion):
    """Angle of a body's x axis about the world's z axis."""
    w, x, y, z = quaternion.T
    return np.arctan2(2.0 * (x * y + w * z), 1.0 - 2.0 * (y * y + z * z))


'''.lstrip("\n").splitlines()
"""What a turning component needs beside it."""


def write(genome: Genome, library: Library, evidence: Evidence | None = None) -> str:
    """The reward's source; with evidence, comments say why each component is there."""
    arguments = list(dict.fromkeys(name for gene in genome for name in gene.term.arguments))
    lines = ["import numpy as np", "", ""]
    if any(gene.term.shape == "turning" for gene in genome):
        lines += TURNED
    lines += ["def compute_reward(", *(f"    {name}," for name in arguments), "    *,"]
    for gene in genome:
        lines.append(f"    {gene.term.name}_weight={gene.weight!r},")
        lines += [f"    {gene.term.name}_{number}={getattr(gene.term, number)!r}," for number in gene.term.adjustable]
    lines += ["):", *_docstring(summary(genome))]
    for gene in genome:
        lines += _component(gene.term, library, "" if evidence is None else reason(gene, evidence))
    names = [gene.term.name for gene in genome]
    lines += _wrapped("total = ", " + ".join(names))
    lines += ["    return total, {", *(f'        "{name}": {name},' for name in names), "    }", ""]
    return "\n".join(lines)


def summary(genome: Genome) -> str:
    """One sentence: what the reward pays for."""
    words = [gene.term.words for gene in genome]
    return f"Pay for {words[0]}." if len(words) == 1 else f"Pay for {', '.join(words[:-1])} and {words[-1]}."


def reason(gene: Gene, evidence: Evidence) -> str:
    """Why a component is there, where the survey says so."""
    term = gene.term
    linear = term.name.removeprefix("capped_")
    for ranked in evidence.mains:
        if ranked.term.name == linear and ranked.evidence > 0.3:
            return f"Over random episodes its sum follows the score: correlation {ranked.evidence:.2f}."
    for ranked in evidence.guards:
        if ranked.term.name == term.name:
            return f"Strays before an early end: in {ranked.evidence:.0%} of the pairs of random episodes."
    return {
        "alive": "Keeps an early end from paying.",
        "effort": "Keeps actions small enough to be controlled.",
        "smoothness": "Keeps actions from chattering.",
    }.get(term.name, "")


def read(source: str, library: Library) -> Genome | None:
    """The genome behind a source that this author wrote; None for anybody else's."""
    try:
        tree = syntax_tree(source)
    except (SyntaxError, ValueError):
        return None
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "compute_reward"]
    if len(functions) != 1:
        return None
    numbers = _parameters(functions[0])
    genes = []
    for name in _components(functions[0]):
        term = library.term(name)
        if term is None or f"{name}_weight" not in numbers:
            return None
        goal, scale = numbers.get(f"{name}_goal", term.goal), numbers.get(f"{name}_scale", term.scale)
        genes.append(Gene(replace(term, goal=goal, scale=scale), numbers[f"{name}_weight"]))
    genome = tuple(genes)
    if not genome or reward_id(write(genome, library)) != reward_id(source):
        return None
    return genome


def _component(term: Term, library: Library, why: str) -> list[str]:
    lines = [f"    # {why}"] if why else []
    if term.preparation is not None:
        lines += _wrapped(f"{term.preparation[0]} = ", term.preparation[1])
    return lines + _wrapped(f"{term.name} = ", term.expression(library.is_vector(term)))


def _docstring(text: str) -> list[str]:
    wrapped = textwrap.wrap(f'"""{text}"""', 112, initial_indent="    ", subsequent_indent="    ")
    return wrapped if len(wrapped) == 1 else [*wrapped[:-1], wrapped[-1].removesuffix('"""'), '    """']


def _wrapped(left: str, right: str) -> list[str]:
    """One assignment, in parentheses on lines of its own where it is long."""
    if len(left) + len(right) <= 112:
        return [f"    {left}{right}"]
    if " + " in right:
        first, *rest = right.split(" + ")
        return [f"    {left}(", f"        {first}", *(f"        + {part}" for part in rest), "    )"]
    return [f"    {left}(", f"        {right}", "    )"]


def _parameters(function: ast.FunctionDef) -> dict[str, float]:
    """Keyword-only numbers of a signature."""
    found = {}
    for argument, default in zip(function.args.kwonlyargs, function.args.kw_defaults, strict=True):
        try:
            value = ast.literal_eval(default) if default is not None else None
        except ValueError:
            continue
        if isinstance(value, int | float):
            found[argument.arg] = float(value)
    return found


def _components(function: ast.FunctionDef) -> list[str]:
    """Keys of the returned dict of components."""
    last = function.body[-1]
    if not (isinstance(last, ast.Return) and isinstance(last.value, ast.Tuple) and len(last.value.elts) == 2):
        return []
    second = last.value.elts[1]
    if not isinstance(second, ast.Dict):
        return []
    return [key.value for key in second.keys if isinstance(key, ast.Constant) and isinstance(key.value, str)]
