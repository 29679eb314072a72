"""Modules stay small: over 300 lines is warned of, over 400 fails, and so does a median of 130 or more."""

from __future__ import annotations

import statistics
import sys
from pathlib import Path

SOFT, HARD, MEDIAN = 300, 400, 130


def sizes(package: Path) -> dict[Path, int]:
    """Lines of every module under `package` that holds more than a docstring."""
    found = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in sorted(package.rglob("*.py"))}
    return {path: lines for path, lines in found.items() if path.name != "__init__.py"}


def main(package: Path) -> int:
    """Print what is too large; return 1 if a hard limit is broken."""
    found = sizes(package)
    if not found:
        print(f"no modules under {package}")
        return 1
    failed = False
    for path, lines in sorted(found.items(), key=lambda each: -each[1]):
        if lines > HARD:
            print(f"error: {path} has {lines} lines, more than {HARD}; cut it along a seam")
            failed = True
        elif lines > SOFT:
            print(f"warning: {path} has {lines} lines, more than {SOFT}")
    median = statistics.median(found.values())
    if median >= MEDIAN:
        print(f"error: the median module has {median:g} lines, not under {MEDIAN}")
        failed = True
    print(f"module sizes: {len(found)} modules, median {median:g} lines, largest {max(found.values())}")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1] if len(sys.argv) > 1 else "rewardsmith")))
