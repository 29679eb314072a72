"""Everything that only a GPU can show, one after the other, within minutes; each step a process of its own.

    scripts/gpu_walk.sh                                        on a machine with a GPU: installs what it lacks
    python -m benchmarks.gpu_walk --device cpu --worlds 16     the same way, without one

The most telling steps come first; one that there is no time left for is skipped and said. What a step prints goes to
`--out` and to the end of what is printed here.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

from rewardsmith.catalogue.folders import find_folders
from rewardsmith.catalogue.tasks import load_task
from rewardsmith.domain.task import Task

ROOT = Path(__file__).resolve().parents[1]
DEVICE = "REWARDSMITH_TEST_DEVICE"
"""Tells the tests of MuJoCo Warp where its worlds are."""
_LINES = 40
_MANY = 4096
"""Worlds that take far more than what a process has spare."""


def steps(options: argparse.Namespace, out: Path) -> dict[str, list[str]]:
    """Commands by name."""
    python, device, worlds = sys.executable, options.device, str(options.worlds)
    many = str(max(options.worlds, _MANY))
    module = [python, "-m", "benchmarks.gpu_walk", "--env", options.env, "--device", device, "--worlds", many]
    rate = [python, "-m", "benchmarks.gpu", "--env", options.env, "--device", device, "--worlds", worlds]
    cli = [python, "-m", "rewardsmith"]
    box = ["--sandbox", options.sandbox] if options.sandbox else []
    box += ["--unsafe-no-sandbox"] if options.unsafe else []
    tests = ["-m", "pytest", "-q", "-p", "no:cacheprovider", "--timeout", "0", "-n", "0"]
    evolve = ["--env", options.env, "--backend", "warp", "--device", device, "--worlds", worlds, "--model", "offline"]
    evolve += ["--budget", "quick", "--steps", str(options.steps), "--iters", "1", "--k", "2", "--baselines", "none"]
    return {
        "doctor": [*cli, "doctor", *box],
        "rate": [*rate, "--rollouts", str(options.rollouts), "--packed", "2"],
        "conformance, ant": [python, *tests, "tests/tasks/test_warp_equals_gymnasium.py", "-m", "not slow"],
        "evolve": [*cli, "evolve", *evolve, *box, "--runs-dir", str(out / "runs")],
        "too little memory": [*module, "--scarce"],
        "conformance, every task": [python, *tests, "tests/tasks/test_warp_equals_gymnasium.py", "-m", "slow"],
    }


def walk(options: argparse.Namespace, out: Path) -> int:
    """Take the steps; how many failed."""
    deadline = time.monotonic() + 60 * options.minutes
    environment = os.environ | {DEVICE: options.device}
    told: list[str] = []
    failed = 0
    for name, command in steps(options, out).items():
        left = deadline - time.monotonic()
        if options.only and name not in options.only:
            continue
        if left < 30:
            told.append(f"| {name} | skipped: no time left | |")
            continue
        log, began = out / f"{name.replace(' ', '-').replace(',', '')}.log", time.monotonic()
        print(f"== {name}: {' '.join(command)}", flush=True)
        with log.open("w") as file:
            try:
                code = subprocess.run(
                    command, cwd=ROOT, env=environment, stdout=file, stderr=subprocess.STDOUT, timeout=left, check=False
                ).returncode
            except subprocess.TimeoutExpired:
                code = 124
        print("\n".join(log.read_text(errors="replace").splitlines()[-_LINES:]), flush=True)
        failed += code != 0
        how = {0: "done", 124: "no time left"}.get(code, f"exit code {code}")
        told.append(f"| {name} | {how} | {time.monotonic() - began:.0f} s |")
    print("\n".join(["", "| step | | wall clock |", "|---|---|---|", *told]), flush=True)
    return failed


def scarce(env: str, device: str, worlds: int) -> None:
    """See in another process what the worlds take, then open them with room for less than half of that."""
    from rewardsmith.worker.backends.warp.fitting import open_fitting_worlds

    task = load_task(env, find_folders(here=ROOT)).on("warp", device, worlds)  # type: ignore[arg-type]
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        taken = pool.submit(_taken, task, device, worlds).result()
    _taken(task, device, 1)
    held = _leave(device, int(0.4 * taken))
    fitting = open_fitting_worlds(task, device)
    print(f"{worlds} worlds take {taken / 2**20:.0f} MiB on {device}; with room for 40 % of that {fitting.count} train")
    del held
    if not fitting.count < worlds:
        sys.exit("they were not reduced")


def _taken(task: Task, device: str, worlds: int) -> int:
    """Bytes that so many worlds take, beyond what every process does that has stepped some."""
    from rewardsmith.worker.backends.warp.worlds import WarpWorlds

    few = WarpWorlds(task, 64, device)
    few.try_out()
    before = _used(device)
    many = WarpWorlds(task, worlds, device)
    many.try_out()
    return _used(device) - before


def _used(device: str) -> int:
    """Bytes of the device in use; of the processor: addresses of this process."""
    import torch

    if device == "cuda":
        torch.cuda.synchronize()
        free, total = torch.cuda.mem_get_info()
        return total - free
    return int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")


def _leave(device: str, room: int) -> Any:
    """Take all memory but `room` bytes; what is held for that."""
    import torch

    if device == "cuda":
        torch.cuda.empty_cache()
        return torch.empty(torch.cuda.mem_get_info()[0] - room, dtype=torch.uint8, device=device)
    import resource

    most = _used(device) + room
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    return None


def main(arguments: Sequence[str] | None = None) -> None:
    """Walk; exits with the number of steps that failed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu_walk", description=__doc__)
    parser.add_argument("--env", default="ant")
    parser.add_argument("--device", choices=["cuda", "cpu"], default="cuda")
    parser.add_argument("--worlds", type=int, default=4096)
    parser.add_argument("--rollouts", type=int, default=10, help="of the table of rates")
    parser.add_argument("--steps", type=int, default=2_000_000, help="of each training of `evolve`")
    parser.add_argument("--minutes", type=float, default=9.0, help="for all steps together")
    parser.add_argument("--only", action="append", help="a step by its name; may be repeated")
    parser.add_argument("--sandbox", default="" if shutil.which("bwrap") else "process")
    parser.add_argument("--unsafe", action="store_true", help="where there is neither Landlock nor seccomp")
    parser.add_argument("--out", type=Path, help="folder of the logs and of the run; a temporary one when absent")
    parser.add_argument("--scarce", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.scarce:
        scarce(options.env, options.device, options.worlds)
        return
    out = options.out or Path(tempfile.mkdtemp(prefix="gpu-walk-"))
    out.mkdir(parents=True, exist_ok=True)
    failed = walk(options, out)
    print(f"\nlogs: {out}")
    sys.exit(failed)


if __name__ == "__main__":
    main()
