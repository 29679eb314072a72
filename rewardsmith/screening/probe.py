"""The probe run: trial requests over recorded transitions, in a locked process."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from rewardsmith.domain.job import RewardLimits
from rewardsmith.domain.report import Failure, FailureKind
from rewardsmith.domain.survey import Probe, Survey
from rewardsmith.reward.process import Answer, RewardFailed, RewardProcess

FloatArray = npt.NDArray[np.float64]

LANES = 16
"""Environments side by side in the batched request."""
STRETCHES = (3.0, -10.0)
"""Recorded signals times these are asked for too: rewards may differ beyond what random actions reach."""
RELATIVE = 1e-6
"""Rows may differ by this much between batches: vectorised exp and sums round differently by width."""


class ProbeRejected(Exception):
    """The reward did not pass the probe."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


@dataclass(frozen=True)
class ProbeAnswer:
    """What a reward paid on the probe."""

    total: FloatArray
    """Shape (rows,)."""
    components: dict[str, FloatArray]
    """By name, each of shape (rows,)."""
    stretched: tuple[FloatArray, dict[str, FloatArray]] | None = None
    """Total and components on the stretched rows; absent where the reward fails there, which is no fault."""


def run_probe(source: str, survey: Survey, probe: Probe, *, limits: RewardLimits) -> ProbeAnswer:
    """Ask `source` for the probe's rewards and check that they keep the contract.

    The recorded episodes are asked for one after the other as a single environment, again in a second stream (the
    same arrays must give the same answer), and once more side by side in another order (a row must not depend on the
    rows beside it).

    Raises:
        ProbeRejected: It raised, took too long, or broke the contract; the failure's gate is `probe`.
        InfrastructureError: The process could not be run at all.
    """
    signals = survey.by_name()
    try:
        with RewardProcess(source, signals, limits=limits) as process:
            arrays = {name: probe.arrays[name] for name in process.reads}
            starts = probe.starts[:, None]
            line = {name: array[:, None] for name, array in arrays.items()}
            first = process.ask(line, starts, stream="probe")
            second = process.ask(line, starts, stream="again")
            _same(first, second)
            _independent(process, first, arrays, probe)
            stretched = _stretched(process, line, starts)
    except RewardFailed as failed:
        raise ProbeRejected(failed.failure.model_copy(update={"gate": "probe"})) from failed
    total = first.total[:, 0]
    _varies(total)
    components = {name: column[:, 0] for name, column in first.components.items()}
    return ProbeAnswer(total=total, components=components, stretched=stretched)


def _stretched(
    process: RewardProcess, line: dict[str, npt.NDArray[Any]], starts: npt.NDArray[np.bool_]
) -> tuple[FloatArray, dict[str, FloatArray]] | None:
    """What the reward pays on the same rows with their float signals stretched; the last thing that it is asked."""
    answers = []
    try:
        for factor in STRETCHES:
            far = {name: np.multiply(a, factor) if a.dtype == np.float64 else a for name, a in line.items()}
            answers.append(process.ask(far, starts, stream=f"times {factor:g}"))
    except RewardFailed:
        return None
    names = answers[0].components
    total = np.concatenate([answer.total[:, 0] for answer in answers])
    return total, {name: np.concatenate([answer.components[name][:, 0] for answer in answers]) for name in names}


def _reject(kind: FailureKind, message: str) -> ProbeRejected:
    return ProbeRejected(Failure(gate="probe", kind=kind, message=message))


def _same(first: Answer, second: Answer) -> None:
    for name, a, b in _columns(first, second):
        if not np.array_equal(a, b):
            raise _reject(
                "not_deterministic",
                f"{name} differs between two requests with the same arrays; a reward must be a function of its "
                "arguments and its memory alone",
            )


def _columns(a: Answer, b: Answer) -> list[tuple[str, FloatArray, FloatArray]]:
    pairs = [(f"component {name!r}", a.components[name], b.components[name]) for name in a.components]
    return [("the total", a.total, b.total), *pairs]


def _independent(
    process: RewardProcess, line: Answer, arrays: dict[str, npt.NDArray[np.generic]], probe: Probe
) -> None:
    episodes = list(probe.episodes())[:LANES]
    order = [*range(1, len(episodes), 2), *range(0, len(episodes), 2)]
    steps = min(e.stop - e.start for e in episodes)
    rows = np.stack([np.arange(episodes[i].start, episodes[i].start + steps) for i in order], axis=1)
    batch = process.ask({name: array[rows] for name, array in arrays.items()}, probe.starts[rows], stream="batch")
    for name, alone, together in _columns(line, batch):
        expected = alone[:, 0][rows]
        scale = float(np.abs(expected).max()) + 1e-9
        if not np.allclose(expected, together, rtol=RELATIVE, atol=RELATIVE * scale):
            raise _reject(
                "batch_dependent",
                f"{name} of a row changes with the rows beside it; row i may depend on row i of the arguments alone, "
                "so reduce over axis=-1 of vectors, never over the batch axis 0",
            )


def _varies(total: FloatArray) -> None:
    spread = float(total.max() - total.min())
    if spread <= 1e-9 * (1.0 + float(np.abs(total).max())):
        raise _reject(
            "constant",
            f"the total is {float(total[0]):.6g} on every one of {len(total)} recorded steps; an agent can learn "
            "nothing from a reward that never varies (is a clip or a threshold always saturated?)",
        )
