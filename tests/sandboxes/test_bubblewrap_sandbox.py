from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import textwrap
from pathlib import Path

import pytest
from conformance import PROMISES, SandboxConformance, machine_promises, script, spec

import rewardsmith
from rewardsmith.domain.sandbox import Mount
from rewardsmith.errors import IsolationUnavailable, UsageError
from rewardsmith.sandboxes.identity import can_give_users
from rewardsmith.sandboxes.registry import open_sandbox

pytestmark = pytest.mark.skipif(
    shutil.which("bwrap") is None and not os.environ.get("CI"), reason="bubblewrap is not installed"
)


class TestBubblewrap(SandboxConformance):
    sandbox = "bubblewrap"
    promises = PROMISES - {"memory of all together"} | machine_promises()

    def test_no_shell_and_no_settings(self, folder, tmp_path):
        source = f"""
            for place in ("/etc/passwd", "/usr/bin", "/home", "/sys", {str(tmp_path)!r}, {str(Path.cwd() / "tests")!r}):
                assert not os.path.exists(place), place
            assert sorted(os.listdir(folder)) == ["job.json", "out"]
        """
        assert self.run(folder, source).exit_code == 0, (folder / "log.txt").read_text()

    def test_writes_nowhere_but_into_out_and_a_small_tmp(self, folder, earlier):
        package = Path(rewardsmith.__file__).parent
        source = f"""
            import errno
            for place in (folder / "job.json", folder / "new", Path("/new"), Path(rest[1]) / "new",
                          Path({str(package)!r}) / "new.py", Path({sys.prefix!r}) / "new"):
                try:
                    place.write_text("x")
                except OSError as error:
                    assert error.errno == errno.EROFS, (place, error)
                else:
                    sys.exit(f"wrote {{place}}")
            for place, size in ((Path("/tmp/x"), 80), (Path("/dev/shm/x"), 2)):
                try:
                    place.write_bytes(bytes(size * 2**20))
                except OSError as error:
                    assert error.errno == errno.ENOSPC, (place, error)
                else:
                    sys.exit(f"filled {{place}}")
        """
        assert self.run(folder, source, resume_from=earlier).exit_code == 0, (folder / "log.txt").read_text()

    def test_a_missing_bubblewrap_names_the_fix(self, monkeypatch):
        monkeypatch.setenv("PATH", "/nowhere")
        with pytest.raises(IsolationUnavailable) as caught:
            open_sandbox(spec("bubblewrap")).check()
        assert "apt-get install bubblewrap" in caught.value.hint

    def test_a_refusing_bubblewrap_names_the_fix(self, monkeypatch, tmp_path, folder):
        fake = tmp_path / "bwrap"
        fake.write_text("#!/bin/sh\necho 'bwrap: setting up uid map: Permission denied' >&2\nexit 1\n")
        fake.chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
        with pytest.raises(IsolationUnavailable, match="uid map") as caught:
            open_sandbox(spec("bubblewrap")).check()
        assert "apparmor_restrict_unprivileged_userns" in caught.value.hint
        with pytest.raises(IsolationUnavailable, match="uid map"):
            self.run(folder, "pass")

    def test_an_environment_in_a_closed_home_and_reached_through_a_link(self, tmp_path, folder):
        """The interpreter's folders are bound wherever they lie."""
        home = tmp_path / "home"
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(home / "real")], check=True)
        subprocess.run(["chmod", "-R", "o+rX", str(home / "real")], check=True)
        home.chmod(0o700)
        (tmp_path / "named").symlink_to(home / "real")
        source = f"""
            import sys
            from pathlib import Path
            sys.path += [{str(Path(rewardsmith.__file__).parents[1])!r}, {sysconfig.get_path("purelib")!r}]
            from rewardsmith.domain.sandbox import SandboxSpec
            from rewardsmith.sandboxes.registry import open_sandbox
            worker = (sys.executable, "-c", "import json, ssl, sys; print(sys.prefix)")
            sandbox = open_sandbox(SandboxSpec(name="bubblewrap", kind="bubblewrap"), worker=worker)
            sandbox.check()
            sys.exit(sandbox.run(Path({str(folder)!r})).exit_code)
        """
        python = str(tmp_path / "named" / "bin" / "python")
        subprocess.run([python, "-c", textwrap.dedent(source)], check=True)
        assert (folder / "log.txt").read_text().strip() == str(tmp_path / "named")

    def test_an_environment_that_others_may_not_read_is_refused_where_it_matters(self, tmp_path, monkeypatch):
        closed = tmp_path / "closed"
        closed.mkdir(mode=0o700)
        monkeypatch.setattr(sys, "prefix", str(closed))
        if not can_give_users():
            open_sandbox(spec("bubblewrap")).check()
            return
        with pytest.raises(IsolationUnavailable, match=str(closed)) as caught:
            open_sandbox(spec("bubblewrap")).check()
        assert f"chmod -R o+rX {closed}" in caught.value.hint

    def test_mounts_are_seen_where_they_are_said_to_be(self, folder, tmp_path):
        (data := tmp_path / "data").mkdir()
        (data / "mesh").write_text("m")
        (kept := tmp_path / "kept").mkdir()
        data.chmod(0o755)
        (data / "mesh").chmod(0o644)
        kept.chmod(0o777)
        mounts = (
            Mount(source=str(data), target="/some/where"),
            Mount(source=str(data / "mesh"), target="/tmp/mesh"),
            Mount(source=str(data)),
            Mount(source=str(kept), writable=True),
        )
        source = f"""
            import errno
            for place in ("/some/where/mesh", "/tmp/mesh", {str(data / "mesh")!r}):
                assert Path(place).read_text() == "m"
                try:
                    Path(place).write_text("x")
                except OSError as error:
                    assert error.errno == errno.EROFS, (place, error)
                else:
                    sys.exit(f"wrote {{place}}")
            (Path({str(kept)!r}) / "x").write_text("x")
        """
        sandbox = open_sandbox(spec("bubblewrap").model_copy(update={"mounts": mounts}), worker=script(source))
        sandbox.check()
        assert sandbox.run(folder).exit_code == 0, (folder / "log.txt").read_text()
        assert (kept / "x").read_text() == "x"

    @pytest.mark.parametrize("target", ["/", "/job", "/job/out", "/proc/x", "/dev/shm", "/resume"])
    def test_a_mount_over_its_own_folders_is_refused(self, target, tmp_path):
        mount = Mount(source=str(tmp_path), target=target)
        with pytest.raises(UsageError, match=re.escape(f"at {target}, which is its own")):
            open_sandbox(spec("bubblewrap").model_copy(update={"mounts": (mount,)}))

    def test_a_mount_that_its_workers_could_not_use_is_refused(self, tmp_path):
        (closed := tmp_path / "closed").mkdir()
        for mode, writable, said in ((0o700, False, "may not read"), (0o755, True, "may not write")):
            closed.chmod(mode)
            wanted = spec("bubblewrap").model_copy(update={"mounts": (Mount(source=str(closed), writable=writable),)})
            if can_give_users():
                with pytest.raises(UsageError, match=f"{closed}.*{said}"):
                    open_sandbox(wanted)
            else:
                open_sandbox(wanted)

    @pytest.mark.slow
    def test_the_simulator_and_the_trainer_load(self, folder):
        source = """
            import gymnasium, mujoco, torch, stable_baselines3
            env = gymnasium.make("Hopper-v5")
            env.reset(seed=0)
            stable_baselines3.PPO("MlpPolicy", env, n_steps=64, device="cpu").learn(64)
        """
        assert self.run(folder, source).exit_code == 0, (folder / "log.txt").read_text()
