"""A real run, interrupted by a real Ctrl-C and resumed."""

from __future__ import annotations

import ast
import json
import os
import signal
import subprocess
import sys

import pytest


@pytest.mark.slow
def test_a_run_is_interrupted_cleanly_and_resumed(tmp_path):
    clean = {name: value for name, value in os.environ.items() if not name.startswith("REWARDSMITH_")}
    command = [sys.executable, "-m", "rewardsmith"]
    line = ["evolve", "--env", "cartpole", "--iters", "2", "--k", "2", "--budget", "quick", "--steps", "2k"]
    line += ["--baselines", "none", "--name", "stopped", "--display", "plain", "--json"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen([*command, *line], cwd=tmp_path, env=clean, **pipes) as process:
        assert process.stderr is not None
        for said in process.stderr:
            if "c00: score" in said or "c01: score" in said:
                process.send_signal(signal.SIGINT)
                break
        out, err = process.communicate(timeout=500)
    assert process.returncode == 130, err
    assert json.loads(out)["status"] == "paused"
    error = json.loads(err.splitlines()[-1])["error"]
    assert error["type"] == "Interrupted"
    assert "rewardsmith resume stopped" in error["hint"]
    trained = json.loads(out)["usage"]["trainings"]
    assert trained >= 1
    resumed = subprocess.run([*command, "resume", "stopped", "--json"], cwd=tmp_path, env=clean, capture_output=True)
    assert resumed.returncode == 0, resumed.stderr
    told = json.loads(resumed.stdout)
    assert told["status"] == "done"
    assert told["usage"]["trainings"] > trained
    line = [*command, "export", "stopped", "-o", "out/reward.py"]
    subprocess.run(line, cwd=tmp_path, env=clean, capture_output=True, check=True)
    exported = (tmp_path / "out" / "reward.py").read_text()
    assert "def compute_reward(" in exported
    (tmp_path / "out" / "reward.py").write_text("mine")
    assert subprocess.run(line, cwd=tmp_path, env=clean, capture_output=True).returncode == 2
    assert (tmp_path / "out" / "reward.py").read_text() == "mine"
    subprocess.run([*line, "--overwrite"], cwd=tmp_path, env=clean, capture_output=True, check=True)
    assert (tmp_path / "out" / "reward.py").read_text() == exported
    assert "rewardsmith" not in {name.split(".")[0] for name in imports(exported)}


def imports(source: str) -> set[str]:
    found = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Import | ast.ImportFrom)]  # noqa: TID251
    return {alias.name for n in found if isinstance(n, ast.Import) for alias in n.names} | {
        n.module or "" for n in found if isinstance(n, ast.ImportFrom)
    }
