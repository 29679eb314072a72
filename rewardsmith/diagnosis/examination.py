"""The whole examination: everything at once, since most of it waits."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

from rewardsmith.catalogue.folders import Folders
from rewardsmith.catalogue.sandboxes import load_sandbox
from rewardsmith.diagnosis.attacks import attack_from_reward
from rewardsmith.diagnosis.checks import check
from rewardsmith.diagnosis.cluster import look_at_cluster
from rewardsmith.diagnosis.engine import look_at_engine
from rewardsmith.diagnosis.interpreters import look_at_interpreters
from rewardsmith.diagnosis.models import look_at_models
from rewardsmith.diagnosis.place import look_at_place
from rewardsmith.diagnosis.software import find_gpus, gpu, look_at_software
from rewardsmith.diagnosis.workers import other_sandboxes, run_worker
from rewardsmith.domain.machine import AttackCheck, MachineCheck, MachineResult
from rewardsmith.isolation import namespaces
from rewardsmith.isolation.machine import Machine, inspect
from rewardsmith.settings import DEFAULT_SANDBOX, Settings

MACHINE = "Machine"


def examine(
    settings: Settings, folders: Folders, *, model: str | None, base_url: str | None, environ: Mapping[str, str]
) -> MachineResult:
    """Find out whether `evolve` would start, with these settings, here and now.

    Args:
        settings: As for `evolve`.
        folders: The data folders.
        model: As `--model`.
        base_url: As `--base-url`.
        environ: Environment variables.

    Raises:
        UnknownName: There is no such sandbox.
        UsageError: Its `sandbox.toml` is wrong.
    """
    chosen = load_sandbox(settings.sandbox or DEFAULT_SANDBOX, folders)
    unsafe = settings.unsafe
    with ThreadPoolExecutor(max_workers=8) as pool:
        worker = pool.submit(run_worker, chosen, settings.runs.resolve(), unsafe=unsafe)
        bare = pool.submit(attack_from_reward, unsafe=unsafe, namespaces=False)
        boxed = pool.submit(_in_namespaces, unsafe)
        models = pool.submit(look_at_models, model, base_url, environ)
        gpus = pool.submit(find_gpus)
        engine = pool.submit(check, MACHINE, "Docker", look_at_engine, needed=False)
        others = pool.submit(lambda: other_sandboxes(chosen, folders, engine=engine.result().ok))
        place = pool.submit(look_at_place, settings)
        interpreters = pool.submit(look_at_interpreters, chosen)
        cluster = pool.submit(look_at_cluster, settings, chosen)
        machine = inspect()
    own = [line.model_copy(update={"needed": line.needed and not cluster.result()}) for line in worker.result().checks]
    rewards = [bare.result(), *boxed.result()]
    checks = (
        *_of_machine(machine, unsafe),
        engine.result(),
        *(line for line, _ in rewards),
        *own,
        *others.result(),
        *cluster.result(),
        *models.result(),
        *place.result(),
        *interpreters.result(),
        *look_at_software(),
        gpu(gpus.result(), worker.result().found),
    )
    attacks = (*(verdict for _, verdicts in rewards for verdict in verdicts), *worker.result().attacks)
    lacking = any(line.needed and not line.ok for line in checks)
    reached = any(verdict.needed and not verdict.stopped for verdict in attacks)
    return MachineResult(
        ready=not lacking and not reached,
        system=machine.system,
        checks=checks,
        warnings=tuple(f"{line.name}: {line.detail}" for line in checks if line.warning),
        sandbox=chosen.name,
        attacks=attacks,
    )


def _of_machine(machine: Machine, unsafe: bool) -> list[MachineCheck]:
    return [
        MachineCheck(
            group=MACHINE,
            name=found.name,
            ok=found.present,
            needed=found.required and not unsafe,
            detail=found.detail,
            remedy=found.remedy,
            warning=found.weak,
        )
        for found in machine.findings
    ]


def _in_namespaces(unsafe: bool) -> list[tuple[MachineCheck, list[AttackCheck]]]:
    """The second reward process, where it can have namespaces of its own."""
    return [] if namespaces.unavailable() else [attack_from_reward(unsafe=unsafe, namespaces=True)]
