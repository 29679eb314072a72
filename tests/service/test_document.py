"""The commands of the document run as they stand there."""

from __future__ import annotations

import importlib.util
import re
import subprocess
from pathlib import Path

import pytest
from service_server import PATIENCE_S

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "service.md"


@pytest.mark.slow
def test_the_documented_commands_run(start, tmp_path):
    server = start()
    port = str(server.client.base_url.port)
    blocks = re.findall(r"```sh\n(curl .*?)```", DOCUMENT.read_text(), re.S)
    assert len(blocks) == 1
    script = "set -eux\n" + blocks[0].replace(":8080", f":{port}").replace("curl -s", "curl --fail -s")
    done = subprocess.run(["bash", "-c", script], cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE_S)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith('{"id":"balance","status":"queued"}')
    assert '"status":"done"' in done.stdout
    spec = importlib.util.spec_from_file_location("documented_reward", tmp_path / "reward.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert callable(module.compute_reward)
    assert "balance" in (tmp_path / "report.html").read_text()


def test_every_path_is_documented(server):
    text = DOCUMENT.read_text()
    for path in server.client.get("/openapi.json").json()["paths"]:
        short = path.removeprefix("/v1/runs/{run}").replace("/candidates/{candidate}", "/candidates/{g1c00}")
        assert short in text or f"...{short}" in text, path
