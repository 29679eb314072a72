"""Which files a survey rests on."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterator
from pathlib import Path

import gymnasium
import pytest

from rewardsmith.worker.origins import origins

ENVIRONMENT = """
from pathlib import Path

from gymnasium.envs.mujoco.hopper_v5 import HopperEnv

from garage import tyres


class Cart(HopperEnv):
    def __init__(self, **kwargs):
        super().__init__(xml_file=str(Path(__file__).with_name("cart.xml")), **kwargs)
        self.grip = tyres.GRIP
"""


@pytest.fixture
def garage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A package of the user's own with an environment, a module that it needs, one that nobody needs, and a model."""
    folder = tmp_path / "garage"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "tyres.py").write_text("GRIP = 1.0\n")
    (folder / "unused.py").write_text("")
    (folder / "cart.py").write_text(ENVIRONMENT)
    model = Path(gymnasium.__file__).parent / "envs" / "mujoco" / "assets" / "hopper.xml"
    (folder / "cart.xml").write_text(model.read_text())
    monkeypatch.syspath_prepend(str(tmp_path))
    yield folder
    for name in [name for name in sys.modules if name.partition(".")[0] == "garage"]:
        del sys.modules[name]


def test_an_environment_of_gymnasiums_changes_with_its_version() -> None:
    env = gymnasium.make("Hopper-v5")
    assert origins(env) == {}
    env.close()


def test_modules_and_model_of_a_package_of_ones_own_are_told(garage: Path) -> None:
    from garage.cart import Cart

    env = gymnasium.wrappers.TimeLimit(Cart(), 10)
    found = origins(env)
    env.close()
    files = [garage / name for name in ("__init__.py", "cart.py", "cart.xml", "tyres.py")]
    assert found == {str(file): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}
