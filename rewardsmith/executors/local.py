"""`local`: a detached runner per attempt on this machine. Killing the orchestrator neither kills nor repeats one.

Works on local file systems: the lock is a `flock`. What kills runners all the same is whoever kills every process of
a service or container (systemd without `KillMode=process`); at most the attempts in flight are then repeated.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import sys
import threading
import time
from pathlib import Path

from rewardsmith.domain.job import Job
from rewardsmith.domain.sandbox import SandboxSpec
from rewardsmith.errors import InfrastructureError, WorkerFailed
from rewardsmith.executors.attempt_folder import last_line, read_result, runner_of
from rewardsmith.executors.ended import MOST_SAID, ended, read_progress
from rewardsmith.executors.executor import Done, Lost, Running
from rewardsmith.executors.fitting import for_job
from rewardsmith.executors.gpus import VARIABLE as GPU
from rewardsmith.executors.gpus import GpuShares, gpus_here, share_of
from rewardsmith.executors.kernels import PLACE as KERNELS
from rewardsmith.sandboxes.child import ALLOWED, package_path
from rewardsmith.sandboxes.engine import VARIABLES as ENGINE
from rewardsmith.sandboxes.gpus import PATH as DRIVER
from rewardsmith.sandboxes.registry import open_sandbox
from rewardsmith.sandboxes.tree import kill_tree
from rewardsmith.store.artifacts import write_durably

_RUNNER = (sys.executable, "-s", "-P", "-m", "rewardsmith.executors.runner")
_START_S = 60.0
_STOP_S = 15.0


class LocalExecutor:
    """Runs up to `slots` attempts side by side; see `Executor`. Any process may poll or stop what another started."""

    def __init__(
        self,
        slots: int,
        sandbox: SandboxSpec,
        *,
        worker: tuple[str, ...] | None = None,
    ) -> None:
        """Set it up; nothing is started.

        Args:
            slots: Attempts side by side.
            sandbox: What its workers run in.
            worker: Command in place of the worker's; see `open_sandbox`.

        Raises:
            UnknownName: There is no sandbox of that kind.
            IsolationUnavailable: This machine cannot run it.
        """
        self.slots = slots
        self._sandbox = sandbox
        self._worker = worker
        self._children: dict[Path, int] = {}
        self._lock = threading.Lock()
        self.gpus = gpus_here()
        """GPUs that its attempts share."""
        self._shares = GpuShares(self.gpus)
        open_sandbox(sandbox, worker=worker).check()

    def start(self, folder: Path, job: Job, *, resume_from: Path | None = None) -> None:
        """Start the attempt; on return its runner is alive or it has a result. See `Executor.start`."""
        folder = folder.resolve()
        self._reap(folder)
        if runner_of(folder) is not None or read_result(folder) is not None:
            return
        try:
            folder.mkdir(parents=True, exist_ok=True)
            write_durably(folder / "job.json", job.model_dump_json().encode())
            self._spawn(folder, resume_from, for_job(self._sandbox, job), self._shares.take(folder, share_of(job)))
        except OSError as error:
            self._shares.give_back(folder)
            raise InfrastructureError(
                f"cannot start a runner in {folder}: {error.strerror}",
                hint="is the disk full, or the folder read-only?",
            ) from error
        if runner_of(folder) is None and read_result(folder) is None:
            self._reap(folder)
            raise WorkerFailed(
                f"the runner of {folder} ended before it began: {last_line(folder / 'runner.log', most=MOST_SAID)}",
                hint=f"see {folder / 'runner.log'}",
            )

    def poll(self, folder: Path) -> Running | Done | Lost:
        """What has become of it. See `Executor.poll`."""
        folder = folder.resolve()
        self._reap(folder)
        runner = runner_of(folder)  # before the result: it may end in between
        result = read_result(folder)
        if result is not None:
            return ended(folder, result)
        if runner is None:
            line = last_line(folder / "runner.log", most=MOST_SAID)
            return Lost("its runner ended without a result: killed, or out of memory" + (f"; {line}" if line else ""))
        if runner:  # whoever began to stop it may have been killed after it froze it
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(runner, signal.SIGCONT)
        return Running(read_progress(folder / "out"))

    def stop(self, folder: Path) -> None:
        """Kill the runner and everything below it. See `Executor.stop`.

        Raises:
            InfrastructureError: Something survives SIGKILL, or the lock does not say what to kill.
        """
        folder = folder.resolve()
        deadline = time.monotonic() + _STOP_S
        while (pid := runner_of(folder)) == 0 and time.monotonic() < deadline:
            time.sleep(0.005)
        if pid is None:
            return
        if pid == 0:
            raise InfrastructureError(f"the lock of {folder} is held, but does not say by which process")
        try:
            handle = os.pidfd_open(pid)
        except ProcessLookupError:
            return
        try:
            if runner_of(folder) != pid:  # the handle is the runner's only if that still lives
                return
            kill_tree(pid)
            if not select.select([handle], [], [], _STOP_S)[0]:
                raise InfrastructureError(f"the runner {pid} of {folder} survives SIGKILL")
        except TimeoutError as error:
            raise InfrastructureError(f"cannot stop {folder}: {error}") from error
        finally:
            os.close(handle)
        self._reap(folder)

    def _spawn(self, folder: Path, resume_from: Path | None, sandbox: SandboxSpec, gpu: str | None) -> None:
        """Start a runner in a session of its own and wait until it holds the lock or has ended."""
        command = [*_RUNNER, str(folder), "--sandbox", sandbox.model_dump_json()]
        if self._worker is not None:
            command += ["--worker", json.dumps(self._worker)]
        if resume_from is not None:
            command += ["--resume", str(resume_from.resolve())]
        ready, theirs = os.pipe()
        log = os.open(folder / "runner.log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_CLOEXEC, 0o644)
        try:
            pid = os.posix_spawn(
                command[0],
                command,
                _environment() | ({GPU: gpu} if gpu else {}),
                file_actions=[
                    (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                    (os.POSIX_SPAWN_DUP2, theirs, 1),
                    (os.POSIX_SPAWN_DUP2, log, 2),
                ],
                setsid=True,
            )
        finally:
            os.close(theirs)
            os.close(log)
        with self._lock:
            self._children[folder] = pid
        with os.fdopen(ready, "rb") as reader:
            if not select.select([reader], [], [], _START_S)[0]:
                raise InfrastructureError(f"the runner of {folder} did not start within {_START_S:.0f} s")

    def _reap(self, folder: Path) -> None:
        """Let go of the attempt's runner if it is this process's child and has ended."""
        with self._lock:
            pid = self._children.get(folder)
            if pid is None:
                return
            try:
                gone = os.waitpid(pid, os.WNOHANG)[0] == pid
            except ChildProcessError:
                gone = True
            if gone:
                del self._children[folder]
                self._shares.give_back(folder)


def _environment() -> dict[str, str]:
    """A runner's environment: where programs and a Docker engine are, and what a worker may inherit; no keys."""
    environment = {
        name: os.environ[name] for name in (*ALLOWED, *ENGINE, DRIVER, KERNELS, "HOME") if name in os.environ
    }
    environment["PATH"] = os.environ.get("PATH", os.defpath)
    if (path := package_path()) is not None:
        environment["PYTHONPATH"] = str(path)
    return environment
