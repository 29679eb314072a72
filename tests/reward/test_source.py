import pytest

from rewardsmith.errors import ScoreRuleError
from rewardsmith.reward.source import RewardRejected, analyse, analyse_score, normalise, reward_id

SIGNALS = {"x_velocity", "torso_up", "torso_position", "torso_linear_velocity", "action", "terminated", "observation"}

GOOD = '''
import numpy as np

MEMORY = {"best": 0.0, "steps": -1}


def compute_reward(x_velocity, prev_torso_up, memory, action, *, w=1.0, cost=-0.5, power=2):
    """Run."""
    memory["best"] = np.maximum(memory["best"], x_velocity)
    forward = w * x_velocity
    return forward, {"forward": forward}
'''


def function(body: str, arguments: str = "x_velocity, action", top: str = "import numpy as np\n") -> str:
    lines = "".join(f"    {line}\n" for line in body.splitlines())
    return f"{top}def compute_reward({arguments}):\n{lines}"


PAIR = 'return x_velocity, {"f": x_velocity}'


def rejected(source: str) -> tuple[str, str, int | None, str]:
    with pytest.raises(RewardRejected) as caught:
        analyse(source, SIGNALS)
    failure = caught.value.failure
    assert len(failure.message) <= 300
    assert failure.message.isprintable()
    return failure.gate, failure.kind, failure.line, failure.message


def test_analysis_says_what_a_reward_reads_and_holds() -> None:
    analysis = analyse(GOOD, SIGNALS)
    assert analysis.arguments == ("x_velocity", "prev_torso_up", "memory", "action")
    assert analysis.signals == ("x_velocity", "prev_torso_up", "action")
    assert analysis.parameters == {"w": 1.0, "cost": -0.5, "power": 2.0}
    assert analysis.takes_memory
    assert analysis.memory == {"best": 0.0, "steps": -1.0}
    assert analysis.source == GOOD
    assert analysis.reward_id == reward_id(GOOD)


@pytest.mark.parametrize(
    "source",
    [
        function(PAIR, "x_velocity, terminated, observation, *, w=1"),
        function(PAIR, "x_velocity, /, action"),
        function(PAIR, "x_velocity: np.ndarray, action: np.ndarray"),
        function("total = sum([x_velocity])\nreturn total, dict(a=total)"),
        function("out = helper(x_velocity)\nreturn out", top="import numpy as np\ndef helper(v):\n    return v, {}\n"),
        function("f = lambda v: v * 2\ntotal = f(x_velocity)\ncomponents = {}\nreturn total, components"),
        function("with np.errstate(all='ignore'):\n    total = x_velocity\nreturn total, {}"),
        function("x_velocity = x_velocity.copy()\nx_velocity += 1\n" + PAIR),
        function("buffer = np.zeros(3)\nbuffer[0] = SCALE[0]\nlist_ = []\nlist_.append(1)\n" + PAIR,
                 top="import numpy as np\nSCALE = np.array([1.0, 2.0])\nNAMES = [f'a{i}' for i in range(3)]\n"),
        function("try:\n    a = 1.0\nexcept ValueError:\n    a = 2.0\nreturn a * x_velocity, {}"),
        function("return exp(x_velocity), {'a': linalg.norm(action, axis=1) * pi}",
                 top="from math import pi\nfrom numpy import exp, linalg\n"),
        function("for i in range(2):\n    total = i * x_velocity\nreturn total, {}"),
        function("return np.sort(action, axis=1)[:, 0] + np.add(x_velocity, 1), {}"),
        function("total, parts = x_velocity, {}\nreturn total, parts"),
        function("import math\nreturn x_velocity * math.pi, {}", top=""),
        '"""Doc."""\nfrom __future__ import annotations\n' + function(PAIR, top="") ,
        function("max = 3\nreturn x_velocity * max, {}"),
        GOOD.replace('np.maximum(memory["best"]', 'np.maximum(memory.get("best")'),
    ],
)  # fmt: skip
def test_honest_code_is_let_through(source: str) -> None:
    analyse(source, SIGNALS)


