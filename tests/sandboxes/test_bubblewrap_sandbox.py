from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import textwrap
from pathlib import Path

import pytest
from conformance import PROMISES, SandboxConformance, machine_promises, spec

import rewardsmith
from rewardsmith.errors import IsolationUnavailable
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

    def test_writes_nowhere_but_into_out_and_a_small_tmp(self, folder, tmp_path):
        earlier = tmp_path / "earlier"
        earlier.mkdir()
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

    def test_an_environment_below_tmp_and_reached_through_a_link(self, tmp_path, folder):
        """The interpreter's folders are bound wherever they lie."""
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(tmp_path / "real")], check=True)
        (tmp_path / "named").symlink_to(tmp_path / "real")
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

    @pytest.mark.slow
    def test_the_simulator_and_the_trainer_load(self, folder):
        source = """
            import gymnasium, mujoco, torch, stable_baselines3
            env = gymnasium.make("Hopper-v5")
            env.reset(seed=0)
            stable_baselines3.PPO("MlpPolicy", env, n_steps=64, device="cpu").learn(64)
        """
        assert self.run(folder, source).exit_code == 0, (folder / "log.txt").read_text()
