"""What Isaac's tasks have in common: tensors over thousands of worlds. Far side: Python 3.8, numpy and torch."""

from __future__ import annotations

import difflib
import keyword
import random
import re
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import torch

from rewardsmith.worker.backends.foreign.channel import Fault
from rewardsmith.worker.backends.foreign.recording import Shared
from rewardsmith.worker.backends.foreign.sources import sources_of

__all__ = ["LEAST_WORLDS", "Quantity", "TensorTask", "choose_device", "own_tensors"]

LEAST_WORLDS = 37
"""So many worlds are there at least: a tensor with a row for each of a robot's joints or bodies must not look like one
with a row for each world."""
NOT_SIGNALS = re.compile(
    r"rew|success|return|reset|^(obs|states|timeout|randomize|progress|episode_length)_buf|^extras$"
)
"""What the task's reward gives, and bookkeeping of the worlds; `prev_` is every signal's value one step before."""

LOCAL = {
    "observation": "what the policy sees",
    "action": "what the environment received",
    "terminated": "whether the episode ended by itself in this step (not by the time limit)",
}
"""Signals of every task, which the worker can read by itself."""


class Quantity(NamedTuple):
    """A tensor with one row per world, read afresh each time."""

    read: Callable[[], Any]
    unit: str
    meaning: str


def choose_device() -> str:
    """The first GPU that torch sees, or the CPU."""
    return "cuda:0" if torch.cuda.is_available() else "cpu"


def own_tensors(owner: Any, count: int, where: str) -> dict[str, Quantity]:
    """The attributes of `owner` that are numeric tensors with one row per world, by name without underscores around."""

    def reader(name: str) -> Callable[[], Any]:
        return lambda: getattr(owner, name)

    found: dict[str, Quantity] = {}
    for name, value in sorted(vars(owner).items()):
        if is_rows(value, count) and not NOT_SIGNALS.search(name):
            found.setdefault(name.strip("_"), Quantity(reader(name), "", f"tensor {name} of the {where}"))
    return found


def is_rows(value: Any, count: int) -> bool:
    """Whether it is a numeric tensor with one row per world."""
    return isinstance(value, torch.Tensor) and value.dim() > 0 and value.shape[0] == count and not value.is_complex()


class TensorTask:
    """A task whose state lies in tensors; Isaac's two simulators fill in the rest.

    Args:
        memory: Descriptor of the shared arrays.
        frame: Descriptor for pictures, of which there are none.
    """

    base = ""
    """Module of the classes that say nothing about one task."""

    def __init__(self, memory: int, frame: int) -> None:
        self._memory = memory
        del frame
        self.latest: dict[str, Any] = {}
        """Observation, action and `terminated` of the last step, one row per world."""
        self.names: list[str] = []

    def _found(
        self,
        task: Any,
        quantities: dict[str, Quantity],
        specs: dict[str, Any],
        spaces: Sequence[dict[str, Any]],
        what: str,
    ) -> list[list[Any]]:
        """Name, shape, type, unit, meaning and address of every signal, as the worker takes them.

        Raises:
            Fault: There are none, and the message lists what was seen; or the task file names one that is not there.
        """
        self._task = task
        if not quantities:
            tensors = {k: list(v.shape) for k, v in vars(task).items() if isinstance(v, torch.Tensor)}
            listed = ", ".join(f"{name} {shape}" for name, shape in sorted(tensors.items())) or "no tensor at all"
            raise Fault(
                f"{what} has no readable tensor with one row per world; seen: {listed}",
                "keep what a reward may read as an attribute of the task: a tensor of shape (number of worlds, ...)",
            )
        self._readers = {_identifier(name): quantity for name, quantity in quantities.items()}
        addresses = {name: f"tensor:{name}" for name in self._readers}
        for name, meaning in LOCAL.items():
            self._readers[name] = Quantity(partial(self.latest.__getitem__, name), "", meaning)
            addresses[name] = name
        for name, spec in specs.items():
            key = spec["source"] if spec["source"] == "observation" else str(spec["key"])
            if key not in self._readers:
                near = difflib.get_close_matches(key, list(self._readers), 3, 0.5) or sorted(quantities)
                raise Fault(
                    f"signal {name!r}: {what} has no tensor {key!r}; there are: {', '.join(near)}",
                    'correct [signals] in task.toml: source = "info" and the tensor\'s name as key, or "observation"',
                )
            cut = partial(_entries, self._readers[key].read, spec["index"])
            self._readers[name] = Quantity(cut, spec["unit"], spec["meaning"])
            addresses[name] = f"tensor:{name}"
        return [self._told(name, addresses[name], spaces[1]) for name in self._readers]

    def _told(self, name: str, address: str, action: dict[str, Any]) -> list[Any]:
        quantity = self._readers[name]
        kind = {"terminated": "bool"}.get(name, "float64")
        shape = action["shape"] if name == "action" else list(quantity.read().shape[1:])
        return [name, shape, kind, quantity.unit, quantity.meaning, address]

    def record(self, *, signals: Sequence[str], also: Sequence[str], first: int) -> dict[str, Any]:
        """What is read after each step, of every world. Raises Fault for a signal that is not there."""
        del first
        self.names = list(dict.fromkeys([*signals, *also]))
        for name in self.names:
            if name not in self._readers:
                raise Fault(f"there is no signal {name!r} any more", "survey again: rewardsmith survey --fresh")
        shapes = [(name, "float32", tuple(self._readers[name].read().shape[1:])) for name in self.names]
        return self.shared.allot(shapes)

    def _rows(self, worlds: Any = slice(None)) -> Any:
        """All watched signals side by side, (worlds, numbers), on the device; a copy."""
        rows = [self._readers[name].read()[worlds] for name in self.names]
        flat = [row.detach().reshape(row.shape[0], -1).to(torch.float32) for row in rows]
        return torch.cat(flat, dim=1) if flat else self.latest["observation"][worlds][:, :0]

    def _spread(self, table: Any) -> None:
        """Put what `_rows` gave into the shared arrays; one copy from the device."""
        self.shared.spread(table[: self.shared.count].cpu().numpy())

    def view(self) -> dict[str, Any]:
        """The sources of the task's classes; the worker cuts the reward out."""
        return {"sources": sources_of(self._task, self.base)["sources"]}

    def origins(self) -> dict[str, Any]:
        """Hashes of the files of the task's classes."""
        return {"origins": sources_of(self._task, self.base)["origins"]}

    def render(self) -> dict[str, Any]:
        """Raises Fault: nothing is drawn headless."""
        raise Fault("the simulator runs headless here and draws nothing")

    shared: Shared


def seed_all(seeds: Sequence[int | None]) -> None:
    """Seed Python's, numpy's and torch's generators with all the seeds together, where there is one."""
    if any(seed is not None for seed in seeds):
        mixed = int(np.random.SeedSequence([seed or 0 for seed in seeds]).generate_state(1)[0])
        random.seed(mixed)
        np.random.seed(mixed)
        torch.manual_seed(mixed)


def _entries(read: Callable[[], Any], index: Any) -> Any:
    rows = read()
    return rows if index is None else rows.reshape(rows.shape[0], -1)[:, index]


def _identifier(name: str) -> str:
    name = re.sub(r"\W", "_", name)
    return f"_{name}" if name[:1].isdigit() or keyword.iskeyword(name) else name
