"""Who can write: the model that is named, and the keys that are set (never their values)."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from rewardsmith.diagnosis.checks import check, lack
from rewardsmith.domain.machine import MachineCheck
from rewardsmith.errors import ModelUnavailable, RewardsmithError, near_misses
from rewardsmith.models.model import Model
from rewardsmith.models.registry import default_model, open_model

GROUP = "Models"
KEYS = ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GEMINI_API_KEY", "MISTRAL_API_KEY", "OPENROUTER_API_KEY")
_PATIENCE_S = 5.0


def look_at_models(name: str | None, base_url: str | None, environ: Mapping[str, str]) -> list[MachineCheck]:
    """Open the model as `evolve` does, ask its server for its models where that is free, and list the keys.

    Args:
        name: As `--model`; the default when absent.
        base_url: As `--base-url`.
        environ: Environment variables.
    """
    keys = [(key, bool(environ.get(key))) for key in KEYS]
    lines = [
        MachineCheck(group=GROUP, name=key, ok=there, needed=False, detail="set" if there else "not set")
        for key, there in keys
    ]
    return [_chosen(name or default_model(), base_url, environ), *lines]


def _chosen(name: str, base_url: str | None, environ: Mapping[str, str]) -> MachineCheck:
    try:
        model = open_model(name, seed=0, base_url=base_url, environ=environ)
    except RewardsmithError as error:
        return lack(GROUP, "model", error, needed=True)
    ask = getattr(model, "list_models", None)
    if ask is None:
        return check(GROUP, "model", lambda: _unasked(model), needed=True)
    try:
        offered: tuple[str, ...] = asyncio.run(ask(_PATIENCE_S))
    except ModelUnavailable as error:
        return lack(GROUP, "model", error, needed=True)
    wanted = name.partition(":")[2]
    if not offered or wanted in offered:
        return MachineCheck(group=GROUP, name="model", ok=True, needed=True, detail=f"{name}: its server answers")
    near = near_misses(wanted, offered) or sorted(offered)[:3]
    return MachineCheck(
        group=GROUP,
        name="model",
        ok=True,
        needed=True,
        detail=f"{name}: its server answers, but does not list {wanted!r}",
        remedy=f"it has {len(offered)}, among them {', '.join(near)}",
        warning=True,
    )


def _unasked(model: Model) -> str:
    if model.name.startswith("litellm:"):
        return f"{model.name}: its key is set; its provider was not asked, since that may cost money"
    return f"{model.name}: needs no key and no network"
