"""All of it holds for root, for an ordinary user, and for the root of a user namespace, whatever their umask."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest
from conformance import spec

import rewardsmith
from rewardsmith.errors import IsolationUnavailable
from rewardsmith.isolation import lockdown
from rewardsmith.sandboxes.identity import BASE, can_give_users, reachable_by_all
from rewardsmith.sandboxes.profile import interpreter
from rewardsmith.sandboxes.registry import open_sandbox

HERE = Path(__file__).parent
CHECKOUT = Path(rewardsmith.__file__).parents[1]
USER = 54321
BECOME = ("setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups", "--inh-caps=-all", "--bounding-set=-all")
ENVIRONMENT = os.environ | {"PYTHONPATH": f"{CHECKOUT}:{HERE}", "HOME": "/nowhere"}


def passable() -> list[str]:
    """A command line, for root, below which every user may reach the interpreter, though it lie in a closed home."""
    line = ["bwrap", "--dev-bind", "/", "/", "--cap-add", "ALL", "--die-with-parent"]
    for path in interpreter():
        closed = reachable_by_all((path,))
        if closed is None or closed == path:
            continue
        if str(closed) not in line:
            line += ["--perms", "0755", "--tmpfs", str(closed)]
        for parent in reversed(path.parents):
            if parent.is_relative_to(closed) and parent != closed:
                line += ["--perms", "0755", "--dir", str(parent)]
        line += ["--ro-bind", str(path), str(path)]
    return [*line, "--"]


def as_user() -> list[str]:
    return [*passable(), *BECOME] if can_give_users() else []


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder of the ordinary user's, which he can reach."""
    folder = Path(tempfile.mkdtemp(prefix="rewardsmith-test-", dir="/tmp"))
    folder.chmod(0o755)
    if can_give_users():
        os.chown(folder, USER, USER)
    yield folder
    shutil.rmtree(folder)


def test_a_plain_worker_is_a_user_of_its_own_where_files_allow_it(place):
    source = f"""
        import os, sys
        from pathlib import Path
        from conformance import spec, script
        from rewardsmith.sandboxes.registry import open_sandbox
        worker = script("(out / 'user').write_text(str(os.getuid())); (folder / 'new').write_text('x')")
        sandbox = open_sandbox(spec("process"), worker=worker)
        folder = Path({str(place)!r})
        (folder / "job.json").write_text("{{}}")
        sandbox.check()
        print(sandbox.describe())
        print(sandbox.run(folder).exit_code, (folder / "out" / "user").stat().st_uid, *os.listdir(folder))
    """
    command = [*(passable() if can_give_users() else []), sys.executable, "-c", textwrap.dedent(source)]
    done = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    described, ended = done.stdout.splitlines()
    code, owner, *files = ended.split()
    user = int((place / "out" / "user").read_text())
    if can_give_users():
        assert "a user of their own" in described
        assert user > BASE
        assert code == "1", "it may write into out/ alone"
        assert int(owner) == USER, "the owner of the folder has its files"
        assert sorted(files) == ["job.json", "log.txt", "out"]
    else:
        assert "as this user" in described
        assert (user, int(owner), code) == (os.getuid(), os.getuid(), "0")


def test_without_namespaces_it_is_refused_with_reason_and_remedy():
    """As in a container under its engine's filter."""
    source = """
        import sys
        from rewardsmith.isolation import lockdown, worker_filter
        from conformance import spec
        from rewardsmith.errors import IsolationUnavailable
        from rewardsmith.sandboxes.registry import open_sandbox
        lockdown.install(worker_filter.filter_program(lockdown.machine(), families=(1, 2, 10, 16), namespaces=False))
        open_sandbox(spec("process")).check()
        try:
            open_sandbox(spec("bubblewrap")).check()
        except IsolationUnavailable as error:
            print(error.message, error.hint)
    """
    command = [sys.executable, "-c", textwrap.dedent(source)]
    for before in ((), as_user()):
        done = subprocess.run([*before, *command], env=ENVIRONMENT, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        assert "bubblewrap cannot set up the sandbox" in done.stdout
        assert "--sandbox process" in done.stdout


def test_without_a_table_of_calls_bubblewrap_is_refused(monkeypatch):
    monkeypatch.setattr(lockdown, "CALLS", {"sparc": {}})
    with pytest.raises(lockdown.LockdownError, match="no table of system calls"):
        lockdown.machine()
    with pytest.raises(IsolationUnavailable, match="cannot be filtered here"):
        open_sandbox(spec("bubblewrap")).check()
    assert "with the network (no seccomp)" in open_sandbox(spec("process")).describe()


CONFORMANCE = [f"{HERE}/test_{kind}_sandbox.py" for kind in ("bubblewrap", "process")]
PYTEST = [sys.executable, "-m", "pytest", "-p", "no:xdist", "-m", "not slow", *CONFORMANCE]


@pytest.mark.slow
@pytest.mark.parametrize("who", ["user", "root of a user namespace", "this user, umask 077"])
def test_every_sandbox_conforms_for(who, place):
    before = {
        "user": as_user(),
        "root of a user namespace": [*as_user(), "unshare", "--map-root-user"],
        "this user, umask 077": ["sh", "-c", 'umask 077; exec "$@"', "sh"],
    }[who]
    command = [*before, *PYTEST, f"--basetemp={place / 'pytest'}"]
    done = subprocess.run(command, cwd=CHECKOUT, env=ENVIRONMENT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]


@pytest.mark.slow
def test_an_ordinary_user_trains(place):
    command = [*as_user(), sys.executable, "-m", "rewardsmith", "train", "human", "--env", "cartpole", "--json"]
    command += ["--budget", "quick", "--sandbox", "bubblewrap", "--runs-dir", str(place / "runs")]
    done = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    owner = USER if can_give_users() else os.getuid()
    assert {path.lstat().st_uid for path in (place / "runs").rglob("*")} == {owner}
