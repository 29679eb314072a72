"""Documents show what the commands that they name really print.

A document marks a block like this, and everything in the fence is the command's standard output:

    <!-- output of: rewardsmith evolve --help -->
    ```
    ...
    ```

`python scripts/check_docs.py` compares every marked block of every Markdown file and fails where one is stale;
`--write` brings them up to date. Only commands of rewardsmith are run.
"""

from __future__ import annotations

import difflib
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

BLOCK = re.compile(
    r"(?P<mark><!-- output of: (?P<command>.+?) -->\n```[a-z]*\n)(?P<shown>.*?)(?P<end>^```$)", re.S | re.M
)


def output(command: str, root: Path) -> str:
    """Standard output of a command of rewardsmith, 100 columns wide. Raises CalledProcessError, ValueError."""
    words = shlex.split(command)
    if words[:1] != ["rewardsmith"]:
        raise ValueError(f"{command!r} is no command of rewardsmith")
    clean = {name: value for name, value in os.environ.items() if not name.startswith("REWARDSMITH_")}
    done = subprocess.run(  # the command line stands in this repository's own documents
        [sys.executable, "-m", "rewardsmith", *words[1:]],
        cwd=root,
        env=clean | {"COLUMNS": "100", "NO_COLOR": "1", "LC_ALL": "C.UTF-8"},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=300,
    )
    return done.stdout.rstrip() + "\n"


def fresh(text: str, run: Callable[[str], str]) -> str:
    """The document with every marked block replaced by what its command prints."""
    return BLOCK.sub(lambda found: found["mark"] + run(found["command"]) + found["end"], text)


def check(documents: Iterable[Path], run: Callable[[str], str], *, write: bool) -> tuple[int, int]:
    """Number of marked blocks and of stale documents; stale ones are printed as diffs, or rewritten."""
    blocks = stale = 0
    for document in documents:
        text = document.read_text(encoding="utf-8")
        marks = text.count("<!-- output of: ")
        matched = len(BLOCK.findall(text))
        if marks != matched:
            print(f"error: {document}: {marks} marks but {matched} fenced blocks behind them")
            stale += 1
        blocks += matched
        now = fresh(text, run)
        if now == text:
            continue
        if write:
            document.write_text(now, encoding="utf-8")
            print(f"rewrote {document}")
            continue
        stale += 1
        names = (f"{document} as it is", f"{document} as the commands print it")
        sys.stdout.writelines(difflib.unified_diff(text.splitlines(True), now.splitlines(True), *names))
    return blocks, stale


def main() -> int:
    """Check or rewrite the documents of this repository."""
    root = Path(__file__).resolve().parent.parent
    documents = [
        *sorted(root.glob("*.md")),
        *sorted((root / "docs").rglob("*.md")),
        *sorted((root / "benchmarks").glob("*.md")),
    ]
    blocks, stale = check(documents, lambda command: output(command, root), write="--write" in sys.argv[1:])
    print(f"documents: {len(documents)} with {blocks} shown outputs, {stale} stale")
    if stale:
        print("`make docs` brings them up to date")
    return int(stale > 0 or blocks == 0)


if __name__ == "__main__":
    sys.exit(main())