@pytest.mark.parametrize(
    ("source", "kind", "line", "words"),
    [
        ("def compute_reward(:\n  pass", "syntax", 1, "does not parse"),
        ("x = " + "(" * 5000 + ")" * 5000, "syntax", None, ""),
        ("x = " + "-" * 30000 + "1", "syntax", None, "nested"),
        ("x = " + "[" * 90 + "]" * 90 + ".a" * 20000, "syntax", None, "nested"),
        ("x = 1 # \0", "syntax", 1, "U+0000"),
        ("x = 1\n# \x1b[2J\n", "syntax", 2, "line 2 holds the control character U+001B"),
        ("x = 1\n'\x9b'\n", "syntax", 2, "U+009B"),
        ("x = 1\r# overwritten\n", "syntax", 1, "U+000D"),
        ("x = " + "9" * 5000, "syntax", None, ""),
        ("#" * 70_000, "too_large", None, "65536"),
    ],
)
def test_gate_parse(source: str, kind: str, line: int | None, words: str) -> None:
    gate, found, at, message = rejected(source)
    assert (gate, found) == ("parse", kind)
    assert words in message
    assert line is None or at == line


@pytest.mark.parametrize(
    ("source", "kind", "line", "words"),
    [
        ("import numpy as np", "no_function", None, "no function compute_reward"),
        ("def reward(x_velocity):\n    return x_velocity, {}", "no_function", 1, "rename 'reward'"),
        ("class A:\n    def compute_reward(self): pass", "no_function", 1, "class"),
        ("async def compute_reward(x_velocity): pass", "no_function", 1, "async"),
        (function(PAIR, "x_velocty"), "unknown_signal", 2, "'x_velocity'"),
        (function(PAIR, "x_velocity, prev_torso_upp"), "unknown_signal", 2, "'prev_torso_up'"),
        (function(PAIR, "qqq, x_velocity"), "unknown_signal", 2, "signals are action"),
        (function(PAIR, "self, x_velocity"), "unknown_name", 2, "no object"),
        (function(PAIR, "x_velocity, w=1.0"), "signature", 2, "after `*`"),
        (function(PAIR, "x_velocity=None"), "signature", 2, "default"),
        (function(PAIR, "x_velocity, *rest"), "signature", 2, "*rest"),
        (function(PAIR, "x_velocity, **rest"), "signature", 2, "*rest"),
        (function(PAIR, "x_velocity, *, w"), "signature", 2, "w=1.0"),
        (function(PAIR, "x_velocity, *, w=1/3"), "signature", 2, "plain finite number"),
        (function(PAIR, "x_velocity, *, w=True"), "signature", 2, "plain finite number"),
        (function(PAIR, "x_velocity, *, w=1e999"), "signature", 2, "plain finite number"),
        (function(PAIR, "x_velocity, *, w='a'"), "signature", 2, "plain finite number"),
        (function(PAIR, "x_velocity, memory"), "memory", 2, "MEMORY is not declared"),
        (function(PAIR, top='MEMORY = {"a": 0.0}\n'), "memory", 1, "does not take `memory`"),
        (function(PAIR, "x_velocity, memory", top="MEMORY = {}\n"), "memory", 1, "written out"),
        (function(PAIR, "x_velocity, memory", top="MEMORY = {'a': [1]}\n"), "memory", 1, "plain number"),
        (GOOD.replace('np.maximum(memory["best"]', 'np.maximum(memory["bets"]'), "memory", 9, "'best'"),
        (function("total = x_velocity"), "return_value", 2, "returns nothing"),
        (function("total = x_velocity * 2\nreturn total"), "return_value", 4, "one value"),
        (function("return x_velocity, {}, 1"), "return_value", 3, "3 values"),
        (function("return x_velocity, [x_velocity]"), "return_value", 3, "no dict"),
        (function("parts = [x_velocity]\nreturn x_velocity, parts"), "return_value", None, "no dict"),
        (function("return {'a': x_velocity}, x_velocity"), "return_value", 3, "first value"),
        (function("return None"), "return_value", 3, "one value"),
        (function("return self.w * x_velocity, {}"), "unknown_name", 3, "self"),
        (function("return torso_up[:, 2], {}"), "unknown_name", 3, "is a signal: add it"),
        (function("speed = x_velocity\nreturn sped, {}"), "unknown_name", 4, "'speed'"),
        (function("return np.abs(x_velocity), {}", top=""), "unknown_name", 2, "import numpy as np"),
        (function("memory['a'] = 1\n" + PAIR), "unknown_name", 3, "add it to the arguments"),
    ],
)
def test_gate_contract(source: str, kind: str, line: int | None, words: str) -> None:
    gate, found, at, message = rejected(source)
    assert (gate, found) == ("contract", kind), message
    assert words in message
    assert line is None or at == line


