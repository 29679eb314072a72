"""The ten lines that load an exported policy and act with it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Literal

from rewardsmith.domain.record import Record

__all__ = ["Box", "Discrete", "Layer", "Output", "loader"]

Output = Literal["clip", "squash", "unscale", "argmax"]

_ACTIVATIONS = {
    None: "{}",
    "tanh": "np.tanh({})",
    "relu": "np.maximum({}, 0)",
    "sigmoid": "1 / (1 + np.exp(-({})))",
    "elu": "(lambda z: np.where(z > 0, z, np.expm1(np.minimum(z, 0))))({})",
    "silu": "(lambda z: z / (1 + np.exp(-z)))({})",
}


class Layer(Record):
    """A linear layer by the names of its tensors, and what follows it."""

    weight: str
    bias: str
    activation: Literal["tanh", "relu", "sigmoid", "elu", "silu"] | None


class Box(Record):
    """A box of actions; a bound that is absent is infinite."""

    kind: Literal["box"]
    shape: tuple[int, ...]
    dtype: str
    low: tuple[float | None, ...]
    high: tuple[float | None, ...]


class Discrete(Record):
    """Actions `start`, `start` + 1, ..., `n` of them."""

    kind: Literal["discrete"]
    n: int
    start: int


def loader(layers: Sequence[Layer], output: Output, action: Box | Discrete, *, normalised: bool) -> str:
    """Source of a module whose `act(observation)` is the deterministic policy of the files beside it.

    Args:
        layers: From the observation to the policy's output, in order; at least one.
        output: How an action is made of the output.
        action: The space of actions.
        normalised: Whether the observation is normalised first.
    """
    statistics = ['S = np.load(Path(__file__).with_name("normalisation.npz"), allow_pickle=False)']
    standard = (
        '(np.ravel(observation) - S["observation_mean"]) / np.sqrt(S["observation_var"] + S["observation_epsilon"])'
    )
    clipped = f'np.clip({standard}, -S["observation_clip"], S["observation_clip"])'
    lines = [
        '"""The deterministic policy whose files lie here; needs numpy and safetensors only."""',
        "from pathlib import Path",
        "import numpy as np",
        "from safetensors.numpy import load_file",
        'W = load_file(Path(__file__).with_name("policy.safetensors"))',
        *(statistics if normalised else []),
        "def act(observation):",
        f"    x = {clipped if normalised else 'np.ravel(observation).astype(np.float64)'}",
    ]
    for activation, group in groupby(layers[:-1], key=lambda layer: layer.activation):
        names = ", ".join(f"({layer.weight!r}, {layer.bias!r})" for layer in group)
        lines += [
            f"    for weight, bias in [{names}]:",
            f"        x = {_ACTIVATIONS[activation].format('W[weight] @ x + W[bias]')}",
        ]
    last = _ACTIVATIONS[layers[-1].activation].format(f"W[{layers[-1].weight!r}] @ x + W[{layers[-1].bias!r}]")
    return "\n".join([*lines, f"    return {_action(last, output, action)}", ""])


def _action(last: str, output: Output, action: Box | Discrete) -> str:
    """The expression of the action, from that of the policy's output."""
    if isinstance(action, Discrete):
        return f"int(np.argmax({last})) + {action.start}"
    low, high = _bound(action.low, "-np.inf"), _bound(action.high, "np.inf")
    half = f"({high} - {low}) / 2"
    scaled = {"squash": f"{low} + (np.tanh({last}) + 1) * {half}", "unscale": f"{low} + ({last} + 1) * {half}"}
    shaped = "" if len(action.shape) == 1 else f".reshape({action.shape})"
    return f"np.clip({scaled.get(output, last)}, {low}, {high}){shaped}"


def _bound(values: Sequence[float | None], absent: str) -> str:
    """One number where all are equal, else an array."""
    texts = [absent if value is None else repr(value) for value in values]
    return texts[0] if len(set(texts)) == 1 else f"np.array([{', '.join(texts)}])"
