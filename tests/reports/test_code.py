"""Coloured code among threads."""

from __future__ import annotations

import re
import threading

from pygments.lexers.python import PythonLexer

from rewardsmith.reports.code import coloured

SOURCE = "def f(x):\n    return f'{x!r} %s' % 'a\\n'\n"


def test_pages_that_are_the_first_to_show_code_all_colour_it_alike(monkeypatch):
    expected, tables = coloured(SOURCE), type(PythonLexer)
    made: list[str] = []

    def counted(lexer: type[PythonLexer], name: str, rules: object) -> object:
        made.append(name)
        return whole(lexer, name, rules)

    whole = tables.process_tokendef
    monkeypatch.setattr(tables, "process_tokendef", counted)
    monkeypatch.delattr(PythonLexer, "_tokens")
    re.purge()
    together, shown = threading.Barrier(4), []

    def work() -> None:
        together.wait()
        shown.append(coloured(SOURCE))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert shown == [expected] * 4
    assert len(made) == 1, "two threads worked out the rules, each in the midst of the other's"
