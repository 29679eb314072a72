"""What the rewards of motions are computed with; their text is carried into each reward, so that it stands alone.

Norms are those of MuJoCo MPC (https://github.com/google-deepmind/mujoco_mpc, `mjpc/norm.cc`), which L2R runs on.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterable
from functools import cache

import numpy as np
import numpy.typing as npt

from rewardsmith.syntax import syntax_tree

Rows = npt.NDArray[np.float64]


def smooth(residual: Rows, softness: float) -> Rows:
    """Smooth absolute value, sqrt(r^2 + p^2) - p; shape (N,)."""
    return np.asarray(np.hypot(residual, softness) - softness)


def length(residual: Rows, softness: float) -> Rows:
    """The same of a vector's length; shape (N, d) to (N,)."""
    return np.asarray(np.hypot(np.linalg.norm(residual, axis=1), softness) - softness)


def quadratic(residual: Rows) -> Rows:
    """Half the squared length; shape (N, d) to (N,)."""
    return np.asarray(0.5 * np.square(residual).sum(axis=1))


def stacked(*columns: Rows) -> Rows:
    """Columns of shape (N,) as one array (N, d)."""
    return np.stack(columns, axis=1)


def rotated(quaternion: Rows, vector: tuple[float, float, float]) -> Rows:
    """A fixed vector of a body's frame in world axes; quaternion (w, x, y, z), shape (N, 4) to (N, 3)."""
    real, axis, (x, y, z) = quaternion[:, :1], quaternion[:, 1:], vector
    along = (axis @ np.array(vector))[:, None]
    across = axis @ np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    return np.asarray((2.0 * real * real - 1.0) * np.array(vector) + 2.0 * (axis * along + real * across))


def wrapped(angle: Rows) -> Rows:
    """The same angle between -pi and pi."""
    return np.arctan2(np.sin(angle), np.cos(angle))


def facing_of(front: Rows) -> Rows:
    """A direction on the ground as unit vectors, (N, 3) to (N, 2); along x where it points straight up or down."""
    size = np.hypot(front[:, :1], front[:, 1:2])
    return np.where(size > 1e-6, front[:, :2] / np.maximum(size, 1e-6), np.array([1.0, 0.0]))


def ahead(vector: Rows, facing: Rows) -> Rows:
    """The part of a vector that points where the robot faces; shapes (N, 3) and (N, 2) to (N,)."""
    return vector[:, 0] * facing[:, 0] + vector[:, 1] * facing[:, 1]


def aside(vector: Rows, facing: Rows) -> Rows:
    """The part of a vector that points to the robot's left."""
    return vector[:, 1] * facing[:, 0] - vector[:, 0] * facing[:, 1]


def flight(phase: Rows, air: float) -> Rows:
    """How far a foot is through its flight, 0 to 1, while the cycle's phase is below `air`; else 0."""
    return np.where(phase < air, phase / max(air, 1e-6), 0.0)


def swing(phase: Rows, air: float) -> Rows:
    """Where a foot is between back (-1) and front (1): forward in flight, back again on the ground."""
    grounded = (phase - air) / max(1.0 - air, 1e-6)
    return np.where(phase < air, 2.0 * phase / max(air, 1e-6) - 1.0, 1.0 - 2.0 * grounded)


@cache
def _functions() -> dict[str, ast.FunctionDef]:
    """Those that a reward may carry, by name, without their annotations."""
    found = {}
    for each in (smooth, length, quadratic, stacked, rotated, wrapped, facing_of, ahead, aside, flight, swing):
        node = syntax_tree(inspect.getsource(each)).body[0]
        assert isinstance(node, ast.FunctionDef)
        node.returns = None
        for argument in [*node.args.args, node.args.vararg]:
            if argument is not None:
                argument.annotation = None
        found[node.name] = node
    return found


def known() -> frozenset[str]:
    """Names of the functions that a reward may carry."""
    return frozenset(_functions())


def carried(names: Iterable[str]) -> str:
    """The text of these functions and of those that they call, each once, in the order of this module."""
    wanted, functions = set[str](), _functions()
    queue = list(names)
    while queue:
        name = queue.pop()
        if name not in wanted:
            wanted.add(name)
            queue += [n.id for n in ast.walk(functions[name]) if isinstance(n, ast.Name) and n.id in functions]
    return "\n\n\n".join(ast.unparse(node) for name, node in functions.items() if name in wanted)
