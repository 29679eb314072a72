"""What the expressions of a function need, and how they read without what nobody needs."""

from __future__ import annotations

import ast
import copy
from typing import TypeVar

from rewardsmith.worker.slicing.calls import bind, called_function, changed_roots, is_explicit, is_rendering, is_update
from rewardsmith.worker.slicing.changes import Changes, joined
from rewardsmith.worker.slicing.keys import possible_keys
from rewardsmith.worker.slicing.need import Need, join
from rewardsmith.worker.slicing.program import Function

Node = TypeVar("Node", bound=ast.AST)


class Expressions(Changes):
    """The expressions of one function, read from its end to its start."""

    def use(self, node: ast.expr, need: Need, *, store: bool = False) -> ast.expr:
        """Note what an expression needs, and give it without what nobody needs."""
        if need is not True and not store and isinstance(node, ast.Name | ast.Attribute | ast.Call):
            keys = possible_keys(self.program, self.function, node)
            if keys is not None and not any(key in keys for key in need):
                return ast.Dict(keys=[], values=[])
        match node:
            case ast.Name(id=name):
                if name in self.function.local_names and name not in self.function.selfs:
                    self.live[name] = joined(self.live.get(name), need)
                return node
            case ast.Attribute(value=value, attr=attr) if self.is_self(value):
                self._attribute(attr, need)
                return node
            case ast.Attribute():
                return like(node, value=self.use(node.value, True))
            case ast.Subscript(slice=ast.Constant(value=key)) if isinstance(key, str | int) and not store:
                return like(node, value=self.use(node.value, {key: need} if self.entries(node.value) else True))
            case ast.Subscript():
                inner = self.use(node.value, {} if store and self.entries(node.value) else True)
                return like(node, value=inner, slice=self.use(node.slice, True))
            case ast.Tuple(elts=elements) | ast.List(elts=elements) if need is not True:
                if any(isinstance(element, ast.Starred) for element in elements):
                    return self._children(node)
                parts = [
                    self.use(element, part) if (part := need.get(index)) is not None else ast.Name("_", ast.Load())
                    for index, element in enumerate(elements)
                ]
                return like(node, elts=parts)
            case ast.Dict() if need is not True:
                return self._dict(node, need)
            case ast.IfExp():
                body, orelse = self.use(node.body, need), self.use(node.orelse, need)
                return like(node, test=self.use(node.test, True), body=body, orelse=orelse)
            case ast.Call():
                function = called_function(self.program, self.function, node)
                if function is None:
                    return self._foreign_call(node, need)
                self._enter(function, node)
                grown = join(function.returned, need)
                if grown != function.returned:
                    function.returned = grown
                    self.whole.grew = True
                if function.effective:
                    self.function.effective = self.mark(self.function.effective)
                return self._known_call(node, function)
            case ast.ListComp() | ast.SetComp() | ast.GeneratorExp() | ast.DictComp() | ast.Lambda():
                return self._scoped(node)
        return self._children(node)

    def _children(self, node: ast.expr) -> ast.expr:
        result = copy.copy(node)
        for name, value in ast.iter_fields(node):
            if isinstance(value, ast.expr):
                setattr(result, name, self.use(value, True))
            elif isinstance(value, list):
                setattr(result, name, [self.use(v, True) if isinstance(v, ast.expr) else v for v in value])
        return result

    def _dict(self, node: ast.Dict, need: dict[str | int, Need]) -> ast.expr:
        keys: list[ast.expr | None] = []
        values: list[ast.expr] = []
        for key, value in zip(node.keys, node.values, strict=True):
            if key is None:
                if self._may_have(value, need):
                    keys.append(None)
                    values.append(self.use(value, dict(need)))
            elif isinstance(key, ast.Constant):
                part = need.get(_key(key))
                if part is not None:
                    keys.append(key)
                    values.append(self.use(value, part))
            else:
                keys.append(self.use(key, True))
                values.append(self.use(value, True))
        return like(node, keys=keys, values=values)

    def _scoped(self, node: ast.expr) -> ast.expr:
        """Comprehensions and lambdas bind names of their own."""
        bound = {n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
        bound |= {n.arg for n in ast.walk(node) if isinstance(n, ast.arg)}
        outside = {name: self.live[name] for name in bound & self.live.keys()}
        result = self._children(node)
        if isinstance(result, ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp):
            result.generators = [
                like(part, iter=self.use(part.iter, True), ifs=[self.use(test, True) for test in part.ifs])
                for part in result.generators
            ]
        for name in bound:
            self.live.pop(name, None)
        self.live.update(outside)
        return result

    def _foreign_call(self, node: ast.Call, need: Need) -> ast.expr:
        if need is not True and isinstance(node.func, ast.Name) and node.func.id == "dict" and not node.args:
            keywords = [k for k in node.keywords if k.arg in need or (k.arg is None and self._may_have(k.value, need))]
            rewritten = [like(k, value=self.use(k.value, True if k.arg else dict(need))) for k in keywords]
            return like(node, keywords=rewritten)
        copied = isinstance(node.func, ast.Attribute) and node.func.attr == "copy" and not node.args
        if copied and need is not True and isinstance(node.func, ast.Attribute):
            return like(node, func=like(node.func, value=self.use(node.func.value, need)))
        for root in changed_roots(self.program, self.function, node, statement=False):
            place = self.place(root)
            if place is not None and self.changed(place) is not None:
                self.note_change(place)
        keywords = [like(k, value=self.use(k.value, True)) for k in node.keywords]
        args = [self.use(arg, True) for arg in node.args]
        return like(node, func=self.use(node.func, True), args=args, keywords=keywords)

    def _known_call(self, call: ast.Call, function: Function) -> ast.expr:
        """A call of a known function, with the arguments that it needs."""
        wanted, arguments = function.entry, function.node.args
        bound = {name for name, _ in bind(function, call, self.function)}
        args: list[ast.expr] = []
        keywords: list[ast.keyword] = []
        given = list(call.args)
        if is_explicit(function, call, self.function):
            args.append(given.pop(0))
        names = iter(function.parameters)
        for argument in given:
            name = next(names, arguments.vararg.arg if arguments.vararg else None)
            if isinstance(argument, ast.Starred) or name in function.selfs:
                args.append(self.use(argument, True))
            elif name in wanted:
                args.append(self.use(argument, wanted[name]))
        accepted = function.keyword_names
        rest = arguments.kwarg is not None and arguments.kwarg.arg in wanted
        for keyword in call.keywords:
            if keyword.arg is None:
                if rest or any(name in accepted and name not in bound for name in wanted):
                    keywords.append(like(keyword, value=self.use(keyword.value, True)))
            elif keyword.arg in wanted or (rest and keyword.arg not in accepted):
                keywords.append(like(keyword, value=self.use(keyword.value, wanted.get(keyword.arg, True))))
        if not isinstance(call.func, ast.Name):
            self._receiver(call.func)
        return like(call, args=args, keywords=keywords)

    def _receiver(self, node: ast.expr) -> None:
        """Names in front of the dot of a known call."""
        for part in ast.walk(node):
            if isinstance(part, ast.Name) and part.id in self.function.local_names:
                self.use(part, True)

    def _attribute(self, name: str, need: Need) -> None:
        """Read an attribute, or a property, of the environment."""
        function = self.program.find(name)
        if function is None:
            self.whole.attribute(name, need)
            return
        if not function.called:
            function.called = self.whole.grew = True
        grown = join(function.returned, need)
        if grown != function.returned:
            function.returned = grown
            self.whole.grew = True

    # ---- effects

    def effects(self, expression: ast.expr | None, *, statement: bool = False) -> list[ast.stmt]:
        """Statements for the calls in an expression that change something needed, its value being of no need."""
        if expression is None or isinstance(expression, ast.Lambda):
            return []
        if isinstance(expression, ast.Call) and not is_rendering(expression.func):
            rewritten = self._effective_call(expression, statement=statement)
            if rewritten is not None:
                return [ast.copy_location(ast.Expr(value=rewritten), expression)]
        result: list[ast.stmt] = []
        for child in ast.iter_child_nodes(expression):
            if isinstance(child, ast.expr):
                result += self.effects(child)
            elif isinstance(child, ast.keyword):
                result += self.effects(child.value)
        return result

    def _effective_call(self, call: ast.Call, *, statement: bool) -> ast.expr | None:
        function = called_function(self.program, self.function, call)
        if function is not None:
            self._enter(function, call)
            if not function.effective:
                return None
            self.function.effective = self.mark(self.function.effective)
            return self._known_call(call, function)
        places = [self.place(root) for root in changed_roots(self.program, self.function, call, statement=statement)]
        needs = [(place, need) for place in places if place is not None and (need := self.changed(place)) is not None]
        if not needs:
            return None
        need = needs[0][1]
        if is_update(call) and need is not True:
            filtered = self._update(call, need)
            if filtered is None:
                return None
            call = filtered
        for place, _ in needs:
            self.note_change(place)
        return self.use(call, True)

    def _update(self, call: ast.Call, need: dict[str | int, Need]) -> ast.Call | None:
        """An `update` of a dict of which only some entries are needed."""
        if len(call.args) > 1:
            return call
        keywords = [keyword for keyword in call.keywords if keyword.arg is None or keyword.arg in need]
        args = [arg for arg in call.args if self._may_have(arg, need)]
        if not args and not keywords:
            return None
        rewritten = [self.use(arg, dict(need)) for arg in args]
        return like(call, args=rewritten, keywords=keywords)

    def _enter(self, function: Function, call: ast.Call) -> None:
        """Note a call of a known function: whose changes of arguments would be noticed here."""
        if not function.called:
            function.called = True
            self.whole.grew = True
        for name, argument in bind(function, call, self.function):
            if isinstance(argument, ast.Name) and self.is_self(argument):
                if name not in function.selfs:
                    function.selfs.add(name)
                    self.whole.grew = True
                continue
            place = self.place(argument)
            if place is not None and self.changed(place) is not None and name not in function.outer:
                function.outer.add(name)
                self.whole.grew = True

    def call_setter(self, setter: Function) -> None:
        """Note that a property is assigned to."""
        if not setter.called:
            setter.called = self.whole.grew = True

    def entries(self, node: ast.expr) -> bool:
        """Whether entries of an expression can be followed: a local, an attribute, or a known call."""
        if isinstance(node, ast.Name):
            return node.id in self.function.local_names
        if isinstance(node, ast.Call):
            return called_function(self.program, self.function, node) is not None
        return isinstance(node, ast.Dict | ast.Tuple) or (isinstance(node, ast.Attribute) and self.is_self(node.value))

    def _may_have(self, node: ast.expr, need: dict[str | int, Need]) -> bool:
        """Whether an expression may give one of the entries that are needed."""
        keys = possible_keys(self.program, self.function, node)
        return keys is None or any(key in keys for key in need)


def _key(node: ast.Constant) -> str | int:
    return node.value if isinstance(node.value, str | int) else repr(node.value)


def like(node: Node, **changes: object) -> Node:
    """A copy of a node with some fields replaced."""
    result = copy.copy(node)
    for name, value in changes.items():
        setattr(result, name, value)
    return result
