"""Assignments of a function: how much of a value its targets need, and how they read without the rest."""

from __future__ import annotations

import ast
import copy

from rewardsmith.worker.slicing.calls import called_function, is_rendering
from rewardsmith.worker.slicing.expressions import Expressions, like
from rewardsmith.worker.slicing.keys import keys_of_result
from rewardsmith.worker.slicing.need import Need, entry, join


class Assignments(Expressions):
    """The assignments of one function, read from its end to its start."""

    def assign(self, node: ast.stmt, targets: list[ast.expr], value: ast.expr) -> list[ast.stmt]:
        """Slice `targets = value`."""
        need: Need | None = None
        kept_targets: list[ast.expr] = []
        for target in targets:
            part, rewritten = self.target(target, value)
            if part is not None:
                need = join(need, part)
                kept_targets.append(rewritten)
        if need is None:
            return self.effects(value)
        if need is not True and len(kept_targets) == 1 and isinstance(kept_targets[0], ast.Tuple):
            emptied = self._emptied(kept_targets[0], value, need)
            if emptied:
                rest = self.effects(value) if not need else []
                rest = rest or ([_assignment(node, kept_targets, self.use(value, need))] if need else [])
                return [*rest, *emptied]
        return [_assignment(node, kept_targets, self.use(value, need))]

    def _emptied(self, target: ast.Tuple, value: ast.expr, need: dict[str | int, Need]) -> list[ast.stmt]:
        """Unpacked dicts that have none of the entries that are needed: they start empty instead."""
        known = called_function(self.program, self.function, value) if isinstance(value, ast.Call) else None
        statements: list[ast.stmt] = []
        for index, element in enumerate(target.elts):
            part = need.get(index)
            if known is None or part is None or part is True or not isinstance(element, ast.Name):
                continue
            keys = keys_of_result(self.program, known, index, frozenset())
            if keys is not None and not any(key in keys for key in part):
                del need[index]
                target.elts[index] = ast.Name("_", ast.Store())
                statements.append(_assignment(target, [element], ast.Dict(keys=[], values=[])))
        return statements

    def target(self, target: ast.expr, value: ast.expr) -> tuple[Need | None, ast.expr]:
        """How much of the assigned value a target needs, and the target without what nobody needs."""
        if isinstance(target, ast.Name):
            need = self.live.pop(target.id, None)
            return need, target
        if isinstance(target, ast.Tuple | ast.List):
            parts: dict[str | int, Need] = {}
            elements: list[ast.expr] = []
            starred = any(isinstance(element, ast.Starred) for element in target.elts)
            for index, element in enumerate(target.elts):
                inner = element.value if isinstance(element, ast.Starred) else element
                need, rewritten = self.target(inner, value)
                if need is None:
                    self.whole.left_out.add(inner)
                    elements.append(ast.Name("_", ast.Store()))
                    continue
                parts[index] = need
                elements.append(ast.Starred(rewritten, ast.Store()) if isinstance(element, ast.Starred) else rewritten)
            if not parts:
                return None, target
            return (True if starred else parts), type(target)(elts=elements, ctx=ast.Store())
        if is_rendering(target):
            return None, target
        place = self.place(target)
        if place is None:
            return None, target
        direct = isinstance(target, ast.Attribute) and self.is_self(target.value)
        if direct and isinstance(target, ast.Attribute):
            setter = self.program.setters.get(target.attr)
            if setter is not None:
                self.call_setter(setter)
                return (True, target) if setter.effective else (None, target)
            need = self.whole.attributes.get(target.attr)
            if need is not None:
                self.function.effective = self.mark(self.function.effective)
            return need, target
        need = self.changed(place)
        if need is None:
            return None, target
        if isinstance(target, ast.Subscript):
            if (
                isinstance(target.slice, ast.Constant)
                and isinstance(target.slice.value, str | int)
                and need is not True
            ):
                need = entry(need, target.slice.value)
                if need is None:
                    return None, target
            else:
                need = True
            self.use(target.slice, True)
        else:
            need = True
        self.note_change(place)
        return need, self.use(target, {} if isinstance(target, ast.Subscript) else True, store=True)

    def augmented(self, node: ast.AugAssign) -> list[ast.stmt]:
        """Slice `target += value` and its like."""
        if isinstance(node.target, ast.Name):
            if node.target.id not in self.live:
                return self.effects(node.value)
            self.live[node.target.id] = True
            return [like(node, value=self.use(node.value, True))]
        need, target = self.target(node.target, node.value)
        if need is None:
            return self.effects(node.value)
        self.use(_load(node.target), True)
        return [like(node, target=target, value=self.use(node.value, True))]


def _assignment(place: ast.AST, targets: list[ast.expr], value: ast.expr) -> ast.stmt:
    return ast.fix_missing_locations(ast.copy_location(ast.Assign(targets=targets, value=value), place))


def _load(target: ast.expr) -> ast.expr:
    """The same place, to be read."""
    result = copy.copy(target)
    if isinstance(result, ast.Name | ast.Attribute | ast.Subscript):
        result.ctx = ast.Load()
    return result
