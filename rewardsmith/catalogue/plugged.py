"""Recipes of other packages, through one entry-point group: a name, and the package whose folder the recipe is."""

from __future__ import annotations

import importlib.util
import warnings
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

GROUP = "rewardsmith.recipes"
"""Entry-point group: `mine = "my_package.recipes.mine"` names the folder in which that recipe's files lie."""


def plugged_in(marker: str, shipped: Path) -> dict[str, Path]:
    """Folders of recipes by name; a broken one, or one that takes a shipped name, is passed over with a warning.

    Args:
        marker: File without which a folder is no recipe.
        shipped: Folder of the recipes that come with rewardsmith.
    """
    found: dict[str, Path] = {}
    for point in entry_points(group=GROUP):
        folder = _folder(point)
        if (shipped / point.name).is_dir():
            warnings.warn(f"plug-in {point.value} may not replace the recipe {point.name!r}", stacklevel=2)
        elif folder is None or not (folder / marker).is_file():
            said = f"plug-in {point.value}: no folder of that name with {marker}; the recipe {point.name!r} is left out"
            warnings.warn(said, stacklevel=2)
        else:
            found[point.name] = folder
    return found


def _folder(point: EntryPoint) -> Path | None:
    """Where the package lies; it is not imported, but the packages around it are."""
    try:
        spec = importlib.util.find_spec(point.value)
    except Exception:  # whatever a stranger's package raises
        return None
    places = spec.submodule_search_locations if spec else None
    return Path(next(iter(places))) if places else None
