"""The negative control: a trainer as many write one. It runs the candidate in itself and believes what comes out."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from arena import requests

from rewardsmith.domain.job import RewardLimits

TRAINER = """
import json, pathlib, sys
import numpy as np

folder = pathlib.Path(sys.argv[1])
module, result = {}, {}
try:
    exec((folder / "reward.py").read_text(), module)
    result["paid"] = []
    for given in np.load(folder / "requests.npz").values():
        observation, action = given[:, :4], given[:, 4].astype(np.int64)
        total, components = module["compute_reward"](observation, action)
        named = {str(name): np.asarray(value, dtype=float).tolist() for name, value in components.items()}
        result["paid"].append([np.asarray(total, dtype=float).tolist(), named])
except Exception as error:
    result["failed"] = f"{type(error).__name__}: {error}"
(folder / "result.json").write_text(json.dumps(result))
"""
PATIENCE_S = 1.5
"""What a hanging trainer gets on top of a request's wall clock before a person would stop it."""


def breaks(outcome: str, expected: str) -> bool:
    """Whether an attack got what it wanted: its prey, the trainer, time, somebody's attention, or a false mark."""
    became, *marks = outcome.split(", ")
    accepted = expected.startswith("failed") and became == "paid"
    return became in {"reached", "trainer lost", "hung"} or bool(marks) or accepted


class Unprotected:
    """Judges sources by running each in a trainer of its own, with what everybody has: files, network, the key."""

    def __init__(self, honest: str) -> None:
        self._honest = None
        outcome, _ = self(honest, RewardLimits())
        assert outcome == "paid"
        self._honest = self._paid

    def __call__(self, source: str, limits: RewardLimits) -> tuple[str, str]:
        """`contained` where the honest reward is paid the same."""
        with tempfile.TemporaryDirectory() as name, Path(__file__).open() as left_open:
            folder = Path(name)
            (folder / "reward.py").write_text(source, errors="surrogatepass")
            np.savez(folder / "requests.npz", *map(_table, requests()))
            trainer = subprocess.Popen(
                [sys.executable, "-c", TRAINER, name],
                cwd=folder,
                env=os.environ | {"OPENBLAS_NUM_THREADS": "1"},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                pass_fds=(left_open.fileno(),),
            )
            try:
                said = trainer.communicate(timeout=limits.seconds + PATIENCE_S)[0].decode(errors="replace")
            except subprocess.TimeoutExpired:
                trainer.kill()
                trainer.communicate()
                return "hung", ""
            result: dict[str, Any] = {}
            with contextlib.suppress(OSError, ValueError):
                result = json.loads((folder / "result.json").read_text())
        return self._judged(result, said)

    def _judged(self, result: dict[str, Any], said: str) -> tuple[str, str]:
        if "failed" in result:
            return "failed: exception", result["failed"]
        if "paid" not in result:
            return "trainer lost", said
        self._paid = result["paid"]
        said += " ".join(name for _, components in result["paid"] for name in components)
        if "reached" in result["paid"][-1][1]:
            return "reached", said
        return ("contained" if result["paid"] == self._honest else "paid"), said


def _table(request: tuple[dict[str, Any], Any]) -> Any:
    """One request as rows: four numbers of the observation, then the action."""
    arrays, _ = request
    return np.column_stack([arrays["observation"].reshape(-1, 4), arrays["action"].ravel()])