@pytest.mark.parametrize(
    ("body", "kind", "words"),
    [
        ("import os", "forbidden_import", "'os'"),
        ("from os import path", "forbidden_import", "'os'"),
        ("from . import a", "forbidden_import", "only numpy and math"),
        ("import scipy.spatial as s", "forbidden_import", "scipy"),
        ("from typing import Dict", "forbidden_import", "typing"),
        ("import numpy.random", "forbidden_name", "random"),
        ("from numpy import f2py", "forbidden_name", "f2py"),
        ("from numpy.ma import core", "forbidden_name", "masked"),
        ("a = np.random.randn(3)", "forbidden_name", "np.random"),
        ("a = np.load('x')", "forbidden_name", "files"),
        ("a = np.fromfile('x')", "forbidden_name", "files"),
        ("a = np.ma.core.builtins", "forbidden_name", "np.ma"),
        ("a = np.ctypeslib.x", "forbidden_name", "array functions"),
        ("a = np._core", "forbidden_name", "internal"),
        ("x_velocity.tofile('x')", "forbidden_name", "tofile"),
        ("a = x_velocity.__class__", "forbidden_name", "__class__"),
        ("a = __builtins__", "forbidden_name", "__builtins__"),
        ("a = open('x')", "forbidden_name", "`open`"),
        ("a = eval('1')", "forbidden_name", "`eval`"),
        ("exec('a = 1')", "forbidden_name", "`exec`"),
        ("a = getattr(np, 'load')", "forbidden_name", "`getattr`"),
        ("a = id(x_velocity)", "forbidden_name", "`id`"),
        ("print(x_velocity)", "forbidden_name", "component"),
        ("while True: pass", "forbidden_construct", "`while`"),
        ("class A: pass", "forbidden_construct", "classes"),
        ("global a\na = 1", "forbidden_construct", "`memory`"),
        ("def f():\n    nonlocal x_velocity\n    x_velocity = 1", "forbidden_construct", "`nonlocal`"),
        ("try: a = 1\nexcept: a = 2", "forbidden_construct", "hides faults"),
        ("try: a = 1\nexcept Exception: a = 2", "forbidden_construct", "hides faults"),
        ("def f(a=[]): return a", "forbidden_construct", "keep state"),
        ("STATE['n'] = 1", "forbidden_construct", "'STATE'"),
        ("STATE.update(n=1)", "forbidden_construct", "'STATE'"),
        ("del STATE['n']", "forbidden_construct", "'STATE'"),
        ("compute_reward.n = 1", "forbidden_construct", "'compute_reward'"),
        ("f = lambda: STATE.pop('n')", "forbidden_construct", "'STATE'"),
        ("np.add(1, 2, out=TABLE)", "forbidden_construct", "'TABLE'"),
        ("action /= 2.0", "mutates_input", "'action'"),
        ("action[:, 0] = 2.0", "mutates_input", "'action'"),
        ("np.clip(action, -1, 1, out=action)", "mutates_input", "'action'"),
    ],
)
def test_gate_policy(body: str, kind: str, words: str) -> None:
    top = "import numpy as np\nSTATE = {'n': 0}\nTABLE = np.zeros(3)\n"
    gate, found, line, message = rejected(function(f"{body}\n{PAIR}", top=top))
    assert (gate, found) == ("policy", kind), message
    assert words in message
    assert line is not None
    assert line >= 5


