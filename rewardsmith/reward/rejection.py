"""How a candidate's fault leaves this room: typed, and in our own words."""

from __future__ import annotations

import builtins
from typing import Any

from rewardsmith.domain.report import Failure, FailureKind, Gate

MOST_TEXT = 300


class RewardRejected(Exception):
    """The source cannot be a reward; nothing of it has run."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


class RewardFailed(Exception):
    """The reward did something wrong while it ran; its process is dead."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


def rejection(gate: Gate, kind: FailureKind, message: str, line: int | None = None) -> RewardRejected:
    """A rejection at a gate before anything runs."""
    return RewardRejected(Failure(gate=gate, kind=kind, message=_short(message), line=line))


def failed(kind: FailureKind, message: str, line: int | None = None) -> RewardFailed:
    """A failure of the running reward; its gate is `probe` until whoever asked says otherwise."""
    return RewardFailed(Failure(gate="probe", kind=kind, message=_short(message), line=line))


def printable(text: str, most: int) -> str:
    """At most `most` characters of a process's text, those left out that are not printable."""
    return "".join(c for c in text if c.isprintable())[:most]


def _short(text: str) -> str:
    """At most 300 printable characters."""
    text = "".join(c if c.isprintable() else "?" for c in text)
    return text if len(text) <= MOST_TEXT else text[: MOST_TEXT - 3] + "..."


_ADVICE = {
    "ValueError": "often shapes that do not fit: signals are (N, ...), so reduce vectors with axis=1",
    "IndexError": "an index goes past the signal's shape; N, the first axis, has a different length in every call",
    "TypeError": "often math.exp and the like on an array: use the numpy function of that name",
    "KeyError": "a key that is not there",
    "ZeroDivisionError": "divide only by what cannot be zero",
    "AttributeError": "an attribute that the value does not have: signals are plain numpy arrays",
    "NameError": "a name that nothing defines",
    "UnboundLocalError": "a name is used before it is assigned in the function",
    "PermissionError": "a reward may not touch files, network or processes",
    "ImportError": "only numpy and math are there",
    "ModuleNotFoundError": "only numpy and math are there",
    "RecursionError": "a function calls itself without end",
    "AxisError": "an axis that the array does not have: signals are (N, ...)",
}
_NUMPY_ERRORS = {"AxisError", "LinAlgError", "UFuncTypeError", "UFuncNoLoopError", "DTypePromotionError"}


def fault(told: dict[str, Any], *, name: str = "compute_reward") -> RewardFailed:
    """The failure for what a reward process said; everything in `told` is untrusted and only picks among our words.

    Args:
        told: JSON object of a fault frame.
        name: Function that was called.
    """
    code = told.get("code")
    line = told.get("line")
    line = line if type(line) is int and 0 < line < 1 << 16 else None
    subject = _subject(told.get("name"))
    rows = "(N,), one value per row"
    if code == "exception":
        return _exception(told.get("type"), line)
    if code == "read_only":
        return failed(
            "mutates_input", "it writes into a signal; signals are read-only: compute a new array instead", line
        )
    if code == "memory":
        return failed("memory_limit", "it needs more memory than a reward may use: keep arrays of shape (N, ...)", line)
    if code == "not_a_pair":
        return failed("return_value", f"{name} must return a pair: the total and a dict of components")
    if code == "not_a_dict":
        return failed("return_value", f"the second value that {name} returns must be a dict of components by name")
    if code == "not_an_array":
        return failed("return_value", f"{subject} is no numpy array: return an array of shape {rows}")
    if code == "dtype":
        return failed("return_value", f"{subject} is an array of something else than numbers: return float64")
    if code == "shape":
        return failed("shape", f"{subject} has shape {_shape(told)} but must have shape {rows}" + _shape_advice(told))
    if code == "memory_keys":
        return failed("memory", "memory has other keys after a call than MEMORY declares: declare every key in MEMORY")
    if code == "memory_shape":
        entry = subject.removeprefix("component ")
        return failed("memory", f"memory entry {entry} has shape {_shape(told)} after a call but must stay {rows}")
    if code == "names_change":
        return failed("return_value", "the components have other names than in an earlier call: always return the same")
    if code == "too_many_components":
        return failed("return_value", "more than 64 components: return the few terms that the total is made of")
    if code == "component_name":
        return failed("return_value", "a component's name must be a string of 1 to 80 printable characters")
    if code == "component_reserved":
        taken = "total, score, task_score and episode_length stand for something else"
        return failed("return_value", f"{subject} needs another name: {taken}; name terms of the reward only")
    if code == "no_function":
        return failed("no_function", f"after the module has run, {name} is no function")
    return failed("protocol", "the reward process sent an answer that is no answer")


def died(code: int) -> RewardFailed:
    """The process ended by itself with exit status `code` (128 + n for signal n)."""
    how = {139: "a segmentation fault", 134: "an abort", 136: "an arithmetic fault", 159: "a forbidden system call"}
    return failed("died", f"the reward process ended in the middle of a call ({how.get(code, f'exit status {code}')})")


def timed_out(seconds: float) -> RewardFailed:
    """No answer in time."""
    return failed("timeout", f"no answer within {seconds:g} s: use whole-array numpy operations and no endless loop")


def _exception(type_name: object, line: int | None) -> RewardFailed:
    known = isinstance(type_name, str) and (
        type_name in _NUMPY_ERRORS
        or (isinstance(kind := getattr(builtins, type_name, None), type) and issubclass(kind, BaseException))
    )
    kind_name = str(type_name) if known else "an exception of its own"
    if kind_name in {"SyntaxError", "IndentationError", "TabError"}:
        return failed("syntax", "the code does not compile (a statement where none may stand, such as `return`)", line)
    advice = _ADVICE.get(kind_name)
    where = f" in line {line}" if line else ""
    return failed("exception", f"it raised {kind_name}{where}" + (f": {advice}" if advice else ""), line)


def _subject(name: object) -> str:
    """`component 'speed'`, or `the total`."""
    if isinstance(name, str):
        return f"component {printable(name, 80)!r}"
    return "the total"


def _shape(told: dict[str, Any]) -> str:
    shape = told.get("shape")
    if not isinstance(shape, list) or not all(type(n) is int and 0 <= n < 1 << 40 for n in shape):
        return "unknown"
    rows = told.get("rows")
    return "(" + ", ".join("N" if n == rows else str(n) for n in shape[:8]) + ("," if len(shape) == 1 else "") + ")"


def _shape_advice(told: dict[str, Any]) -> str:
    if told.get("shape") == []:
        return ": sum over axis=1 and not over the batch, and spread a constant with np.full"
    return ": pick an entry ([:, 0]) or reduce over axis=1"
