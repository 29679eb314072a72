"""The source of an environment's class as syntax trees: its methods through all bases, and what they call by name."""

from __future__ import annotations

import ast
import builtins
import inspect
import sys
import textwrap
from dataclasses import dataclass, field
from functools import cached_property
from types import FunctionType, ModuleType
from typing import Any, TypeGuard

import gymnasium

from rewardsmith.syntax import syntax_tree
from rewardsmith.worker.slicing.need import Need

FOREIGN = ("gymnasium.core", "gymnasium.utils", "typing", "abc", "builtins", "collections.abc")
"""Modules whose classes end the slice: they know nothing about one environment."""


class SourceUnavailable(Exception):
    """The source of a class cannot be read."""


@dataclass(eq=False)
class Function:
    """One method, property or function, and what the slice has found out about it so far."""

    node: ast.FunctionDef
    module: ModuleType
    owner: type | None = None
    selfs: set[str] = field(default_factory=set)
    """Names under which it knows the environment: its first parameter, mostly."""
    is_property: bool = False
    returned: Need | None = None
    """How much of its result is needed."""
    entry: dict[str, Need] = field(default_factory=dict)
    """Parameters that are needed, and how much of them."""
    outer: set[str] = field(default_factory=set)
    """Parameters whose changes a caller would notice."""
    effective: bool = False
    """Whether running it changes something that is needed."""
    called: bool = False
    """Whether the slice calls it."""

    @property
    def parameters(self) -> list[str]:
        """Names of its parameters in order, those that stand for the environment left out."""
        arguments = self.node.args
        names = [argument.arg for argument in (*arguments.posonlyargs, *arguments.args)]
        return names[1:] if self.owner is not None and not self.is_static else names

    @property
    def keyword_names(self) -> set[str]:
        """Parameters that may be given by keyword."""
        arguments = self.node.args
        return {argument.arg for argument in (*arguments.args, *arguments.kwonlyargs)}

    @property
    def is_static(self) -> bool:
        """Whether it is a static method."""
        return any(isinstance(d, ast.Name) and d.id == "staticmethod" for d in self.node.decorator_list)

    @cached_property
    def nodes(self) -> list[ast.AST]:
        """Every node of its tree."""
        return list(ast.walk(self.node))

    @cached_property
    def local_names(self) -> set[str]:
        """Names that it binds, parameters included."""
        arguments = self.node.args
        names = {a.arg for a in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)}
        names |= {a.arg for a in (arguments.vararg, arguments.kwarg) if a is not None}
        for node in self.nodes:
            if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
                names.add(node.id)
            elif isinstance(node, ast.FunctionDef | ast.ClassDef) and node is not self.node:
                names.add(node.name)
            elif isinstance(node, ast.alias):
                names.add((node.asname or node.name).split(".")[0])
        return names


class Program:
    """All functions that belong to the class of one environment.

    Raises:
        SourceUnavailable: the source of a class cannot be read or parsed.
    """

    def __init__(self, cls: type) -> None:
        self.cls = cls
        self.classes = [base for base in cls.__mro__ if base is not object and not _foreign(base)]
        if not self.classes:
            raise SourceUnavailable(cls.__qualname__)
        self.methods: dict[type, dict[str, Function]] = {}
        self.setters: dict[str, Function] = {}
        self.constants: dict[type, list[ast.Assign]] = {}
        self.calls: dict[tuple[Function, ast.Call, int], Function | None] = {}
        """What each call was found to run."""
        self.keys: dict[tuple[Function, ast.expr], set[object] | None] = {}
        """Which entries each dict was found to have."""
        self._free: dict[Any, Function] = {}
        for base in self.classes:
            self._load(base)

    def find(self, name: str, *, after: type | None = None, within: type | None = None) -> Function | None:
        """Find the method that `self.name` means; `after` a class, for `super()`; or `within` one, for `Base.name`."""
        order = list((within or self.cls).__mro__)
        if after is not None and after in order:
            order = order[order.index(after) + 1 :]
        for base in order:
            if name in self.methods.get(base, {}):
                return self.methods[base][name]
            if name in base.__dict__ and base not in self.methods:
                return None
        return None

    def resolve(self, expression: ast.expr, module: ModuleType) -> Any:
        """The object that a dotted global name stands for, or None."""
        if isinstance(expression, ast.Name):
            return vars(module).get(expression.id, getattr(builtins, expression.id, None))
        if isinstance(expression, ast.Attribute):
            base = self.resolve(expression.value, module)
            return getattr(base, expression.attr, None) if isinstance(base, ModuleType | type) else None
        return None

    def free(self, target: Any, module: ModuleType) -> Function | None:
        """The source of a module's function that the environment calls, if it is the environment's own."""
        if not isinstance(target, FunctionType):
            return None
        if target not in self._free:
            if not self._own(target.__module__, module):
                return None
            try:
                node = syntax_tree(textwrap.dedent(inspect.getsource(target))).body[0]
            except (OSError, TypeError, SyntaxError):
                return None
            if not isinstance(node, ast.FunctionDef):
                return None
            self._free[target] = Function(node, sys.modules[target.__module__])
        return self._free[target]

    def functions(self) -> list[Function]:
        """Every function known so far: methods, setters, then module functions in the order of their discovery."""
        return [
            *(function for methods in self.methods.values() for function in methods.values()),
            *self.setters.values(),
            *self._free.values(),
        ]

    def free_functions(self) -> list[Function]:
        """Module functions, in the order of their discovery."""
        return list(self._free.values())

    def _own(self, name: str, module: ModuleType) -> bool:
        """Whether a function of module `name`, called in `module`, is part of the environment."""
        if name == module.__name__:
            return name != "gymnasium.envs.mujoco.mujoco_env"
        package = name.split(".")[0]
        return package == module.__name__.split(".")[0] and package != "gymnasium"

    def _load(self, cls: type) -> None:
        try:
            module = sys.modules[cls.__module__]
            node = syntax_tree(textwrap.dedent(inspect.getsource(cls))).body[0]
        except (OSError, TypeError, SyntaxError, KeyError, IndexError) as error:
            raise SourceUnavailable(cls.__qualname__) from error
        if not isinstance(node, ast.ClassDef):
            raise SourceUnavailable(cls.__qualname__)
        methods = self.methods[cls] = {}
        self.constants[cls] = [statement for statement in node.body if isinstance(statement, ast.Assign)]
        for statement in node.body:
            if isinstance(statement, ast.AnnAssign) and statement.value is not None:
                assign = ast.Assign(targets=[statement.target], value=statement.value)
                self.constants[cls].append(ast.copy_location(assign, statement))
            if not isinstance(statement, ast.FunctionDef):
                continue
            function = Function(statement, module, cls)
            if statement.args.args and not function.is_static:
                function.selfs.add(statement.args.args[0].arg)
            decorators = [ast.unparse(decorator) for decorator in statement.decorator_list]
            if any(text.endswith(".setter") for text in decorators):
                self.setters.setdefault(statement.name, function)
                continue
            function.is_property = any(text.split(".")[-1] in ("property", "cached_property") for text in decorators)
            methods[statement.name] = function


def is_own_attribute(node: ast.expr, function: Function) -> TypeGuard[ast.Attribute]:
    """Whether an expression is an attribute of the environment, `self.x` in a function of it."""
    return isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in function.selfs


def _foreign(cls: type) -> bool:
    return cls is gymnasium.Env or f"{cls.__module__}.".startswith(tuple(f"{name}." for name in FOREIGN))
