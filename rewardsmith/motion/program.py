"""A program of the reward API: parsed, never run, and turned into a reward of the contract."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass

from rewardsmith.domain.report import FailureKind
from rewardsmith.domain.robot import Range, Robot
from rewardsmith.errors import near_misses
from rewardsmith.motion.api import PREFIX, RESET, Call, Entry, Plan, calls, range_of
from rewardsmith.motion.sheet import Sheet
from rewardsmith.motion.terms import TERMS, Writer, always
from rewardsmith.reward.parsing import number, parse
from rewardsmith.reward.rejection import RewardRejected, rejection

MOST_CALLS = 64
_ONLY = f"only calls such as {PREFIX}name(argument=1.0) may stand in a program, one to a line"


@dataclass(frozen=True)
class Program:
    """What an answer says."""

    plan: Plan
    """Its calls, the later one where two are about the same."""
    resets: bool
    """Whether nothing of the program before stands any more."""
    clamped: tuple[str, ...]
    """Numbers that were brought into their range, in words."""


def read(code: str, robot: Robot) -> Program:
    """Read a program: calls of the robot's API with literal arguments, and nothing else.

    Raises:
        RewardRejected: At gate `parse` or `contract`, with the line and the near misses.
    """
    statements = parse(code).tree.body
    if len(statements) > MOST_CALLS:
        raise _fault("too_large", f"{len(statements)} calls; at most {MOST_CALLS} are read: set what matters", None)
    known, made, clamped, resets = calls(robot), dict[tuple[str, str], Entry](), list[str](), False
    for statement in statements:
        call = _call(statement)
        assert isinstance(call.func, ast.Name)
        name = call.func.id
        if name == RESET and not call.args and not call.keywords:
            resets, made = True, {}
            continue
        there = (RESET, *(PREFIX + each for each in known))
        if name not in there[1:]:
            raise _unknown(f"{name[:40]!r} is no call of this robot", name, there, call)
        entry, said = _entry(call, known[name.removeprefix(PREFIX)], robot)
        clamped += said
        made[entry.key] = entry
    _refuse_contradictions(made, known)
    return Program(tuple(made.values()), resets, tuple(clamped))


def standing(parameters: Mapping[str, float], robot: Robot) -> Plan:
    """The plan that a reward's parameters hold: what a program stands on that does not reset."""
    found = []
    for call in calls(robot).values():
        for subject in call.subjects:
            values = {a.name: Entry(call.name, subject, {}).parameter(a.name) for a in call.numbers}
            entry = Entry(call.name, subject, {a: parameters[p] for a, p in values.items() if p in parameters})
            if "weight" in entry.values and all(a.name in entry.values or a.optional for a in call.numbers):
                found.append(entry)
    return tuple(found)


def merged(program: Program, before: Plan, robot: Robot) -> Plan:
    """What is wanted: the program, and what it leaves standing; a weight of 0 takes a term away.

    Raises:
        RewardRejected: Nothing is left.
    """
    known, made = calls(robot), {entry.key: entry for entry in program.plan}
    gone = {name for entry in program.plan for name in known[entry.call].excludes}
    kept = [] if program.resets else [e for e in before if e.key not in made and e.call not in gone]
    plan = tuple(entry for entry in (*kept, *program.plan) if entry.values["weight"] > 0)
    if not plan:
        text = f"no target is set: call {', '.join(PREFIX + name for name in list(known)[:3])} or another of the API"
        raise _fault("return_value", text, None)
    return plan


def as_reward(code: str, robot: Robot, *, step: float, before: Mapping[str, float]) -> str:
    """The reward of the contract that a program comes to.

    Args:
        code: The program.
        robot: What it moves.
        step: Seconds per step.
        before: Parameters of the reward that it corrects; empty where there is none.

    Raises:
        RewardRejected: It is no program, or sets no target.
    """
    program = read(code, robot)
    plan = merged(program, standing(before, robot), robot)
    said = f"\n\n    Brought into range: {'; '.join(program.clamped)}.\n    " if program.clamped else ""
    return written(plan, robot, step=step, said=said)


def written(plan: Plan, robot: Robot, *, step: float, said: str = "") -> str:
    """The source of a plan's reward: R = -sum of w n(r) over its terms and those that are always on (L2R)."""
    sheet = Sheet(step)
    for entry in plan:
        TERMS[entry.call](Writer(sheet, robot, entry))
    always(sheet, robot)
    return sheet.source(f"Keep to a motion plan: {', '.join(dict.fromkeys(map(_told, plan)))}.{said}")


def shown(plan: Plan) -> str:
    """A plan as a program."""
    lines = []
    for entry in plan:
        subject = [f'"{entry.subject}"'] if entry.subject else []
        given = [f"{name}={value:g}" for name, value in entry.values.items()]
        lines.append(f"{PREFIX}{entry.call}({', '.join([*subject, *given])})")
    return "\n".join(lines) + "\n"


