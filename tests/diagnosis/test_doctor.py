"""`doctor` on machines from which things were really taken away, and whether `evolve` does as it says."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import jsonschema
import pytest

from rewardsmith.domain.machine import MachineResult
from rewardsmith.isolation import machine, namespaces
from rewardsmith.store.store import Store

WITHOUT = Path(__file__).with_name("without.py")
CHECKOUT = WITHOUT.parents[2]
EVOLVE = ("--env", "cartpole", "--iters", "1", "--k", "1", "--budget", "quick", "--steps", "256", "--baselines", "none")
KEY = "sk-verysecret0123456789"
USER = 12345

needs_lock = pytest.mark.skipif(not machine.inspect().locks, reason="no process can be locked here")
needs_root = pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("unshare"), reason="only root may mount")


@dataclass(frozen=True)
class Place:
    """A machine with something taken away."""

    folder: Path
    before: tuple[str, ...] = ()
    """Command that runs another one there."""
    environ: dict[str, str] = field(default_factory=dict)
    options: tuple[str, ...] = ()
    interpreter: str = sys.executable

    def run(self, command: str, *options: str) -> subprocess.CompletedProcess[str]:
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("REWARDSMITH_", "OPENAI_"))}
        given = () if command == "schema" else self.options
        return subprocess.run(
            [*self.before, self.interpreter, "-m", "rewardsmith", command, *given, *options],
            cwd=self.folder,
            env=clean | {"PYTHONPATH": str(CHECKOUT), "HOME": str(self.folder)} | self.environ,
            capture_output=True,
            text=True,
            check=False,
        )

    def doctor(self) -> MachineResult:
        done = self.run("doctor", "--json")
        assert done.returncode in (0, 3), done.stderr
        found = MachineResult.model_validate_json(done.stdout)
        assert found.ready == (done.returncode == 0)
        return found


@pytest.fixture
def folder() -> Iterator[Path]:
    """An empty folder that every user may enter and write."""
    with tempfile.TemporaryDirectory(prefix="rewardsmith-doctor-") as made:
        Path(made).chmod(0o777)
        yield Path(made)


def without(*things: str) -> tuple[str, ...]:
    return (sys.executable, str(WITHOUT), ",".join(things))


def lacking(found: MachineResult) -> set[str]:
    return {line.name for line in found.checks if line.needed and not line.ok}


def sealed(folder: Path) -> tuple[str, ...]:
    """Run the rest of the line where `folder` is mounted read-only."""
    folder.mkdir(exist_ok=True)
    script = f'mount --bind {folder} {folder}; mount -o remount,bind,ro {folder}; exec "$@"'
    return ("unshare", "-m", "sh", "-ec", script, "sh")


def as_user(folder: Path) -> tuple[str, ...]:
    """Run the rest of the line as an ordinary user, who finds the interpreter even in a home that is closed to him."""
    base = Path(sys.base_prefix).resolve()
    closed = next((place for place in reversed(base.parents) if not place.stat().st_mode & 0o001), None)
    script = f'exec setpriv --reuid {USER} --regid {USER} --clear-groups "$@"'
    if closed is not None:
        inner, kept = closed / base.relative_to(closed).parts[0], folder / "kept"
        kept.mkdir()
        script = (
            f"mount --bind {inner} {kept}; mount -t tmpfs -o mode=755 tmpfs {closed}; mkdir {inner}; "
            f"mount --bind {kept} {inner}; umount {kept}; {script}"
        )
    return ("unshare", "-m", "sh", "-ec", script, "sh")


def path_without_bubblewrap(folder: Path, instead: str = "") -> str:
    """A search path on which `bwrap` is not to be found, or is the shell script `instead`."""
    programs = folder / "programs"
    programs.mkdir()
    for name in ("sh", "chown", "setpriv", "unshare", "mount"):
        if found := shutil.which(name):
            (programs / name).symlink_to(found)
    if instead:
        (programs / "bwrap").write_text(instead)
        (programs / "bwrap").chmod(0o755)
    return str(programs)


APPARMOR = """#!/bin/sh
[ "$1" = --version ] && echo "bubblewrap 0.9.0" && exit
echo "bwrap: setting up uid map: Permission denied" >&2
exit 1
"""


def interpreter_without(folder: Path, *packages: str) -> str:
    """An environment like this one, but for some packages."""
    here = Path(sys.prefix)
    packed = Path(*Path(sysconfig.get_path("purelib")).relative_to(here).parts)
    made = folder / "environment"
    (made / "bin").mkdir(parents=True)
    (made / packed).mkdir(parents=True)
    (made / "bin" / "python").symlink_to(Path(sys.executable).resolve())
    shutil.copy(here / "pyvenv.cfg", made)
    for each in (here / packed).iterdir():
        if each.name.split("-")[0].split(".")[0] not in packages:
            (made / packed / each.name).symlink_to(each)
    return str(made / "bin" / "python")


def with_database(folder: Path, change: Callable[[Path], object]) -> Place:
    Store.open(folder / "runs" / "rewardsmith.db").close()
    change(folder / "runs" / "rewardsmith.db")
    return Place(folder, options=PROCESS)


def make_newer(path: Path) -> None:
    connection = sqlite3.connect(path)
    with connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()


PROCESS = ("--sandbox", "process")
UNSAFE = ("--unsafe-no-sandbox",)
NO_BWRAP: dict[str, Callable[[Path], Place]] = {
    "no bubblewrap": lambda folder: Place(folder, environ={"PATH": path_without_bubblewrap(folder)}),
    "AppArmor": lambda folder: Place(folder, environ={"PATH": path_without_bubblewrap(folder, APPARMOR)}),
}
WALLS: dict[str, Callable[[Path], Place]] = {
    "no Landlock": lambda folder: Place(folder, without("landlock"), options=PROCESS),
    "Landlock is off": lambda folder: Place(folder, without("landlock-off"), options=PROCESS),
    "no seccomp": lambda folder: Place(folder, without("seccomp"), options=PROCESS),
}
DOCKER: dict[str, Callable[[Path], Place]] = {
    "no engine": lambda folder: Place(
        folder, environ={"DOCKER_HOST": f"unix://{folder}/no.sock"}, options=("--sandbox", "docker")
    ),
    "no package docker": lambda folder: Place(
        folder, options=("--sandbox", "docker"), interpreter=interpreter_without(folder, "docker")
    ),
}
STORE: dict[str, Callable[[Path], Place]] = {
    "a damaged database": lambda folder: with_database(folder, lambda path: path.write_bytes(b"no database" * 999)),
    "a newer database": lambda folder: with_database(folder, make_newer),
}
"""What is taken away -> the machine without it, where `evolve` must refuse."""

UNLOCKED = {"reward process", "reward process in a worker"}
if namespaces.unavailable() is None:
    UNLOCKED.add("reward process in namespaces")
LACKING = {
    "no bubblewrap": {"sandbox bubblewrap"},
    "AppArmor": {"sandbox bubblewrap"},
    "no Landlock": {"Landlock", *UNLOCKED},
    "Landlock is off": {"Landlock", *UNLOCKED},
    "no seccomp": {"seccomp", *UNLOCKED},
    "no engine": {"sandbox docker"},
    "no package docker": {"sandbox docker"},
    "a damaged database": {"database"},
    "a newer database": {"database"},
}
EVERYDAY = ["no bubblewrap", "AppArmor", "no engine", "no Landlock"]
REFUSED = NO_BWRAP | WALLS | DOCKER | STORE

STARTED: dict[str, Callable[[Path], Place]] = {
    "all is there": Place,
    "no bubblewrap, but another sandbox": lambda folder: Place(
        folder, environ={"PATH": path_without_bubblewrap(folder), "REWARDSMITH_SANDBOX": "process"}
    ),
    "no Landlock, said aloud": lambda folder: Place(folder, without("landlock"), options=UNSAFE),
    "no seccomp, said aloud": lambda folder: Place(folder, without("seccomp", "landlock"), options=(*UNSAFE, *PROCESS)),
    "no user namespaces, another sandbox": lambda folder: Place(folder, without("namespaces"), options=PROCESS),
    "no engine, another sandbox": lambda folder: Place(folder, environ={"DOCKER_HOST": f"unix://{folder}/no.sock"}),
}
"""What is taken away -> the machine without it, where `evolve` must start all the same."""


@needs_lock
@pytest.mark.parametrize("taken", EVERYDAY)
def test_what_is_taken_away_is_missed_and_nothing_else(folder: Path, taken: str) -> None:
    found = REFUSED[taken](folder).doctor()
    assert lacking(found) == LACKING[taken]
    for line in found.checks:
        assert line.ok or line.remedy or line.name.endswith("_KEY") or line.name == "GPU", line


@needs_lock
def test_it_tells_what_is_here_and_leaves_nothing(folder: Path) -> None:
    place = Place(folder, environ={"OPENAI_API_KEY": KEY}, options=PROCESS)
    done = place.run("doctor")
    assert done.returncode == 0, done.stdout + done.stderr
    assert KEY not in done.stdout + done.stderr
    assert done.stdout.endswith("evolve would start here, its workers in process.\n")
    assert "NOT STOPPED" not in done.stdout
    assert [line.split()[:3] for line in done.stdout.splitlines() if "OPENAI_API_KEY" in line] == [
        ["ok", "OPENAI_API_KEY", "set"]
    ]
    assert not list(folder.iterdir())


@needs_lock
def test_what_is_not_stopped_is_told(folder: Path) -> None:
    """The negative control: with nothing to lock with, and rewards let run all the same, they reach everything."""
    found = STARTED["no seccomp, said aloud"](folder).doctor()
    bare = {attack.attack: attack.stopped for attack in found.attacks if attack.place == "reward"}
    assert len(bare) == 5
    assert not any(bare.values())
    assert any(line.startswith("reward process:") for line in found.warnings)


@needs_lock
def test_the_json_is_what_the_schema_says(folder: Path) -> None:
    place = REFUSED["no bubblewrap"](folder)
    done = place.run("doctor", "--json")
    schema = json.loads(place.run("schema", "doctor").stdout)
    jsonschema.validate(json.loads(done.stdout), schema)
    assert done.returncode == 3
    assert "apt-get install bubblewrap" in json.loads(done.stderr)["error"]["hint"]


def agree(place: Place, *, starts: bool) -> MachineResult:
    """The verdict, which `evolve` must bear out."""
    found = place.doctor()
    done = place.run("evolve", *EVOLVE, "--display", "plain")
    assert (done.returncode == 0) == found.ready, f"{sorted(lacking(found))}\n{done.stdout}\n{done.stderr}"
    assert found.ready == starts
    return found


@needs_lock
@pytest.mark.slow
@pytest.mark.parametrize("taken", [*REFUSED, *STARTED])
def test_evolve_does_as_it_says(folder: Path, taken: str) -> None:
    found = agree((REFUSED | STARTED)[taken](folder), starts=taken in STARTED)
    assert lacking(found) == LACKING.get(taken, set())


@needs_lock
@needs_root
@pytest.mark.slow
def test_evolve_does_as_it_says_where_nothing_can_be_written(folder: Path) -> None:
    found = agree(Place(folder, sealed(folder / "runs"), options=PROCESS), starts=False)
    assert lacking(found) == {"runs folder", "database"}


@needs_lock
@pytest.mark.slow
@pytest.mark.parametrize("broken", [False, True], ids=["absent", "broken"])
def test_evolve_does_as_it_says_without_a_workers_package(folder: Path, broken: bool) -> None:
    place = Place(folder, options=PROCESS, interpreter=interpreter_without(folder, "mujoco"))
    if broken:
        (packages,) = (folder / "environment").glob("lib/*/site-packages")
        (packages / "mujoco.py").write_text("raise ImportError('libGL is of another age')")
    found = agree(place, starts=False)
    assert lacking(found) == ({"mujoco"} if broken else {"sandbox process"})
    said = next(line for line in found.checks if line.needed and not line.ok)
    assert ("libGL" if broken else "mujoco") in said.detail
    assert "rewardsmith[worker]" in said.remedy


@needs_lock
@pytest.mark.slow
def test_evolve_does_as_it_says_without_a_key(folder: Path) -> None:
    assert lacking(agree(Place(folder, options=(*PROCESS, "--model", "openai:gpt-5")), starts=False)) == {"model"}


@needs_lock
@needs_root
@pytest.mark.slow
@pytest.mark.parametrize("away", [(), ("namespaces",), ("landlock",)], ids=",".join)
def test_evolve_does_as_it_says_to_an_ordinary_user(folder: Path, away: tuple[str, ...]) -> None:
    place = Place(folder, (*as_user(folder), *(without(*away) if away else ())))
    found = agree(place, starts=not away and namespaces.unavailable() is None)
    user = next(line for line in found.checks if line.name == "user")
    assert (user.detail, user.warning) == (f"uid {USER}", False)
    if away == ("namespaces",):
        assert lacking(found) == {"sandbox bubblewrap"}
