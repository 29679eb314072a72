"""Methods of search side by side on the same recorded candidates, in seconds.

    python -m benchmarks.search [--tasks ant half_cheetah hopper] [--searches 1000] [--k 4] [--generations 2]

Every method searches the same candidates, eight of the twelve that are recorded, dealt in the same order, on the same
recorded training seeds (see `benchmarks.replay` and `benchmarks.record_curves`).

- `worth`: score of the winner on training seeds that the search did not see: the mean over the searches, and between
  what the middle 80 % of single searches lie. All searches draw from one small pool of candidates and seeds, so that
  their number says nothing of how sure a mean is.
- `steps`: environment steps of search and comparison, scoring too, as a share of EUREKA's.
- `over eureka`: how often the winner is worth more than EUREKA's in the same search, a tie counting half.
- `wrong`: share of the stopped candidates that would have been among the two best of the search.
"""

from __future__ import annotations

import argparse
import functools
import statistics
from collections.abc import Sequence

import numpy as np

from benchmarks.recorded import Curves, read
from benchmarks.replay import Method, Outcome, replay
from rewardsmith.catalogue.folders import find_folders
from rewardsmith.catalogue.recipes import load_recipe
from rewardsmith.domain.recipe import ConfirmStage, RaceStage
from rewardsmith.reports.words import table

SHARES = (1.0, 0.25)
"""Of the steps that training every candidate in full takes; at 1 nothing is limited."""


def methods(k: int, generations: int) -> list[Method]:
    """EUREKA first, then smith and smith without each of its levers, at several shares of the steps."""
    folders = find_folders()
    smith, eureka = load_recipe("smith", folders), load_recipe("eureka", folders)
    alone = ConfirmStage(leaders=1)
    levers = {
        "smith": smith,
        "race off": smith.model_copy(update={"race": RaceStage()}),
        "comparison off": smith.model_copy(update={"confirm": alone}),
        "judge off": smith.model_copy(update={"screen": smith.screen.model_copy(update={"archive": False})}),
    }
    make = functools.partial(Method, k=k, generations=generations)
    found = [make("eureka", eureka.model_copy(update={"confirm": alone}))]
    for share in SHARES:
        at = f"smith at {100 * share:.0f} %" if share < 1 else "smith"
        found += [make(at if n == "smith" else f"{at}, {n}", recipe, share=share) for n, recipe in levers.items()]
    return found


def rows(curves: Curves, asked: Sequence[Method], searches: int) -> list[list[str]]:
    """One row per method."""
    outcomes = {method.name: [replay(curves, method, seed) for seed in range(searches)] for method in asked}
    first = outcomes[asked[0].name]
    return [_row(curves, name, found, first) for name, found in outcomes.items()]


def _row(curves: Curves, name: str, found: list[Outcome], eureka: list[Outcome]) -> list[str]:
    worth = [outcome.worth for outcome in found]
    stopped = sum(len(outcome.stopped) for outcome in found)
    wrong = sum(len(outcome.wrong) for outcome in found)
    won = [(a.worth > b.worth) + 0.5 * (a.worth == b.worth) for a, b in zip(found, eureka, strict=True)]
    low, high = np.quantile(worth, [0.1, 0.9])
    return [
        curves.task,
        name,
        f"{statistics.mean(worth):.3f} [{low:.3f}, {high:.3f}]",
        f"{statistics.mean(o.search_max for o in found):.3f}",
        f"{sum(o.steps for o in found) / sum(o.steps for o in eureka):.0%}",
        f"{statistics.mean(won):.2f}",
        f"{stopped / len(found):.1f}",
        f"{wrong / stopped:.0%}" if stopped else "–",
        f"{statistics.mean(o.busy for o in found):.0%}",
    ]


def main() -> None:
    """Print one table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--tasks", nargs="+", default=["ant", "half_cheetah", "hopper"])
    parser.add_argument("--searches", type=int, default=1000)
    parser.add_argument("--k", type=int, default=4)
    parser.add_argument("--generations", type=int, default=2)
    options = parser.parse_args()
    asked = methods(options.k, options.generations)
    found = [row for task in options.tasks for row in rows(read(task), asked, options.searches)]
    header = ["task", "method", "worth", "search maximum", "steps", "over eureka", "stopped", "wrong", "busy"]
    print(table(header, found, markdown=True))


if __name__ == "__main__":
    main()