@pytest.mark.parametrize(
    "top",
    ["for i in range(3):\n    pass\n", "X = helper()\ndef helper(): return 1\n", "assert True\n", "X = 1\nX += 1\n"],
)
def test_only_constants_and_functions_stand_at_the_top(top: str) -> None:
    assert rejected(function(PAIR, top=top))[:2] == ("policy", "forbidden_construct")


def test_decorators_are_refused() -> None:
    assert rejected("def d(f): return f\n@d\n" + function(PAIR, top=""))[1] == "forbidden_construct"


def test_a_star_import_is_refused_for_what_it_is() -> None:
    assert rejected(function("return exp(x_velocity), {}", top="from numpy import *\n"))[1] == "forbidden_import"


def test_the_first_fault_by_line_is_told() -> None:
    gate, _, line, _ = rejected(function("import os\nimport sys\n" + PAIR))
    assert (gate, line) == ("policy", 3)


def test_id_ignores_comments_docstrings_and_formatting_but_not_parameters() -> None:
    same = GOOD.replace('    """Run."""\n', "    # run\n\n").replace("w * x_velocity", "(w  *  x_velocity)")
    assert same != GOOD
    assert reward_id(same) == reward_id(GOOD)
    assert reward_id(GOOD.replace("w=1.0", "w=1.5")) != reward_id(GOOD)
    assert len(reward_id(GOOD)) == 12
    assert "Run." not in normalise(GOOD)
    assert normalise(normalise(GOOD)) == normalise(GOOD)


def test_a_function_of_nothing_but_text_stays_a_function() -> None:
    assert "pass" in normalise("def f():\n    'only text'\n")


SCORE = """
import numpy as np


def score(x_velocity, dt, horizon, terminated):
    return float(x_velocity.sum() * dt / horizon)


def success(torso_up, x_velocity):
    return bool(x_velocity.mean() > 1.0)


def sparse(x_velocity):
    return x_velocity, {"forward": x_velocity}
"""


def test_score_rule() -> None:
    analysis = analyse_score(SCORE, SIGNALS)
    assert analysis.signals == ("x_velocity", "torso_up")
    assert analysis.rules == {
        "score": ("x_velocity", "dt", "horizon", "terminated"),
        "success": ("torso_up", "x_velocity"),
    }
    assert analysis.success
    assert analysis.sparse is not None
    assert analysis.sparse.signals == ("x_velocity",)


def test_score_rule_without_the_optional_parts() -> None:
    analysis = analyse_score(SCORE.split("def success")[0], SIGNALS)
    assert not analysis.success
    assert analysis.sparse is None


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("def score", "def scores", "rename 'scores'"),
        ("score(x_velocity", "score(x_velocty", "'x_velocity'"),
        ("score(x_velocity", "score(prev_x_velocity", "no signal"),
        ("import numpy as np", "import os", "'os'"),
        ("return x_velocity, {", "return [x_velocity, {", "parse"),
        ('return x_velocity, {"forward": x_velocity}', "return x_velocity * 2", "one value"),
    ],
)
def test_a_wrong_score_rule_is_an_error_that_names_the_place(old: str, new: str, words: str) -> None:
    with pytest.raises(ScoreRuleError, match="score rule") as caught:
        analyse_score(SCORE.replace(old, new), SIGNALS)
    assert words in caught.value.message
    assert "line" in caught.value.message
    assert caught.value.hint
