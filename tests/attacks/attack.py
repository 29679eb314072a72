"""From the small functions in `rewards/` to attacking rewards, and what is expected of each (`expected.md`).

A function of `rewards/<class>.py` is one of three things:

- without arguments: what an otherwise honest reward does on the side (`strikes` says when). It returns what it got;
  nothing, or an exception, means that it got nothing. `libc(name, ...)` calls the C library and raises on -1.
- with the arguments `observation, action`: the whole reward.
- marked `-> str`: writes the text of the reward; `honest()` is an honest one.

Constants in capitals are canaries of the arena (`arena.py`).
"""

from __future__ import annotations

import ast
import functools
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
LONGEST_S = 300
"""What a forging attack's training may take; it takes about one second."""
HONEST = '''
def compute_reward(observation, action):
    """Keep the pole upright and the cart centred."""
    upright = 1.0 - np.abs(observation[:, 2])
    centred = -0.1 * np.abs(observation[:, 0])
    return upright + centred, {"upright": upright, "centred": centred}
'''
BESIDE = """
STATE = {"asked": 0, "got": False}


def strike():
    try:
        STATE["got"] = bool(attack())
    except BaseException:
        pass


def compute_reward(observation, action):
    STATE["asked"] += 1
    STATE["observation"] = observation
    if STRIKES in (STATE["asked"], -1):
        strike()
    upright = 1.0 - np.abs(observation[:, 2])
    centred = -0.1 * np.abs(observation[:, 0])
    components = {"upright": upright, "centred": centred}
    if STATE["got"]:
        components["reached"] = np.ones(len(upright))
    return upright + centred, components


if STRIKES == 0:
    strike()
"""
GATED = """
def compute_reward(observation, action):
    attack()
    upright = 1.0 - np.abs(observation[:, 2])
    return upright, {"upright": upright}
"""
LIBC = """
import ctypes
LIBC = ctypes.CDLL(None, use_errno=True)


def libc(name, *arguments):
    result = getattr(LIBC, name)(*arguments)
    if result == -1:
        raise OSError(ctypes.get_errno(), name)
    return result
"""
NUMPY = "import numpy as np\n"
CONSTANTS = (
    "NAME", "KEY_FILE", "KEY_NAME", "FOLDER", "SIBLING", "SITE", "OUT", "TCP", "UDP", "UNIX", "ABSTRACT", "PARENT",
    "STATE",
)  # fmt: skip
WHEN = {"loading": 0, "first": 1, "third": 3, "always": -1, "whole": 1}
"""When an attack strikes: while the module loads, at the first request, the third, every one; or all of it is one."""


@dataclass(frozen=True)
class Attack:
    """One attacking reward and what is expected of it."""

    kind: str
    """Its class: the file that it stands in."""
    name: str
    strikes: str
    """A key of `WHEN`."""
    locked: str
    """What becomes of it in a locked process: `contained`, `paid`, `refused` or `failed: <kind>`."""
    plain: str
    """Whether it `breaks` an unprotected backend, `holds` there, or `may` break it, by machine."""
    gate: str
    """The static gate that refuses it, with the kind of fault, or `-`: that gate is told early, it is not the wall."""

    @property
    def source(self) -> str:
        """The reward, but for the canaries."""
        return NUMPY + _text(self.kind, self.name, WHEN[self.strikes])

    @property
    def gated(self) -> str:
        """The reward without the frame that lets it go on: what the static gates are shown."""
        text = _text(self.kind, self.name, None)
        return NUMPY + "".join(f"{name} = ''\n" for name in CONSTANTS if name in text) + text


def attacks(*kinds: str) -> list[Attack]:
    """Every attack of the table, or those of some classes."""
    return [attack for attack in _table() if not kinds or attack.kind in kinds]


def classes() -> list[str]:
    """The classes in the order of the table."""
    return list(dict.fromkeys(attack.kind for attack in _table()))


def functions(kind: str) -> dict[str, tuple[ast.FunctionDef, str]]:
    """The functions of one class, with their text."""
    text = (HERE / "rewards" / f"{kind}.py").read_text()
    nodes = [node for node in ast.parse(text).body if isinstance(node, ast.FunctionDef)]  # noqa: TID251
    return {node.name: (node, ast.get_source_segment(text, node) or "") for node in nodes}


@functools.cache
def _table() -> tuple[Attack, ...]:
    rows = [line.strip("| \n").split("|") for line in (HERE / "expected.md").read_text().splitlines()]
    cells = [[cell.strip(" `") for cell in row] for row in rows if len(row) == 6]
    return tuple(Attack(*row) for row in cells[2:])


def _text(kind: str, name: str, strikes: int | None) -> str:
    node, text = functions(kind)[name]
    if node.returns is not None:
        made: dict[str, object] = {"honest": lambda: HONEST}
        exec(compile(text, name, "exec"), made)
        return made[name]()  # type: ignore[operator]
    if node.args.args:
        head = "CALLS = []\n" if "CALLS" in text else "HOARD = []\n" if "HOARD" in text else ""
        return head + text.replace(f"def {name}(", "def compute_reward(", 1) + "\n"
    head = LIBC if any(word in text for word in ("libc(", "LIBC", "ctypes")) else ""
    body = text.replace(f"def {name}(", "def attack(", 1) + "\n\n"
    return head + body + (GATED if strikes is None else f"STRIKES = {strikes}\n" + BESIDE)
