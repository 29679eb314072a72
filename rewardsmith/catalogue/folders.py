"""Where the data folders are, and how a user's files lie over those that are shipped.

Each of `envs`, `prompts` and `sandboxes` is a stack of layers. A member (a task, a recipe, a sandbox) is the union of
the folders of its name over all layers, file by file, the first layer first: `./envs/ant/score.py` replaces the shipped
score rule of `ant` and leaves the rest of the task as it is. Recipes of other packages lie under all layers.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from rewardsmith.catalogue.plugged import plugged_in
from rewardsmith.errors import RecipeError, TaskError, UnknownName, UsageError

Kind: TypeAlias = Literal["envs", "prompts", "sandboxes"]

MARKERS: dict[Kind, str] = {"envs": "task.toml", "prompts": "recipe.toml", "sandboxes": "sandbox.toml"}
"""The file without which a folder is no member of its kind."""

_NOUNS: dict[Kind, tuple[str, type[UsageError]]] = {
    "envs": ("task", TaskError),
    "prompts": ("recipe", RecipeError),
    "sandboxes": ("sandbox", UsageError),
}

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
"""What may name a member."""

_PACKAGE = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Folders:
    """The layers of each kind of data folder, the one that wins first."""

    envs: tuple[Path, ...]
    """Folders of tasks."""
    prompts: tuple[Path, ...]
    """Folders of recipes."""
    sandboxes: tuple[Path, ...]
    """Folders of sandboxes."""

    def layers(self, kind: Kind) -> tuple[Path, ...]:
        """Return the layers of `kind`, the one that wins first."""
        found: tuple[Path, ...] = getattr(self, kind)
        return found

    def members(self, kind: Kind) -> tuple[str, ...]:
        """Return the names of all members of `kind`, sorted."""
        names = {child.name for layer in self.layers(kind) for child in layer.iterdir() if child.is_dir()}
        names |= set(self._plugged(kind))
        return tuple(sorted(name for name in names if MARKERS[kind] in self.files(kind, name)))

    def files(self, kind: Kind, name: str) -> dict[str, Path]:
        """Return the files of member `name`, each from the first layer that has it; empty if there is none."""
        plugged = self._plugged(kind).get(name)
        found = files_in(plugged) if plugged else {}
        for layer in reversed(self.layers(kind)):
            found.update(files_in(layer / name))
        return found

    def find(self, kind: Kind, member: str | Path) -> tuple[str, dict[str, Path]]:
        """Find a member by name, or by the path of its folder or of its marker file.

        A bare name is looked up in the layers first and taken as a folder of the working directory second. What a
        path names has no layers.

        Returns:
            Its name, and its files by file name.

        Raises:
            UnknownName: No member of that name; lists the near misses.
            UsageError: Of the kind's class; there is no folder at the path, or its name cannot name a member.
        """
        noun, error = _NOUNS[kind]
        bare = isinstance(member, str) and NAME.fullmatch(member) is not None
        if bare and MARKERS[kind] in (files := self.files(kind, str(member))):
            return str(member), files
        path = Path(member).expanduser()
        folder = path.parent if path.name == MARKERS[kind] else path
        if bare and not (folder / MARKERS[kind]).is_file():
            raise UnknownName(noun, str(member), self.members(kind))
        if not folder.is_dir():
            raise error(f"no {noun} folder {path}", hint=f"name a folder that holds {MARKERS[kind]}")
        name = folder.resolve().name
        if not NAME.fullmatch(name):
            raise error(f"{name!r} cannot name a {noun}", hint="rename its folder: letters, digits, '_', '-' and '.'")
        if MARKERS[kind] not in (files := files_in(folder)):
            raise error(f"{folder}: {MARKERS[kind]} is missing", hint=f"name a folder that holds {MARKERS[kind]}")
        return name, files

    def _plugged(self, kind: Kind) -> dict[str, Path]:
        """Members of other packages by name."""
        return plugged_in(MARKERS[kind], self.prompts[-1]) if kind == "prompts" else {}


def find_folders(
    *,
    envs: Path | None = None,
    prompts: Path | None = None,
    sandboxes: Path | None = None,
    here: Path | None = None,
    package: Path = _PACKAGE,
) -> Folders:
    """Find the data folders.

    Args:
        envs: A folder of tasks that lies over all others, as the settings name it.
        prompts: The same for recipes.
        sandboxes: The same for sandboxes.
        here: Folder whose `envs`, `prompts` and `sandboxes` come next; the working directory when absent.
        package: Folder of the installed package; its `_bundled` comes last, or else the checkout around it.

    Raises:
        UsageError: A folder that was asked for does not exist, or a kind has no folder at all.
    """
    base = Path.cwd() if here is None else here
    return Folders(
        envs=_stack("envs", envs, base, package),
        prompts=_stack("prompts", prompts, base, package),
        sandboxes=_stack("sandboxes", sandboxes, base, package),
    )


def files_in(folder: Path) -> dict[str, Path]:
    """Return the files directly in `folder` by name, hidden ones left out; empty if there is no such folder."""
    if not folder.is_dir():
        return {}
    return {child.name: child for child in folder.iterdir() if child.is_file() and not child.name.startswith(".")}


def _stack(kind: Kind, explicit: Path | None, here: Path, package: Path) -> tuple[Path, ...]:
    if explicit is not None and not explicit.is_dir():
        raise UsageError(f"no folder {explicit}", hint=f"it was named as the folder of {kind}; make it or name another")
    bundled = package / "_bundled" / kind
    candidates = [explicit, here / kind, bundled if bundled.is_dir() else package.parent / kind]
    layers: list[Path] = []
    for candidate in candidates:
        if candidate is not None and candidate.is_dir() and candidate.resolve() not in layers:
            layers.append(candidate.resolve())
    if not layers:
        raise UsageError(
            f"no folder of {kind} found: neither {here / kind} nor {bundled}",
            hint="the installation is incomplete; install rewardsmith again",
        )
    return tuple(layers)
