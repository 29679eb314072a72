from __future__ import annotations

import importlib.util
import re
import subprocess
import tomllib
from pathlib import Path
from types import ModuleType

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]


def script(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / "scripts" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def modules(folder: Path, *lines: int) -> Path:
    for index, count in enumerate(lines):
        (folder / f"m{index}.py").write_text("x = 1\n" * count)
    (folder / "__init__.py").write_text('"""Empty."""\n')
    return folder


@pytest.mark.parametrize(
    ("lines", "code", "says"),
    [
        ((100, 100, 300), 0, "3 modules, median 100"),
        ((100, 100, 301), 0, "warning"),
        ((100, 100, 401), 1, "error"),
        ((130, 130, 130), 1, "median module has 130"),
        ((), 1, "no modules"),
    ],
)
def test_module_sizes(tmp_path, capsys, lines, code, says):
    folder = tmp_path / "package"
    folder.mkdir()
    if lines:
        modules(folder, *lines)
    assert script("check_module_sizes").main(folder) == code
    assert says in capsys.readouterr().out


STALE = "before\n\n<!-- output of: rewardsmith --version -->\n```text\nold\n```\n\nafter\n"


def check(document: Path, *, write: bool = False) -> tuple[int, int]:
    checking = script("check_docs")
    return checking.check([document], lambda command: f"printed by {command}\n", write=write)


def test_a_stale_document_is_found_and_rewritten(tmp_path, capsys):
    document = tmp_path / "page.md"
    document.write_text(STALE)
    assert check(document) == (1, 1)
    assert "-old" in capsys.readouterr().out
    assert check(document, write=True) == (1, 0)
    assert document.read_text() == STALE.replace("old", "printed by rewardsmith --version")
    assert check(document) == (1, 0)


def test_a_mark_without_a_fence_is_an_error(tmp_path):
    document = tmp_path / "page.md"
    document.write_text("<!-- output of: rewardsmith --version -->\nno fence\n")
    assert check(document) == (0, 1)


def test_only_commands_of_rewardsmith_are_run():
    with pytest.raises(ValueError, match="no command of rewardsmith"):
        script("check_docs").output("rm -rf /", ROOT)


def test_the_documented_command_really_runs():
    assert re.fullmatch(r"rewardsmith \d+\.\d+\.\d+\n", script("check_docs").output("rewardsmith --version", ROOT))


def test_every_dependency_is_pinned_within_its_range():
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pinned = {
        canonicalize_name(Requirement(line).name): Requirement(line) for line in lines if not line.startswith("#")
    }
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = [r for each in project["optional-dependencies"].values() for r in each if not r.startswith("rewardsmith[")]
    wanted = [Requirement(line) for line in [*project["dependencies"], *extras]]
    assert len(wanted) > 20
    for requirement in wanted:
        (specifier,) = pinned[canonicalize_name(requirement.name)].specifier
        assert specifier.operator == "=="
        assert requirement.specifier.contains(specifier.version), requirement


def test_the_workers_image_is_pinned_like_everything_else(monkeypatch):
    monkeypatch.setattr("sys.argv", ["worker_requirements.py", "--check"])
    requirements = script("worker_requirements")
    assert requirements.main() == 0, "run scripts/worker_requirements.py"
    names = {Requirement(line).name for line in requirements.text().splitlines() if not line.startswith("#")}
    assert {"torch", "mujoco", "stable_baselines3", "sb3_contrib", "numpy", "pydantic"} <= names
    assert not names & {"SQLAlchemy", "openai", "litellm", "docker", "pytest"}


@pytest.mark.parametrize("name", ["scripts/install.sh", ".ci/run"])
def test_shell_scripts_parse_and_may_run(name):
    subprocess.run(["bash", "-n", str(ROOT / name)], check=True)
    assert (ROOT / name).stat().st_mode & 0o111


def test_the_makefile_knows_its_targets():
    for target in ("install", "demo", "test", "test-slow", "images", "check", "docs", "wheel"):
        done = subprocess.run(["make", "-n", "-C", str(ROOT), target], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr


def test_the_demo_installs_what_it_needs_and_nothing_of_the_tests():
    done = subprocess.run(["make", "-n", "-B", "-C", str(ROOT), "demo"], capture_output=True, text=True, check=True)
    assert "scripts/install.sh .venv demo" in done.stdout
    script = (ROOT / "scripts/install.sh").read_text()
    (extras,) = re.findall(r"demo\) extras=(\S+)", script)
    known = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert set(extras.split(",")) <= set(known) - {"dev"}
    for package in ("docker.io", "postgresql", "chromium"):
        (line,) = [line for line in script.splitlines() if f"from_apt {package} " in line]
        before = script[: script.index(line)].splitlines()
        assert next(each for each in reversed(before) if each.startswith("if ")).startswith("if for_tests ")


def test_an_install_of_who_knows_what_is_refused(tmp_path):
    done = subprocess.run(
        [str(ROOT / "scripts/install.sh"), str(tmp_path / "venv"), "demoo"], capture_output=True, text=True
    )
    assert done.returncode == 2
    assert "neither demo nor dev" in done.stderr
    assert not (tmp_path / "venv").exists()


def test_no_file_of_the_packaging_names_a_package_index():
    images = ("Dockerfile", "sandboxes/docker/Dockerfile", "sandboxes/docker/requirements.txt")
    for name in ("Makefile", "constraints.txt", *images, "scripts/install.sh", ".ci/run", "pyproject.toml"):
        assert not re.search(r"https?://|index-url=\S", (ROOT / name).read_text()), name


@pytest.mark.parametrize("name", ["Dockerfile", "sandboxes/docker/Dockerfile"])
def test_the_image_is_not_run_as_root_and_takes_any_base(name):
    text = (ROOT / name).read_text()
    users = re.findall(r"^USER (\S+)", text, re.M)
    assert users
    assert users[-1].split(":")[0] not in {"0", "root"}
    assert "FROM ${BASE_IMAGE}" in text
    copied = {
        line.removeprefix("!") for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")
    }
    assert {"rewardsmith", "envs", "prompts", "sandboxes", "pyproject.toml", "constraints.txt"} <= copied
