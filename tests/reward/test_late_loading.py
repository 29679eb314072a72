"""After the lock no file opens, so no numpy function that a reward may use may load a module on first use."""

import json
import subprocess
import sys

import pytest

from rewardsmith.isolation.namespaces import library
from rewardsmith.reward import server
from rewardsmith.reward.policy import NUMPY

SWEEP = r"""
import json, sys, warnings
import numpy as np, numpy.fft
warnings.simplefilter("ignore")
refused, masked = json.loads(sys.argv[1])
square, cube = np.eye(3), np.linspace(0.1, 1.0, 12).reshape(4, 3)
tries = [(cube,), (cube, cube), (cube, 1), (cube, cube, cube), (cube[0], cube[0]), (cube, 50), (square,),
         (square, cube[0]), ("ij->j", cube), (cube > 0, cube, cube), (3,), ((3, 3),), ([cube, cube],),
         (cube, (3, 4)), (cube, 0.5)]
for module, prefix in ((np, ""), (np.linalg, "linalg."), (np.fft, "fft.")):
    for name in sorted(dir(module)):
        if name.startswith("_") or name in refused or not callable(getattr(module, name)):
            continue
        before = set(sys.modules)
        for arguments in tries:
            try:
                getattr(module, name)(*arguments)
            except Exception:
                pass
        late = sorted(set(sys.modules) - before)
        for loaded in late:
            del sys.modules[loaded]
        vars(np).pop("ma", None)
        if late and not any(word in name for word in masked):
            print(prefix + name, late)
print("swept")
"""


@pytest.mark.slow
def test_no_allowed_function_loads_a_module_late() -> None:
    lists = json.dumps([sorted(NUMPY), sorted(server.MASKED)])
    program = f"import sys; sys.path.append({str(library())!r})\n{SWEEP}"
    done = subprocess.run([sys.executable, "-I", "-S", "-c", program, lists], capture_output=True, text=True)
    said = [line for line in done.stdout.splitlines() if line.strip() and "On entry to" not in line]
    assert said == ["swept"], done.stderr
