"""Which entries a dict may have, as far as the source tells."""

from __future__ import annotations

import ast
from collections.abc import Iterable

from rewardsmith.worker.slicing.calls import called_function
from rewardsmith.worker.slicing.program import Function, Program


def possible_keys(program: Program, function: Function, node: ast.expr) -> set[object] | None:
    """Find the keys that a dict-valued expression may have; None when the source does not tell."""
    place = (function, node)
    if place not in program.keys:
        program.keys[place] = _keys(program, function, node, frozenset())
    return program.keys[place]


def _keys(program: Program, function: Function, node: ast.expr, seen: frozenset[object]) -> set[object] | None:
    if isinstance(node, ast.Dict):
        return _union(
            {key.value}
            if isinstance(key, ast.Constant)
            else _keys(program, function, value, seen)
            if key is None
            else None
            for key, value in zip(node.keys, node.values, strict=True)
        )
    if isinstance(node, ast.Name):
        place = (function, node.id)
        return set() if place in seen else _of_local(program, function, node.id, seen | {place})
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in function.selfs:
        getter = program.find(node.attr)
        if getter is not None:
            return keys_of_result(program, getter, None, seen)
        return None if node.attr in seen else _of_attribute(program, node.attr, seen | {node.attr})
    if isinstance(node, ast.Call):
        known = called_function(program, function, node)
        if known is not None:
            return keys_of_result(program, known, None, seen)
        if isinstance(node.func, ast.Name) and node.func.id == "dict" and len(node.args) <= 1:
            parts = [_keys(program, function, argument, seen) for argument in node.args]
            parts += [
                _keys(program, function, keyword.value, seen) if keyword.arg is None else {keyword.arg}
                for keyword in node.keywords
            ]
            return _union(parts)
        if isinstance(node.func, ast.Attribute) and node.func.attr == "copy":
            return _keys(program, function, node.func.value, seen)
    if isinstance(node, ast.IfExp):
        return _union(_keys(program, function, part, seen) for part in (node.body, node.orelse))
    return None


def _of_local(program: Program, function: Function, name: str, seen: frozenset[object]) -> set[object] | None:
    """Keys from every assignment to a local, in any order."""
    arguments = function.node.args
    if any(a.arg == name for a in (*arguments.args, *arguments.kwonlyargs)) or (
        arguments.kwarg is not None and arguments.kwarg.arg == name
    ):
        return None
    parts: list[set[object] | None] = []
    for node in function.nodes:
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
                parts += _from_target(program, function, target, node.value, name, seen)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "update":
            if isinstance(node.func.value, ast.Name) and node.func.value.id == name:
                as_dict = ast.Call(func=ast.Name("dict", ast.Load()), args=node.args, keywords=node.keywords)
                parts.append(_keys(program, function, as_dict, seen))
        elif isinstance(node, ast.For | ast.With | ast.AugAssign) and any(
            isinstance(part, ast.Name) and part.id == name and isinstance(part.ctx, ast.Store)
            for part in ast.walk(node)
        ):
            bound = getattr(node, "target", None)
            if bound is not None and any(isinstance(p, ast.Name) and p.id == name for p in ast.walk(bound)):
                return None
    return _union(parts)


def _from_target(
    program: Program, function: Function, target: ast.expr, value: ast.expr, name: str, seen: frozenset[object]
) -> list[set[object] | None]:
    if isinstance(target, ast.Name) and target.id == name:
        return [_keys(program, function, value, seen)]
    if isinstance(target, ast.Subscript) and isinstance(target.value, ast.Name) and target.value.id == name:
        return [{target.slice.value} if isinstance(target.slice, ast.Constant) else None]
    if isinstance(target, ast.Tuple):
        for index, element in enumerate(target.elts):
            if isinstance(element, ast.Name) and element.id == name:
                if isinstance(value, ast.Call) and (known := called_function(program, function, value)) is not None:
                    return [keys_of_result(program, known, index, seen)]
                if isinstance(value, ast.Tuple) and len(value.elts) == len(target.elts):
                    return [_keys(program, function, value.elts[index], seen)]
                return [None]
    return []


def keys_of_result(
    program: Program, function: Function, index: int | None, seen: frozenset[object]
) -> set[object] | None:
    """Keys of what a function returns, or of one element of it."""
    mark = (function, index, "result")
    if mark in seen:
        return set()
    parts: list[set[object] | None] = []
    for node in function.nodes:
        if not isinstance(node, ast.Return) or node.value is None:
            continue
        value = node.value
        if index is not None:
            if isinstance(value, ast.Call) and (known := called_function(program, function, value)) is not None:
                parts.append(keys_of_result(program, known, index, seen | {mark}))
                continue
            if not isinstance(value, ast.Tuple) or len(value.elts) <= index:
                return None
            value = value.elts[index]
        parts.append(_keys(program, function, value, seen | {mark}))
    return _union(parts) if parts else None


def _of_attribute(program: Program, name: str, seen: frozenset[object]) -> set[object] | None:
    """Keys from every assignment to an attribute of the environment, anywhere."""
    parts: list[set[object] | None] = []
    for function in program.functions():
        for node in function.nodes:
            if isinstance(node, ast.Attribute) and node.attr == "update" and _is_attribute(node.value, name):
                return None
            if not isinstance(node, ast.Assign):
                continue
            for target in node.targets:
                if _is_attribute(target, name):
                    parts.append(_keys(program, function, node.value, seen))
                elif isinstance(target, ast.Subscript) and _is_attribute(target.value, name):
                    parts.append({target.slice.value} if isinstance(target.slice, ast.Constant) else None)
    return _union(parts) if parts else None


def _is_attribute(node: ast.expr, name: str) -> bool:
    return isinstance(node, ast.Attribute) and node.attr == name


def _union(parts: Iterable[set[object] | None]) -> set[object] | None:
    result: set[object] = set()
    for part in parts:
        if part is None:
            return None
        result |= part
    return result
