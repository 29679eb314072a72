"""How much of a choice among recorded candidates is luck: what choosers get who know more or less.

    python -m benchmarks.luck [--tasks ant half_cheetah hopper] [--draws 3000] [--dealt 8]

Each draw deals some of the recorded candidates and an order of their training seeds; the last seed judges. `one seed`
is EUREKA's choice, the highest score on the first; `two seeds` trains every candidate twice and takes the highest mean;
`foresight` knows the judge's scores, as no search can. Behind each, how often it is worth more than EUREKA's choice, a
tie counting half: no search on these candidates can be surer than foresight.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from benchmarks.recorded import read
from rewardsmith.reports.words import table

Scores = npt.NDArray[np.float64]
CHOOSERS: dict[str, Callable[[Scores], int]] = {
    "one seed": lambda scores: int(scores[:, 0].argmax()),
    "two seeds": lambda scores: int(scores[:, :2].mean(axis=1).argmax()),
    "foresight": lambda scores: int(scores[:, -1].argmax()),
}


def main() -> None:
    """Print one table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--tasks", nargs="+", default=["ant", "half_cheetah", "hopper"])
    parser.add_argument("--draws", type=int, default=3000)
    parser.add_argument("--dealt", type=int, default=8)
    options = parser.parse_args()
    rows = [_row(task, options.draws, options.dealt) for task in options.tasks]
    print(table(["task", "any of them", *CHOOSERS], rows, markdown=True))


def _row(task: str, draws: int, dealt: int) -> list[str]:
    curves, generator = read(task), np.random.default_rng(0)
    known = np.array([[curve[seed].score for seed in curves.seeds] for curve in curves.candidates.values()])
    hands = [
        known[generator.choice(len(known), dealt, replace=False)][:, generator.permutation(len(curves.seeds))]
        for _ in range(draws)
    ]
    worth = {name: np.array([hand[choose(hand), -1] for hand in hands]) for name, choose in CHOOSERS.items()}
    eureka = worth["one seed"]
    cells = [f"{np.mean([hand[:, -1].mean() for hand in hands]):.3f}"]
    for each in worth.values():
        over = np.mean((each > eureka) + 0.5 * (each == eureka))
        cells.append(f"{each.mean():.3f} ({over:.2f})")
    return [task, *cells]


if __name__ == "__main__":
    main()
