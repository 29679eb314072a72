"""The backward slice through an environment: statements, arguments and attributes that a result depends on.

Locals are followed backwards in the order of the statements, attributes of the environment without order, calls into
every method and function of the environment's own, until nothing more is needed (Weiser 1984, over syntax trees).
What is left out of a tuple is written `_`. Where the effect of foreign code is unknown, a statement counts as changing
its receiver and its arguments.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterable, Mapping

from rewardsmith.worker.slicing.assignments import Assignments
from rewardsmith.worker.slicing.changes import Live, union
from rewardsmith.worker.slicing.expressions import like
from rewardsmith.worker.slicing.need import Need, join_into
from rewardsmith.worker.slicing.places import Place, aliases
from rewardsmith.worker.slicing.program import Function, Program


class Slice:
    """The slice of a program for some results of some of its functions.

    Args:
        program: the environment's functions; its notes on needs are cleared.
        criteria: how much of the result of each function is needed; all of them are run.
    """

    def __init__(self, program: Program, criteria: Mapping[Function, Need | None]) -> None:
        self.program = program
        self.attributes: dict[str, Need] = {}
        self.kept: set[ast.AST] = set()
        self.left_out: set[ast.AST] = set()
        """Names that were unpacked from something needed, and are not needed themselves."""
        self.bodies: dict[Function, list[ast.stmt]] = {}
        self._aliases: dict[Function, dict[str, set[Place]]] = {}
        self.grew = True
        for function in program.functions():
            function.returned, function.entry, function.outer = None, {}, set()
            function.effective = function.called = False
        for function, need in criteria.items():
            function.returned, function.called = need, True
        while self.grew:
            self.grew = False
            self.left_out.clear()
            self.bodies = {f: _Walk(self, f).run() for f in program.functions() if f.called}

    def attribute(self, name: str, need: Need) -> None:
        """Note that an attribute of the environment is needed."""
        self.grew |= join_into(self.attributes, name, need)

    def alias_map(self, function: Function) -> dict[str, set[Place]]:
        """What the locals of a function may share with other places."""
        if function not in self._aliases:
            self._aliases[function] = aliases(function, self.program)
        return self._aliases[function]


class _Walk(Assignments):
    """One walk through one function, from its end to its start, with what is known so far."""

    def __init__(self, whole: Slice, function: Function) -> None:
        super().__init__(whole, function)
        self.kept = whole.kept
        self.jumps = False
        self.after = False

    def run(self) -> list[ast.stmt]:
        """Slice the function; notes its needed parameters and whether it is effective."""
        body = self._block(self.function.node.body)
        for name in self.function.local_names & self.live.keys():
            self.whole.grew |= join_into(self.function.entry, name, self.live[name])
        return body

    def _block(self, statements: Iterable[ast.stmt]) -> list[ast.stmt]:
        kept: list[ast.stmt] = []
        for statement in reversed(list(statements)):
            result = self._statement(statement)
            if result:
                self.kept.add(statement)
                self.after = True
                kept[:0] = result
        return kept

    def _statement(self, node: ast.stmt) -> list[ast.stmt]:
        match node:
            case ast.Assign(targets=targets, value=value):
                return self.assign(node, targets, value)
            case ast.AnnAssign(target=target, value=ast.expr() as value):
                return self.assign(node, [target], value)
            case ast.AugAssign():
                return self.augmented(node)
            case ast.Expr(value=ast.Call() as call):
                return self.effects(call, statement=True)
            case ast.Expr(value=ast.Yield() | ast.YieldFrom() | ast.Await()):
                return self._whole(node, always=self.function.returned is not None)
            case ast.Return():
                return self._return(node)
            case ast.If():
                return self._if(node)
            case ast.While() | ast.For():
                return self._loop(node)
            case ast.With():
                return self._with(node)
            case ast.Try():
                return self._try(node)
            case ast.Break() | ast.Continue():
                return [copy.copy(node)] if self.jumps else []
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                return self._definition(node, name)
            case ast.Import() | ast.ImportFrom():
                names = [a for a in node.names if (a.asname or a.name).split(".")[0] in self.live]
                for alias in names:
                    self.live.pop((alias.asname or alias.name).split(".")[0])
                return [like(node, names=names)] if names else []
            case ast.Match():
                return self._whole(node)
        return []

    def _return(self, node: ast.Return) -> list[ast.stmt]:
        need = self.function.returned
        if need is None and not self.after:
            return self.effects(node.value) if node.value is not None else []
        self.live = {}
        if node.value is None or need is None:
            effects = self.effects(node.value) if node.value is not None else []
            return [*effects, ast.copy_location(ast.Return(value=None), node)]
        return [like(node, value=self.use(node.value, need))]

    def _if(self, node: ast.If) -> list[ast.stmt]:
        before, after = dict(self.live), self.after
        body = self._block(node.body)
        body_live = self.live
        self.live, self.after = dict(before), after
        orelse = self._block(node.orelse)
        self.after = after or bool(body or orelse)
        if not body and not orelse:
            self.live = before
            return self.effects(node.test)
        self.live = union(body_live, self.live)
        test = self.use(node.test, True)
        if not body:
            test = _negated(test)
            body, orelse = orelse, []
        return [like(node, test=test, body=body, orelse=orelse)]

    def _loop(self, node: ast.While | ast.For) -> list[ast.stmt]:
        before, jumps = dict(self.live), self.jumps
        self.jumps = False
        trial = self._block(node.body)
        if not trial and not self._loop_binds(node, before):
            self.live, self.jumps = before, jumps
            return self.effects(node.test) if isinstance(node, ast.While) else []
        self.jumps = self.after = True
        live = before
        while True:
            self.live = dict(live)
            body = self._block(node.body)
            if isinstance(node, ast.While):
                header: dict[str, ast.expr] = {"test": self.use(node.test, True)}
            else:
                self.target(node.target, node.iter)
                header = {"iter": self.use(node.iter, True)}
            grown = union(live, self.live)
            if grown == live:
                break
            live = grown
        self.live, self.jumps = live, jumps
        orelse = self._block(node.orelse)
        return [like(node, **header, body=body or [ast.Pass()], orelse=orelse)]

    def _loop_binds(self, node: ast.While | ast.For, live: Live) -> bool:
        """Whether the loop's own variable is needed after it."""
        if isinstance(node, ast.While):
            return False
        return any(isinstance(n, ast.Name) and n.id in live for n in ast.walk(node.target))

    def _with(self, node: ast.With) -> list[ast.stmt]:
        body = self._block(node.body)
        if not body:
            return []
        items = [like(item, context_expr=self.use(item.context_expr, True)) for item in node.items]
        return [like(node, items=items, body=body)]

    def _try(self, node: ast.Try) -> list[ast.stmt]:
        final = self._block(node.finalbody)
        before = dict(self.live)
        handlers = []
        live: Live = {}
        for handler in node.handlers:
            self.live = dict(before)
            handlers.append(like(handler, body=self._block(handler.body) or [ast.Pass()]))
            live = union(live, self.live)
        self.live = dict(before)
        orelse = self._block(node.orelse)
        body = self._block(node.body)
        self.live = union(self.live, live)
        if not body:
            return [*orelse, *final]
        return [like(node, body=body, handlers=handlers, orelse=orelse, finalbody=final)]

    def _definition(self, node: ast.FunctionDef | ast.ClassDef, name: str) -> list[ast.stmt]:
        if name not in self.live:
            return []
        self.live.pop(name)
        return self._whole(node, always=True)

    def _whole(self, node: ast.stmt, *, always: bool = False) -> list[ast.stmt]:
        """A statement that is kept as it stands, or not at all."""
        inner = [n for n in ast.walk(node) if isinstance(n, ast.Name | ast.Attribute) and isinstance(n.ctx, ast.Store)]
        needed = any(
            (isinstance(n, ast.Name) and n.id in self.live) or ((p := self.place(n)) and self.changed(p) is not None)
            for n in inner
        )
        if not (always or needed):
            return []
        for part in ast.walk(node):
            if isinstance(part, ast.expr):
                self.use(part, True)
        return [copy.deepcopy(node)]


def _negated(test: ast.expr) -> ast.expr:
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        return test.operand
    return ast.copy_location(ast.UnaryOp(op=ast.Not(), operand=test), test)
