"""A reward's source against the contract, by `ast` alone: nothing is executed here."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from rewardsmith.errors import ScoreRuleError
from rewardsmith.reward import contract, policy, scope
from rewardsmith.reward.normalise import normalise, reward_id, set_parameters
from rewardsmith.reward.parsing import parse
from rewardsmith.reward.rejection import RewardRejected

__all__ = [
    "Analysis",
    "RewardRejected",
    "ScoreAnalysis",
    "analyse",
    "analyse_score",
    "normalise",
    "reward_id",
    "set_parameters",
]

EPISODE = ("dt", "horizon", "terminated")
"""What a score rule may name beside signals: seconds per step, steps, and whether the episode ended by itself."""


@dataclass(frozen=True)
class Analysis:
    """What a reward reads and which numbers it holds."""

    source: str
    """The source, as it was given."""
    reward_id: str
    """Hash of the normalised source."""
    arguments: tuple[str, ...]
    """Every positional argument in order, `memory` included."""
    signals: tuple[str, ...]
    """Positional arguments that are signals, in order, `prev_` forms included."""
    parameters: dict[str, float]
    """Keyword-only numbers, in order."""
    takes_memory: bool
    """Whether it has the argument `memory`."""
    memory: dict[str, float]
    """What `MEMORY` declares: value at the start of an episode, by key."""


@dataclass(frozen=True)
class ScoreAnalysis:
    """What a score rule reads."""

    signals: tuple[str, ...]
    """Signals that `score` and `success` read, each once."""
    rules: dict[str, tuple[str, ...]]
    """Arguments of `score`, and of `success` where there is one."""
    success: bool
    """Whether it has `success(...)`."""
    sparse: Analysis | None
    """Its `sparse(...)`, a reward in the reward contract."""


def analyse(source: str, signals: Collection[str], *, function: str = "compute_reward") -> Analysis:
    """Check a source at the gates parse, contract and policy, in this order.

    Args:
        source: A Python module.
        signals: Names that it may read; each also as `prev_<name>`.
        function: Function that is the reward.

    Raises:
        RewardRejected: With the gate that it did not pass, the kind of fault, and the line.
    """
    module = parse(source)
    node = contract.find(module, function)
    arguments = contract.arguments(node, signals)
    parameters = contract.parameters(node)
    memory = contract.memory(module, node)
    contract.returns(node)
    scope.undefined(module, signals)
    policy.check(module)
    read = tuple(name for name in arguments if name != "memory")
    policy.check_signals_unwritten(node, read)
    return Analysis(
        source=source,
        reward_id=reward_id(source),
        arguments=arguments,
        signals=read,
        parameters=parameters,
        takes_memory="memory" in arguments,
        memory=memory,
    )


def analyse_score(source: str, signals: Collection[str]) -> ScoreAnalysis:
    """Check a score rule: `score(...)`, optional `success(...)`, optional `sparse(...)`.

    Args:
        source: Text of `score.py`.
        signals: Names that it may read.

    Raises:
        ScoreRuleError: Naming the line and what to do.
    """
    try:
        module = parse(source)
        rules: dict[str, tuple[str, ...]] = {}
        for name in ("score", "success"):
            if name == "score" or name in module.functions:
                node = contract.find(module, name)
                rules[name] = contract.arguments(node, {*signals, *EPISODE}, previous=False)
                contract.parameters(node)
        scope.undefined(module, signals)
        policy.check(module)
        sparse = analyse(source, signals, function="sparse") if "sparse" in module.functions else None
    except RewardRejected as rejected:
        failure = rejected.failure
        where = f"line {failure.line}: " if failure.line else ""
        raise ScoreRuleError(
            f"the score rule cannot be used: {where}{failure.message}",
            hint="a score rule is `score(<signals>, dt, horizon, terminated)` on (T, ...) arrays of one episode",
        ) from None
    names = tuple(dict.fromkeys(name for arguments in rules.values() for name in arguments if name not in EPISODE))
    return ScoreAnalysis(signals=names, rules=rules, success="success" in rules, sparse=sparse)
