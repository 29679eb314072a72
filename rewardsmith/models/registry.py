"""From a name such as `openai:gpt-5` to a model. Built-ins and plug-ins come through the same door."""

from __future__ import annotations

import importlib.util
import os
import re
import warnings
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import TypeAlias

from rewardsmith.errors import MissingExtra, UnknownName, UsageError
from rewardsmith.models.mixture import Mixture, authors
from rewardsmith.models.model import Model
from rewardsmith.models.recording import RecordingModel

GROUP = "rewardsmith.models"
"""Entry-point group of plug-ins: a name, and an `Opener`."""
DEFAULT = "offline"
"""Works without a key and without a network."""

_HERE = "rewardsmith.models.registry"
_BUILT_IN = {
    name: EntryPoint(name, f"{_HERE}:open_{name}", GROUP)
    for name in ("offline", "openai", "litellm", "recorded", "folder")
}
_LANGUAGE_MODEL = re.compile(
    r"(gpt|chatgpt|o\d|claude|gemini|gemma|llama|mistral|mixtral|qwen|deepseek|grok|command|phi)[\w.:-]*", re.IGNORECASE
)


@dataclass(frozen=True)
class Settings:
    """What the command line and the environment say about models."""

    seed: int
    """Seed of the run."""
    strict: bool = False
    """Refuse a recording whose prompts differ."""
    dealt: frozenset[str] = frozenset()
    """Models of the run's completions so far; a folder tells from it which files it dealt already."""
    base_url: str | None = None
    """Address of an OpenAI-compatible server."""
    timeout_s: float = 300.0
    """Wall clock of one attempt of a call."""
    environ: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Environment variables: keys are read from here."""


Opener: TypeAlias = Callable[[str, Settings], Model]
"""Takes what stands after the colon, and the settings. Raises UsageError when that cannot work."""


def default_model() -> str:
    """Who completes prompts when the user names nobody."""
    return DEFAULT


def known_models() -> tuple[str, ...]:
    """Kinds of models, built in and plugged in."""
    return tuple(sorted({*_BUILT_IN, *_plugged_in()}))


def open_model(
    name: str,
    *,
    seed: int,
    strict: bool = False,
    dealt: Collection[str] = frozenset(),
    base_url: str | None = None,
    timeout_s: float = 300.0,
    record: str | None = None,
    environ: Mapping[str, str] | None = None,
) -> Model:
    """Open a model by name; nothing is asked of it yet.

    Args:
        name: `offline`, `openai:MODEL`, `litellm:PROVIDER/MODEL`, `recorded:DIR`, `folder:DIR`, or a plug-in's name;
            several with their shares as in `openai:gpt-5=3,offline`.
        seed: Seed of the run.
        strict: Refuse a recording whose prompts differ.
        dealt: What the run's completions say in `model`; a folder tells from it which files it dealt already.
        base_url: Address of an OpenAI-compatible server; else `OPENAI_BASE_URL`, else OpenAI's own.
        timeout_s: Wall clock of one attempt of a call.
        record: Folder to which every completion is recorded.
        environ: Environment variables; those of this process when absent.

    Raises:
        UnknownName: No such kind of model; lists the near misses.
        MissingExtra: It needs a package that is not installed.
        UsageError: A key, a folder or a model's name is missing.
    """
    settings = Settings(
        seed=seed,
        strict=strict,
        dealt=frozenset(dealt),
        base_url=base_url,
        timeout_s=timeout_s,
        environ=dict(os.environ if environ is None else environ),
    )
    opened = [(author, _open(author.name, settings)) for author in authors(name)]
    model = opened[0][1] if len(opened) == 1 else Mixture(opened)
    return RecordingModel(model, Path(record).expanduser()) if record else model


def _open(name: str, settings: Settings) -> Model:
    kind, _, argument = name.partition(":")
    return _find(kind, name)(argument, settings)


def _find(kind: str, name: str) -> Opener:
    if kind in _BUILT_IN:
        opener: Opener = _BUILT_IN[kind].load()
        return opener
    plugged_in = _plugged_in()
    if kind in plugged_in:
        try:
            opener = plugged_in[kind].load()
        except Exception as fault:
            raise UsageError(
                f"model {kind!r}: its plug-in {plugged_in[kind].value} cannot be loaded: "
                f"{type(fault).__name__}: {fault}",
                hint="update or uninstall the package that provides it",
            ) from fault
        return opener
    if _LANGUAGE_MODEL.fullmatch(name):
        raise UnknownName(
            "model",
            name,
            known_models(),
            hint=f"say who serves it: openai:{name} for OpenAI or a compatible server (--base-url), "
            f"litellm:PROVIDER/{name} for every other provider",
        )
    if "/" in kind:
        raise UnknownName(
            "model", name, known_models(), hint=f"litellm:{name} asks that provider; folder:DIR reads files"
        )
    raise UnknownName("model", name, known_models())


def _plugged_in() -> dict[str, EntryPoint]:
    """Plug-ins by name, not loaded; one that takes a built-in's name is passed over with a warning."""
    found: dict[str, EntryPoint] = {}
    for point in entry_points(group=GROUP):
        if point.name in _BUILT_IN:
            warnings.warn(f"plug-in {point.value} may not replace the model {point.name!r}", stacklevel=2)
        else:
            found[point.name] = point
    return found


def open_offline(argument: str, settings: Settings) -> Model:
    """The offline author."""
    if argument:
        raise UsageError(f"offline takes no argument, not {argument!r}", hint="--model offline")
    from rewardsmith.models.offline import OfflineAuthor

    author: Model = OfflineAuthor(seed=settings.seed)
    return author


def open_folder(argument: str, settings: Settings) -> Model:
    """Completions from files."""
    from rewardsmith.models.folder import FolderModel, dealt_files

    return FolderModel(_folder("folder", argument), dealt=dealt_files(settings.dealt))


def open_recorded(argument: str, settings: Settings) -> Model:
    """A recording."""
    from rewardsmith.models.recorded import RecordedModel

    return RecordedModel(_folder("recorded", argument), strict=settings.strict)


def open_openai(argument: str, settings: Settings) -> Model:
    """OpenAI or a compatible server."""
    _needs("openai", "openai", argument, "openai:gpt-5")
    from rewardsmith.models.openai import OpenAIModel

    return OpenAIModel.configure(
        argument, base_url=settings.base_url, timeout_s=settings.timeout_s, environ=settings.environ
    )


def open_litellm(argument: str, settings: Settings) -> Model:
    """Every other provider."""
    _needs("litellm", "litellm", argument, "litellm:anthropic/claude-sonnet-4-5")
    from rewardsmith.models.litellm import LiteLLMModel

    return LiteLLMModel(argument, base_url=settings.base_url, timeout_s=settings.timeout_s, environ=settings.environ)


def _folder(kind: str, argument: str) -> Path:
    if not argument:
        raise UsageError(f"{kind} needs a folder", hint=f"--model {kind}:DIR")
    return Path(argument).expanduser()


def _needs(package: str, extra: str, argument: str, example: str) -> None:
    if not argument:
        raise UsageError(f"{extra} needs the name of a model", hint=f"such as --model {example}")
    if importlib.util.find_spec(package) is None:
        raise MissingExtra(
            f"--model {extra}:{argument} needs the package {package}", hint=f"pip install 'rewardsmith[{extra}]'"
        )
