"""The far side speaks Python 3.8 and needs nothing but what its interpreter brings."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

BACKENDS = Path(__file__).parents[2] / "rewardsmith" / "worker" / "backends"
FAR = ("channel", "memory", "spaces", "recording", "sources", "hosted", "host")
ISAAC = ("tensors", "timing", "isaac_gym", "isaac_lab")
FILES = [BACKENDS / "foreign" / f"{name}.py" for name in FAR] + [BACKENDS / f"{name}.py" for name in ISAAC]
THERE = {"numpy", "gymnasium", "torch", "isaacgym", "isaacgymenvs", "hydra", "isaaclab", "isaaclab_tasks"}
NEWER = {"rewardsmith.export", "rewardsmith.worker.view", "rewardsmith.worker.origins"}
"""Rooms that are used there as far as its Python can."""


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_it_is_python_3_8(file: Path) -> None:
    tree = ast.parse(file.read_text(), feature_version=(3, 8))  # noqa: TID251
    assert any(isinstance(n, ast.ImportFrom) and n.module == "__future__" for n in tree.body), "annotations are text"
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            assert "strict" not in {keyword.arg for keyword in node.keywords}, "zip(strict=...) is of 3.10"
            if isinstance(node.func, ast.Attribute):
                assert node.func.attr not in ("removeprefix", "removesuffix"), "of 3.9"
            if isinstance(node.func, ast.Name) and node.func.id == "isinstance":
                assert not isinstance(node.args[1], ast.BinOp), "X | Y is of 3.10"
        assert not isinstance(node, ast.Match | ast.NamedExpr | ast.TryStar)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_it_imports_what_is_there(file: Path) -> None:
    own = {f"rewardsmith.worker.backends.foreign.{name}" for name in FAR}
    own |= {f"rewardsmith.worker.backends.{name}" for name in ISAAC}
    for node in ast.walk(ast.parse(file.read_text())):  # noqa: TID251
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        names += [str(node.module)] if isinstance(node, ast.ImportFrom) else []
        for name in names:
            first = name.partition(".")[0]
            allowed = first in sys.stdlib_module_names | THERE or name in own
            assert allowed or any(name.startswith(room) for room in NEWER), name
