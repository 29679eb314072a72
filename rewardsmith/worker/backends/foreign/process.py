"""A simulator's process as the worker sees it: started in its interpreter, asked, killed."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from rewardsmith.domain.sandbox import INTERPRETERS, interpreter_path
from rewardsmith.domain.task import Task
from rewardsmith.errors import InfrastructureError, TaskError
from rewardsmith.worker.backends.foreign.channel import Channel, Gone, TooLate
from rewardsmith.worker.backends.foreign.memory import Field, SharedArrays

__all__ = ["FarProcess"]

OPENING_S = 900.0
"""Wall clock of the start: Isaac Sim compiles shaders when it starts for the first time."""
CALL_S = 120.0
"""Wall clock of every later call."""
GONE_S = 10.0
"""How long one that hung up may take to end, so that its own exit code is told."""
OLDEST = (3, 8)
"""Python of the far side."""
_HOST = Path(__file__).with_name("host.py")
_MOST_PICTURE = 64 << 20


class FarProcess:
    """Runs the simulation of one task in its own interpreter. It dies with this process.

    Raises:
        TaskError: The sandbox knows no such interpreter, or it cannot be started, or it says what is wrong.
        InfrastructureError: It died, or does not answer.
    """

    def __init__(self, task: Task, count: int, render_mode: str | None = None) -> None:
        environment = task.environment
        self._task, self._name = task.name, str(environment.foreign)
        known = json.loads(os.environ.get(INTERPRETERS, "{}"))
        self._path = Path(interpreter_path(task.name, self._name, known))
        self._memory, self._frame = os.memfd_create("arrays"), os.memfd_create("frame")
        self._arrays: SharedArrays | None = None
        with contextlib.ExitStack() as undo:
            undo.callback(self._let_go)
            self._start()
            undo.callback(self._end)
            self.opened = self.call(
                "open",
                seconds=OPENING_S,
                simulator=environment.simulator,
                id=environment.id,
                kwargs=environment.kwargs,
                horizon=environment.horizon,
                count=count,
                render_mode=render_mode,
                module=environment.module,
                source=task.module_source,
                specs={name: spec.model_dump() for name, spec in task.signals.items()},
            )
            undo.pop_all()

    def call(self, name: str, *, seconds: float = CALL_S, **arguments: Any) -> dict[str, Any]:
        """Have something done there and wait for the answer; the process is dead after a fault of the machine."""
        try:
            self._channel.send({"call": name, **arguments})
            answer = self._channel.receive(seconds)
        except TooLate:
            self.close()
            raise InfrastructureError(f"{self._where} does not answer {name!r} within {seconds:g} s") from None
        except Gone as error:
            code = self._end(GONE_S)
            if name == "open":
                self._check_version()
            how = f"signal {-code}" if code < 0 else f"exit code {code}"
            raise InfrastructureError(
                f"{self._where} ended with {how} while asked to {name!r} ({error})",
                hint="what it wrote last stands above in the log",
            ) from None
        if (fault := answer.get("fault")) is not None:
            self.close()
            message = f"{self._where}: {fault['message']}"
            if fault["task"]:
                raise TaskError(message, hint=str(fault.get("hint", "")))
            raise InfrastructureError(f"{message} (asked to {name!r})")
        return answer

    def record(self, signals: list[str], also: list[str], first: int) -> SharedArrays:
        """Have signals read after each step; the arrays in which they then lie."""
        fields = self.call("record", signals=signals, also=also, first=first)["fields"]
        self._arrays = SharedArrays(self._memory, [Field(name, dtype, tuple(shape)) for name, dtype, shape in fields])
        return self._arrays

    def picture(self) -> bytes:
        """What `render` drew last."""
        return os.pread(self._frame, min(os.fstat(self._frame).st_size, _MOST_PICTURE), 0)

    def close(self) -> None:
        """End it; safe to repeat."""
        if self._memory >= 0:
            self._end()
            self._let_go()

    def _let_go(self) -> None:
        if self._memory >= 0:
            os.close(self._memory)
            os.close(self._frame)
        self._memory = -1

    def _check_version(self) -> None:
        """Raise TaskError for a Python in which the far side does not even parse."""
        ask = [str(self._path), "-c", f"import sys; print(sys.version_info >= {OLDEST})"]
        if subprocess.run(ask, capture_output=True, timeout=CALL_S, check=False).stdout.strip() == b"False":
            raise TaskError(
                f"{self._where} is older than Python {'.'.join(map(str, OLDEST))}: none can host a simulator",
                hint="make one of a newer Python, and name it under [interpreters] in the sandbox's sandbox.toml",
            )

    @property
    def _where(self) -> str:
        return f"task {self._task!r}: the interpreter {self._name!r} ({self._path})"

    def _start(self) -> None:
        theirs_in, ours_out = os.pipe()
        ours_in, theirs_out = os.pipe()
        theirs = (theirs_in, theirs_out, self._memory, self._frame)
        self._channel = Channel(ours_in, ours_out)
        command = [str(self._path), "-s", "-B", str(_HOST), *map(str, theirs), str(os.getpid())]
        try:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                env=self._environment(),
                cwd=tempfile.gettempdir(),  # tasks of IsaacGymEnvs write models where they are
                pass_fds=theirs,
                stderr=sys.stderr.fileno(),
            )
        except OSError as error:
            self._channel.close()
            raise TaskError(
                f"{self._where} cannot be started: {error.strerror}",
                hint="correct [interpreters] in the sandbox's sandbox.toml; `rewardsmith doctor` looks at each of them",
            ) from error
        finally:
            os.close(theirs_in)
            os.close(theirs_out)

    def _environment(self) -> dict[str, str]:
        """The worker's, without its own packages, and with the libraries that lie beside a conda's Python."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "REWARDSMITH_"))}
        libraries = (str(self._path.parent.parent / "lib"), kept.get("LD_LIBRARY_PATH", ""))
        return {**kept, "LD_LIBRARY_PATH": ":".join(filter(None, libraries)), "PYTHONUNBUFFERED": "1"}

    def _end(self, patience_s: float = 1.0) -> int:
        """Close the channel, and kill it unless it ends by itself within `patience_s`; its exit code."""
        self._channel.close()
        try:
            return self._process.wait(timeout=patience_s)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait()
