"""A term of the offline author: what one component of a reward may be, as values and as code.

A term is one shape over one or two signals: more or less of an entry, closeness to where an episode starts, the effort
of an action. Weights are told as *strengths*: a strength of 1 makes a term's contribution under random actions
comparable to any other's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from rewardsmith.domain.survey import Probe

Floats = npt.NDArray[np.float64]

Shape = Literal[
    "alive",  # 1 while the episode goes on
    "finish",  # 1 when it ends by itself
    "linear",  # sign * entry
    "capped",  # sign * tanh(entry / scale)
    "steady",  # exp(-((entry - goal) / scale)^2)
    "beyond",  # max(sign * (entry - goal), 0)
    "change",  # sign * (entry - its value one step before)
    "size",  # sign * sum of squares of a signal
    "smoothness",  # -sum of squares of the change of a signal
    "distance",  # sign * distance between two positions
    "turning",  # sign * change of the heading that a quaternion gives, while the body is the right way up
]


@dataclass(frozen=True)
class Term:
    """One possible component.

    Attributes:
        name: Name of the component; unique in a library.
        shape: Its form.
        signals: Base names of the signals that it reads.
        index: Entry of the first signal, for the shapes that read one entry of a vector.
        sign: 1 pays for it, -1 charges for it.
        spread: Typical size of its values under random actions, before any weight.
        goal: Value at which a `steady` term pays most.
        scale: Width of a `steady` term, or the value at which a `capped` one levels off.
        words: What it pays for, for the docstring.
    """

    name: str
    shape: Shape
    signals: tuple[str, ...]
    index: int | None = None
    sign: int = 1
    spread: float = 1.0
    goal: float = 0.0
    scale: float = 1.0
    words: str = ""

    @property
    def entry(self) -> str:
        """Code of the entry that it reads, shape (N,)."""
        return self.signals[0] if self.index is None else f"{self.signals[0]}[:, {self.index}]"

    @property
    def preparation(self) -> tuple[str, str] | None:
        """Name and right-hand side of an assignment before its own, for the shapes that need one."""
        if self.shape == "steady":
            return f"{self.name}_offset", f"({self.entry} - {self.name}_goal) / {self.name}_scale"
        if self.shape == "turning":
            return f"{self.name}_turned", f"turned(prev_{self.signals[0]}, {self.signals[0]})"
        return None

    @property
    def adjustable(self) -> tuple[str, ...]:
        """Numbers beside the weight that become parameters."""
        return {"capped": ("scale",), "steady": ("goal", "scale"), "beyond": ("goal",)}.get(self.shape, ())

    @property
    def arguments(self) -> tuple[str, ...]:
        """Arguments of the reward that it needs, `prev_` forms included."""
        if self.shape in ("change", "smoothness", "turning"):
            return (self.signals[0], f"prev_{self.signals[0]}", *self.signals[1:])
        return self.signals

    def weight(self, strength: float) -> float:
        """The weight that gives it this strength, to two digits."""
        return tidy(strength / self.spread)

    def expression(self, vector: bool) -> str:
        """Right-hand side of its assignment; its parameters are its name with `_weight`, `_scale` and `_goal`.

        Args:
            vector: Whether its first signal has entries, shape (n,), rather than being a number.
        """
        prefix = self.name
        minus = "-" if self.sign < 0 and self.shape != "beyond" else ""
        weight = f"{minus}{prefix}_weight"
        name, entry = self.signals[0], self.entry
        total = ".sum(axis=1)" if vector else ""
        match self.shape:
            case "alive":
                return f"{weight} * np.where({name}, 0.0, 1.0)"
            case "finish":
                return f"{weight} * np.where({name}, 1.0, 0.0)"
            case "linear":
                return f"{weight} * {entry}"
            case "capped":
                return f"{weight} * np.tanh({entry} / {prefix}_scale)"
            case "steady":
                return f"{weight} * np.exp(-np.square({prefix}_offset))"
            case "beyond":
                gap = f"{entry} - {prefix}_goal" if self.sign > 0 else f"{prefix}_goal - {entry}"
                return f"{weight} * np.maximum({gap}, 0.0)"
            case "change":
                before = f"prev_{entry}"
                return f"{weight} * ({entry} - {before})"
            case "turning":
                return f"{weight} * np.where({self.signals[1]}[:, 2] > 0.0, {prefix}_turned, 0.0)"
            case "size":
                return f"{weight} * np.square({name}){total}"
            case "smoothness":
                return f"{weight} * np.square({name} - prev_{name}){total}"
            case "distance":
                return f"{weight} * np.linalg.norm({name} - {self.signals[1]}, axis=1)"


def tidy(value: float, digits: int = 2) -> float:
    """Round to a few significant digits, so that a person can read the number."""
    return float(f"{value:.{digits}g}")


def values(term: Term, probe: Probe) -> Floats:
    """The term's unweighted values on the probe, shape (rows,)."""
    if term.shape in ("alive", "finish"):
        ended = np.asarray(probe.arrays[term.signals[0]], dtype=bool)
        return np.where(ended, 0.0, 1.0) if term.shape == "alive" else np.where(ended, 1.0, 0.0)
    first = np.asarray(probe.arrays[term.signals[0]], dtype=np.float64)
    entry = first if term.index is None else first[:, term.index]
    match term.shape:
        case "linear":
            return term.sign * entry
        case "capped":
            return term.sign * np.tanh(entry / term.scale)
        case "steady":
            return np.asarray(np.exp(-np.square((entry - term.goal) / term.scale)))
        case "beyond":
            return np.maximum(term.sign * (entry - term.goal), 0.0)
        case "change":
            return term.sign * (entry - before(entry, probe.starts))
        case "turning":
            angle = _heading(first)
            turned = angle - before(angle, probe.starts)
            upright = np.asarray(probe.arrays[term.signals[1]])[:, 2] > 0.0
            return term.sign * np.where(upright, np.remainder(turned + np.pi, 2.0 * np.pi) - np.pi, 0.0)
        case "size":
            return term.sign * summed(np.square(first))
        case "smoothness":
            return term.sign * summed(np.square(first - before(first, probe.starts)))
        case _:
            other = np.asarray(probe.arrays[term.signals[1]], dtype=np.float64)
            return term.sign * np.asarray(np.linalg.norm(first - other, axis=1))


def before(array: Floats, starts: npt.NDArray[np.bool_]) -> Floats:
    """The array one step earlier; equal on the first step of an episode."""
    earlier = np.roll(array, 1, axis=0)
    earlier[starts] = array[starts]
    return earlier


def _heading(quaternion: Floats) -> Floats:
    """Angle of a body's x axis about the world's z axis, rad; `quaternion` is (w, x, y, z)."""
    w, x, y, z = quaternion.T
    return np.asarray(np.arctan2(2.0 * (x * y + w * z), 1.0 - 2.0 * (y * y + z * z)))


def summed(array: Floats) -> Floats:
    """Sum over the entries of a signal, shape (rows,)."""
    return array if array.ndim == 1 else np.asarray(array.sum(axis=1))