def _told(entry: Entry) -> str:
    return " ".join([entry.call, *filter(None, [entry.subject])]).replace("_", " ")


def _call(statement: ast.stmt) -> ast.Call:
    if not isinstance(statement, ast.Expr) or not isinstance(statement.value, ast.Call):
        raise _fault("forbidden_construct", f"{_what(statement)} is no call: {_ONLY}", statement.lineno)
    if not isinstance(statement.value.func, ast.Name):
        text = f"a call goes by its plain name, without a dot: {_ONLY}"
        raise _fault("forbidden_construct", text, statement.lineno)
    return statement.value


def _what(statement: ast.stmt) -> str:
    node = statement.value if isinstance(statement, ast.Expr) else statement
    return f"`{ast.unparse(node).splitlines()[0][:40]}`"


def _entry(node: ast.Call, call: Call, robot: Robot) -> tuple[Entry, list[str]]:
    """One call, with what was brought into range."""
    given = _given(node, call)
    subject, values, clamped = "", dict[str, float](), list[str]()
    for argument in call.arguments:
        value = given.get(argument.name)
        if value is None and argument.default is not None:
            values[argument.name] = argument.default
        elif value is None and not argument.optional:
            text = f"{PREFIX}{call.name} needs {argument.name}: {argument.meaning}"
            raise _fault("signature", text, node.lineno)
        elif value is not None and not isinstance(argument.values, Range):
            subject = _name(value, call, argument.values, argument.name)
        elif value is not None:
            got = _plain(value, call, argument.name)
            values[argument.name] = best = _within(got, range_of(robot, call, argument, subject))
            if best != got:
                clamped.append(f"{PREFIX}{call.name} {argument.name} {got:.4g} to {best:g}")
    optional = [argument.name for argument in call.arguments if argument.optional]
    if optional and not any(name in values for name in optional):
        raise _fault("signature", f"{PREFIX}{call.name} needs one of {', '.join(optional)}", node.lineno)
    return Entry(call.name, subject, values), clamped


def _given(node: ast.Call, call: Call) -> dict[str, ast.expr]:
    names = [argument.name for argument in call.arguments]
    if any(isinstance(value, ast.Starred) for value in node.args) or any(word.arg is None for word in node.keywords):
        raise _fault("forbidden_construct", f"no * and ** in a call: {_ONLY}", node.lineno)
    if len(node.args) > len(names):
        text = f"{PREFIX}{call.name} takes {len(names)} arguments, not {len(node.args)}: {', '.join(names)}"
        raise _fault("signature", text, node.lineno)
    given = dict(zip(names, node.args, strict=False))
    for word in node.keywords:
        assert word.arg is not None
        if word.arg not in names:
            raise _unknown(f"{PREFIX}{call.name} takes no {word.arg[:40]!r}", word.arg, tuple(names), node)
        if word.arg in given:
            raise _fault("signature", f"{PREFIX}{call.name} is given {word.arg} twice", node.lineno)
        given[word.arg] = word.value
    return given


def _name(value: ast.expr, call: Call, known: tuple[str, ...], argument: str) -> str:
    if not isinstance(value, ast.Constant) or not isinstance(value.value, str):
        text = f"{argument} of {PREFIX}{call.name} is one of {', '.join(map(repr, known))}, in quotes"
        raise _fault("signature", text, value.lineno)
    if value.value not in known:
        raise _unknown(f"{PREFIX}{call.name} knows no {argument} {value.value[:40]!r}", value.value, known, value)
    return value.value


def _plain(value: ast.expr, call: Call, argument: str) -> float:
    if isinstance(value, ast.Constant) and isinstance(value.value, bool):
        return float(value.value)
    found = number(value)
    if found is None:
        text = f"{argument} of {PREFIX}{call.name} must be a plain finite number such as 0.5, no expression or name"
        raise _fault("signature", text, value.lineno)
    return found


def _within(value: float, values: Range) -> float:
    return min(max(value, values.low), values.high)


def _refuse_contradictions(made: Mapping[tuple[str, str], Entry], known: Mapping[str, Call]) -> None:
    names = {entry.call for entry in made.values()}
    for name in sorted(names):
        for other in known[name].excludes:
            if other in names:
                text = f"{PREFIX}{name} and {PREFIX}{other} exclude each other: set one of them"
                raise _fault("signature", text, None)


def _unknown(text: str, name: str, known: tuple[str, ...], node: ast.expr) -> RewardRejected:
    near = near_misses(name, known)
    asked = f"; did you mean {' or '.join(map(repr, near))}?" if near else f"; there are {', '.join(known)}"
    return _fault("unknown_name", text + asked, node.lineno)


def _fault(kind: FailureKind, message: str, line: int | None) -> RewardRejected:
    return rejection("contract", kind, message, line)
