"""Whether a task can be trained at all, found out before anything is surveyed, written by a model, or paid for."""

from __future__ import annotations

import os

from rewardsmith.diagnosis.cuda import ask_cuda, torch_cuda
from rewardsmith.diagnosis.interpreters import look_at_interpreter
from rewardsmith.domain.sandbox import SandboxSpec, interpreter_path
from rewardsmith.domain.task import Task
from rewardsmith.errors import IsolationUnavailable, MissingExtra, TaskError, UsageError
from rewardsmith.sandboxes.child import TRAINER, lacking
from rewardsmith.sandboxes.gpus import device_files
from rewardsmith.sandboxes.identity import can_give_users

__all__ = ["refuse_untrainable"]

_OURS = ("bubblewrap", "process")
"""Kinds of sandbox whose workers run in this interpreter, on this machine."""
_PACKAGES = {"warp": ("warp", "mujoco_warp")}
"""What a backend imports."""


def refuse_untrainable(task: Task, sandbox: SandboxSpec, *, here: bool) -> None:
    """Look for what the task's trainer and its simulator need.

    Args:
        task: With the trainer that was asked for.
        sandbox: What its workers run in.
        here: Whether this machine trains; of a cluster only its sandbox is known.

    Raises:
        MissingExtra: The backend is not installed.
        UsageError: There is no GPU that its workers could use.
        TaskError: It needs an interpreter that the sandbox does not name, or one that lacks its simulator.
    """
    if task.environment.foreign is not None:
        _need_interpreter(task, task.environment.foreign, sandbox, here=here)
    if not here:
        return
    if sandbox.kind in _OURS:
        _need_packages(task)
    if task.trainer.backend != "gymnasium" and task.trainer.device == "cuda":
        _need_gpu(task, sandbox)


def _need_interpreter(task: Task, name: str, sandbox: SandboxSpec, *, here: bool) -> None:
    interpreter_path(task.name, name, sandbox.interpreters)
    if here:
        try:
            look_at_interpreter(sandbox, name)
        except IsolationUnavailable as error:
            raise TaskError(f"task {task.name!r}: the interpreter {name!r}: {error.message}", hint=error.hint) from None


def _need_packages(task: Task) -> None:
    learner = ("skrl",) if task.trainer.algorithm.startswith("skrl.") else ()
    for extra, packages in (("worker", TRAINER), ("warp", (*_PACKAGES.get(task.trainer.backend, ()), *learner))):
        if missing := lacking(packages):
            raise MissingExtra(
                f"trainings on this machine need {', '.join(missing)}, not installed for workers here",
                hint=f"pip install 'rewardsmith[{extra}]'",
            )


def _need_gpu(task: Task, sandbox: SandboxSpec) -> None:
    faults = _of_machine() if sandbox.kind in _OURS else _of_container(sandbox)
    if faults:
        raise UsageError(
            f"task {task.name!r} was asked to train on a GPU ({task.trainer.worlds}), and there is none that its "
            f"workers could use: {'; '.join(faults)}",
            hint="say --device cpu, or mend it and look again: rewardsmith doctor",
        )


def _of_container(sandbox: SandboxSpec) -> list[str]:
    if sandbox.kind == "docker" and not sandbox.gpus:
        return [f"the sandbox {sandbox.name!r} gives its containers none (gpus = 1 in its sandbox.toml)"]
    return []


def _of_machine() -> list[str]:
    """What is wrong with driver, devices and torch on this machine."""
    if os.environ.get("CUDA_VISIBLE_DEVICES", "all").strip() in ("", "-1"):
        return ["CUDA_VISIBLE_DEVICES hides every GPU"]
    found, (version, built) = ask_cuda(), torch_cuda()
    faults = [found.fault] if found.fault else []
    if not found.fault and not found.gpus:
        faults.append("the driver (libcuda.so.1) counts no device")
    if not built:
        faults.append(f"torch {version} is built without CUDA (see pytorch.org)")
    elif found.version and found.version < int(built.partition(".")[0]):
        faults.append(f"torch {version} needs CUDA {built}, and the driver serves CUDA {found.version}: update it")
    closed = [str(path) for path in device_files() if path.is_char_device() and path.stat().st_mode & 0o006 != 0o006]
    if closed and can_give_users():
        faults.append(f"workers are users of their own, who may not open {closed[0]} (chmod o+rw /dev/nvidia*)")
    return faults
