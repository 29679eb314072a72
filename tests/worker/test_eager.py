from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from .conftest import make_job, make_task

_LOADED = """
import json, sys
from rewardsmith.worker.eager import leave_compiler_out
leave_compiler_out()
from rewardsmith.worker.__main__ import main
code = main([sys.argv[1]])
before = bool({{"torch._inductor", "torch._decomp"}} & sys.modules.keys())
import torch
{then}
print(json.dumps([code, before, "torch._inductor" in sys.modules]))
"""


def told(tmp_path: Path, then: str = "") -> list[object]:
    (tmp_path / "job.json").write_text(make_job(make_task(), steps=128, rungs=1).model_dump_json())
    command = [sys.executable, "-W", "error::DeprecationWarning:rewardsmith", "-c", _LOADED.format(then=then)]
    done = subprocess.run([*command, str(tmp_path)], capture_output=True, text=True, timeout=500, check=True)
    found: list[object] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_a_training_never_loads_the_compiler(tmp_path: Path) -> None:
    assert told(tmp_path) == [0, False, False]


def test_whoever_asks_for_the_compiler_gets_it(tmp_path: Path) -> None:
    doubled = "assert torch.compile(lambda x: (2 * x).cumsum(0), backend='aot_eager')(torch.ones(2)).tolist() == [2, 4]"
    assert told(tmp_path, doubled) == [0, False, True]
    reset = "import torch._dynamo.config; torch._dynamo.reset()"
    assert told(tmp_path, reset)[:2] == [0, False]
