"""The sheet on which a reward is written: what it reads, its parameters, its lines."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field

from rewardsmith.domain.robot import Range
from rewardsmith.motion.norms import carried, known
from rewardsmith.syntax import syntax_tree

TIME = "time"
"""Key of the memory that holds the seconds since the episode's start."""


@dataclass
class Sheet:
    """A reward in the making; each thing is written once, in the order in which it is first asked for."""

    step: float
    """Seconds per step."""
    cost_at_rest: float = 0.0
    """What all terms cost while the robot rests."""
    _signals: dict[str, None] = field(default_factory=dict)
    _parameters: dict[str, str] = field(default_factory=dict)
    _locals: dict[str, str] = field(default_factory=dict)
    _terms: dict[str, str] = field(default_factory=dict)
    _constants: dict[str, str] = field(default_factory=dict)

    def signal(self, name: str) -> str:
        """A signal that the reward reads."""
        self._signals.setdefault(name)
        return name

    def parameter(self, name: str, value: float, values: Range | None = None) -> str:
        """A keyword-only parameter, with the range in which it may be tuned."""
        hint = f": ({values.low:g}, {values.high:g}) = " if values else "="
        self._parameters.setdefault(name, f"{name}{hint}{value!r}")
        return name

    def let(self, name: str, expression: str) -> str:
        """A name for an expression, written before every term."""
        self._locals.setdefault(name, expression)
        return name

    def constant(self, name: str, expression: str) -> str:
        """A name of the module for an expression."""
        self._constants.setdefault(name, expression)
        return name

    def clock(self) -> str:
        """Seconds since the episode's start, shape (N,)."""
        self.constant("STEP", repr(self.step))
        self.constant("MEMORY", f'{{"{TIME}": 0.0}}')
        return f'memory["{TIME}"]'

    def cost(self, component: str, weight: str, norm: str, at_rest: float) -> None:
        """A component: minus weight times norm.

        Args:
            component: Its name.
            weight: Expression of its weight.
            norm: Expression of what it weighs, shape (N,).
            at_rest: What weight times norm is while the robot rests.
        """
        self._terms[component] = f"-{weight} * {norm}"
        self.cost_at_rest += at_rest

    def pay(self, component: str, expression: str) -> None:
        """A component as it stands."""
        self._terms[component] = expression

    def source(self, idea: str) -> str:
        """The module.

        Args:
            idea: Text of its docstring.
        """
        timed = "MEMORY" in self._constants
        arguments = [*self._signals, *(["memory"] if timed else []), "*", *self._parameters.values()]
        body = [f'memory["{TIME}"] = memory["{TIME}"] + STEP'] if timed else []
        body += [f"{name} = {expression}" for name, expression in (self._locals | self._terms).items()]
        named = ", ".join(f'"{name}": {name}' for name in self._terms)
        body.append(f"return {' + '.join(self._terms)}, {{{named}}}")
        calls = {node.id for node in ast.walk(syntax_tree("\n".join(body[:-1]))) if isinstance(node, ast.Name)}
        parts = ["import numpy as np"]
        if self._constants:
            parts[0] += "\n" + "".join(f"\n{name} = {value}" for name, value in self._constants.items())
        if functions := carried(sorted(calls & known())):
            parts.append(functions)
        head = "def compute_reward(\n" + "".join(f"    {argument},\n" for argument in arguments) + "):"
        parts.append("\n    ".join([head, f'"""{idea}"""', *body]))
        return "\n\n\n".join(parts) + "\n"
