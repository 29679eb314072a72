"""Two functions of which only the signs are paid: their author chooses events, the runtime owns magnitudes.

r = a sgn(sparse) + b sgn(dense), with a = 1 and b = 0.1 in Auto MC-Reward (Li et al., CVPR 2024).
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from rewardsmith.domain.report import FailureKind
from rewardsmith.reward import contract, policy
from rewardsmith.reward.joining import broken, docstring
from rewardsmith.reward.normalise import set_parameters
from rewardsmith.reward.parsing import FunctionNode, Module, own_nodes, parse
from rewardsmith.reward.rejection import RewardRejected, rejection

PARTS = ("sparse", "dense")
"""The two functions, in the order in which they are called: what the first writes into memory the second reads."""
_WHOLE = "compute_reward"
_RUNTIME = {"np", "float", "sum"}
"""What the combination calls: in a module that gives them another meaning, more than signs could be paid."""
_TAKEN = {*PARTS, *_RUNTIME, "memory", "components"}


@dataclass(frozen=True)
class _Part:
    node: FunctionNode
    arguments: tuple[str, ...]
    """Signals in order, `memory` among them where it is taken."""
    parameters: dict[str, float]

    def call(self) -> str:
        keywords = [f"{name}={name}" for name in self.parameters]
        return f"{self.node.name}({', '.join([*self.arguments, *keywords])})"


def composed(source: str, signals: Collection[str], magnitudes: Mapping[str, float]) -> str:
    """One reward of the contract from a module that defines `sparse` and `dense`; the lines of the module stay.

    Args:
        source: What was written.
        signals: Names that may be read.
        magnitudes: What the sign of each part is worth, by its name.

    Raises:
        RewardRejected: At gate `parse` or `contract`; the line is one of `source`.
    """
    module = parse(source)
    _refuse_whole(module)
    _refuse_meanings(module)
    parts = [_part(module, name, signals) for name in PARTS]
    for part in parts:
        contract.memory(module, part.node)
    given = _parameters(parts)
    read = list(dict.fromkeys(name for part in parts for name in part.arguments if name != "memory"))
    _refuse_clashes(parts, read)
    memory = ["memory"] if any("memory" in part.arguments for part in parts) else []
    header = broken(f"def {_WHOLE}(", [*read, *memory, *(["*", *given.values()] if given else [])], "):")
    paid = [
        f'        "{name}": {float(magnitudes[name])!r} * np.sign(np.asarray({part.call()}, dtype=float)),'
        for name, part in zip(PARTS, parts, strict=True)
    ]
    lines = [
        *([] if _has_numpy(module) else ["import numpy as np", "", ""]),
        *header,
        f"    {docstring(_idea(parts))}",
        "    components = {",
        *paid,
        "    }",
        "    return sum(components.values()), components",
    ]
    return source.rstrip() + "\n\n\n" + "\n".join(lines) + "\n"


def designed(source: str) -> str:
    """What the author of a composed reward wrote, with the parameters that stand in the composed one.

    A reward that was not composed is given as it is.
    """
    try:
        module = parse(source)
    except RewardRejected:
        return source
    whole = module.functions.get(_WHOLE)
    if whole is None or not set(PARTS) <= set(module.functions) or module.tree.body[-1] is not whole:
        return source
    values = contract.parameters(whole)
    own = "\n".join(source.splitlines()[: whole.lineno - 1]).rstrip() + "\n"
    for name in PARTS:
        mine = contract.parameters(module.functions[name])
        own = set_parameters(own, {key: values[key] for key in mine if key in values}, function=name)
    return own


def _refuse_whole(module: Module) -> None:
    if _WHOLE in module.functions:
        text = f"leave {_WHOLE} out: write sparse(...) and dense(...), whose signs are combined for you"
        raise _fault("no_function", text, module.functions[_WHOLE].lineno)
    for name in PARTS:
        if name not in module.functions:
            found = f" (there is {', '.join(module.functions)})" if module.functions else ""
            text = f"there is no function {name}{found}: write two functions, sparse(...) and dense(...)"
            raise _fault("no_function", text, None)


def _refuse_meanings(module: Module) -> None:
    """Refuse a module in which what the combination calls is something else."""
    imports = [node for node in ast.walk(module.tree) if isinstance(node, ast.Import | ast.ImportFrom)]
    given = {"np"} if _has_numpy(module) else set()
    for node in imports:
        plain = isinstance(node, ast.Import)
        given -= {a.asname or a.name for a in node.names if not plain or a.name != "numpy"}
    for symbol in module.table.get_symbols():
        name, bound = symbol.get_name(), symbol.is_assigned() or symbol.is_imported()
        if name in _RUNTIME and bound and (symbol.is_assigned() or name not in given):
            raise _fault("forbidden_name", f"{name!r} has another meaning at the top level: rename it", None)


def _part(module: Module, name: str, signals: Collection[str]) -> _Part:
    node = contract.find(module, name)
    arguments = contract.arguments(node, signals)
    parameters = contract.parameters(node)
    _refuse_pairs(node)
    policy.check_signals_unwritten(node, tuple(each for each in arguments if each != "memory"))
    return _Part(node, arguments, parameters)


def _refuse_pairs(node: FunctionNode) -> None:
    """Refuse what plainly returns something else than one array."""
    found = [inner for inner in own_nodes(node) if isinstance(inner, ast.Return)]
    if not found:
        raise _fault("return_value", f"{node.name} returns nothing: return one array of shape (N,)", node.lineno)
    for statement in found:
        value = contract.resolve(statement.value, node)
        if value is None or isinstance(value, ast.Tuple | ast.Dict | ast.List):
            text = f"{node.name} returns no array: return one of shape (N,), of which the sign counts"
            raise _fault("return_value", text, statement.lineno)


def _parameters(parts: Collection[_Part]) -> dict[str, str]:
    """Each parameter of either part as it stands in a signature."""
    values: dict[str, float] = {}
    given: dict[str, str] = {}
    for part in parts:
        pairs = zip(part.node.args.kwonlyargs, part.node.args.kw_defaults, strict=True)
        for argument, default in pairs:
            name, value = argument.arg, part.parameters[argument.arg]
            if values.setdefault(name, value) != value:
                text = f"parameter {name!r} is {values[name]:g} in sparse and {value:g} in dense"
                raise _fault("signature", f"{text}: give both the same default, or two names", argument.lineno)
            assert default is not None
            given.setdefault(name, f"{ast.unparse(argument)}={ast.unparse(default)}")
    return given


def _refuse_clashes(parts: Collection[_Part], read: Collection[str]) -> None:
    """Refuse names that would mean two things in one signature."""
    for part in parts:
        for argument in part.node.args.kwonlyargs:
            name = argument.arg
            if name in read or name in _TAKEN:
                text = f"parameter {name!r} of {part.node.name} has the name of something else: give it another"
                raise _fault("signature", text, argument.lineno)


def _has_numpy(module: Module) -> bool:
    imports = [each for each in module.tree.body if isinstance(each, ast.Import)]
    return any(alias.name == "numpy" and alias.asname == "np" for each in imports for alias in each.names)


def _idea(parts: Collection[_Part]) -> str:
    """What the author says of the two, in a line."""
    said = [(ast.get_docstring(part.node) or "").strip().partition("\n")[0].rstrip(".") for part in parts]
    told = [f"{name}: {text}" for name, text in zip(PARTS, said, strict=True) if text]
    return "; ".join(told) + "." if told else "The signs of sparse and dense."


def _fault(kind: FailureKind, message: str, line: int | None) -> RewardRejected:
    return rejection("contract", kind, message, line)
