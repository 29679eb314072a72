"""The built wheel, in an environment that does not know this checkout, from an empty folder."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("dist")
    line = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), str(ROOT)]
    done = subprocess.run(line, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    (found,) = out.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def installed(wheel: Path) -> Iterator[Path]:
    """The command in a fresh environment with this one's packages, each file a hard link, and without this checkout.

    The environment lies inside this one, because links need the same file system; a path to this one's packages would
    not do, because the sandbox of the workers shows them their own environment alone.
    """
    with tempfile.TemporaryDirectory(prefix="clean-", dir=sys.prefix) as made:
        folder = Path(made)
        folder.chmod(0o755)  # started as root, workers are other users
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", made], check=True)
        theirs = Path(sysconfig.get_path("purelib"))
        ours = folder / theirs.relative_to(sys.prefix)
        leave = shutil.ignore_patterns("*.pth", "*rewardsmith*", "pip", "mypy", "litellm", "include", "tests")
        shutil.copytree(theirs, ours, copy_function=os.link, ignore=leave, dirs_exist_ok=True)
        line = [sys.executable, "-m", "pip", "--python", str(folder / "bin" / "python"), "install", "-q", "--no-deps"]
        done = subprocess.run([*line, "--no-index", str(wheel)], capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        yield folder / "bin" / "rewardsmith"


def run(command: Path, *arguments: str, folder: Path) -> str:
    """Standard output of the installed command, run in `folder` with no variable that leads back here."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "REWARDSMITH", "VIRTUAL_ENV"))}
    done = subprocess.run([str(command), *arguments], cwd=folder, env=clean, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_wheel_carries_all_data_and_nothing_else(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    for folder in ("envs", "prompts", "sandboxes"):
        here = {p for p in (ROOT / folder).rglob("*") if p.is_file() and "__pycache__" not in p.parts}
        assert here, folder
        assert {f"rewardsmith/_bundled/{path.relative_to(ROOT)}" for path in here} <= names
    assert {f"rewardsmith/reports/templates/report.{kind}" for kind in ("html.j2", "css")} <= names
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"rewardsmith"}
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert not any("__pycache__" in name for name in names)


def test_the_installed_package_is_not_this_checkout(installed, tmp_path):
    python = installed.with_name("python")
    where = run(python, "-c", "import rewardsmith; print(rewardsmith.__file__)", folder=tmp_path)
    assert Path(where.strip()).is_relative_to(installed.parents[1])


def test_it_finds_its_tasks_from_an_empty_folder(installed, tmp_path):
    names = {task["task"] for task in json.loads(run(installed, "tasks", "--json", folder=tmp_path))}
    assert names == {path.name for path in (ROOT / "envs").iterdir() if (path / "task.toml").is_file()}
    assert list(tmp_path.iterdir()) == []


def test_it_evolves_from_an_empty_folder(installed, tmp_path):
    line = ["evolve", "--env", "cartpole", "--iters", "1", "--k", "1", "--budget", "quick", "--steps", "2k"]
    told = json.loads(run(installed, *line, "--baselines", "none", "--name", "first", "--json", folder=tmp_path))
    assert (told["run"], told["status"], told["best"]["candidate"]) == ("first", "done", "g1c00")
    assert told["best"]["score"]["n"] >= 1
    assert Path(told["best"]["file"]).read_text().count("def compute_reward") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["runs"]
