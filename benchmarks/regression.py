"""What `rewardsmith check` catches and when it cries wolf: damages and harmless changes over many seeds.

    python -m benchmarks.regression [--tasks hopper walker2d] [--seeds 100] [--folder runs/regression]

A known good reward is trained once for each task. For each seed a lock is made anew: random, idle, reckless and
scripted episodes, beginnings and states of the simulator are drawn by that seed. Every damage and every harmless
change is then checked against that lock by the tiers that train nothing. `first` is the tier that told first, `right
words` how often it said what was wrong; a column of a tier counts what it tells by itself. What was measured lies in
the folder, a line for each seed, and is not measured again. Intervals are Wilson's, 95 %.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from scipy.stats import binomtest

from benchmarks.damages import DAMAGE, ENVIRONMENTS, GOOD, HARMLESS, UNHARMED, edited, moved
from rewardsmith.app import EvolveRequest, Settings, Workshop
from rewardsmith.checking import static
from rewardsmith.checking.checking import check
from rewardsmith.checking.kept import Kept
from rewardsmith.checking.locking import lock, record
from rewardsmith.checking.simulator import Script, read_script, read_steps
from rewardsmith.domain.job import ScriptJob, StepJob, SurveyJob
from rewardsmith.domain.regression import TIERS, CheckResult
from rewardsmith.domain.states import SimulatorState
from rewardsmith.domain.survey import Probe, Survey
from rewardsmith.domain.task import Task
from rewardsmith.reports.words import table
from rewardsmith.reward import process
from rewardsmith.reward.source import analyse
from rewardsmith.search.surveying import load_survey
from rewardsmith.worker import scripting, stepping, survey, view

STEPS = 20_000
"""Of the training that gives the trained episodes."""
EPISODES, MOST_STEPS = 6, 400
"""Of the random episodes of a seed."""

Line = dict[str, list[Any]]
"""For each change: the tiers that spoke, and whether the words were right."""


def main() -> None:
    """Measure what is not measured yet and print the tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--tasks", nargs="+", default=["hopper", "walker2d"])
    parser.add_argument("--seeds", type=int, default=100)
    parser.add_argument("--folder", type=Path, default=Path("runs/regression"))
    options = parser.parse_args()
    _once()
    lines = []
    for task in options.tasks:
        file = options.folder / f"{task}.jsonl"
        file.parent.mkdir(parents=True, exist_ok=True)
        done = [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
        if len(done) < options.seeds:
            bench = Bench(task, options.folder)
            with file.open("a") as stream:
                for seed in range(len(done), options.seeds):
                    done.append(bench.measure(seed))
                    stream.write(json.dumps(done[-1]) + "\n")
                    stream.flush()
        lines += done[: options.seeds]
    print(f"{len(lines)} locks of {', '.join(options.tasks)}\n")
    print("\n\n".join(_tables(lines)))


def _once() -> None:
    """Slice each environment's source, and analyse each reward, once: neither knows of seeds, and both take long."""
    views: dict[str, Any] = {}

    def without_reward(env: Any, info: Any) -> Any:
        name = f"{env.spec.id} {env.spec.kwargs} {sorted(info)}"
        if name not in views:
            views[name] = view.without_reward(env, info)
        return views[name]

    vars(survey)["without_reward"] = without_reward
    analyses: dict[str, Any] = {}

    def analysed(source: str, signals: Any, **named: Any) -> Any:
        name = f"{source} {[*signals]} {named}"
        if name not in analyses:
            analyses[name] = analyse(source, signals, **named)
        return analyses[name]

    for room in (static, process):
        vars(room)["analyse"] = analysed


class Bench:
    """A good reward that was trained on a task."""

    def __init__(self, name: str, folder: Path) -> None:
        self.workshop = Workshop(Settings(runs=folder / "runs"))
        self.run = run = f"{name}-good"
        if run in {each.run for each in self.workshop.runs()}:
            self.workshop.resume(run, lambda *_: None)
        else:
            reward = folder / "good.py"
            reward.write_text(GOOD)
            asked = EvolveRequest(
                env=name, budget="quick", iterations=1, k=1, steps=STEPS, baselines=(), name=run,
                start_reward=str(reward),
            )  # fmt: skip
            self.workshop.evolve(*self.workshop.prepare(asked), lambda *_: None)
        self.told, self.task = self.workshop.run(run), self.workshop.task(name)
        self.good = next(each for each in self.told.candidates.values() if each.source)

    def measure(self, seed: int) -> Line:
        """Lock the reward by this seed, and check every change."""
        limits = self.workshop.keeper.limits
        seen, probe = _surveyed(self.task, seed)
        job, folder = ScriptJob(task=self.task, signals=seen.signals, seed=seed), self.workshop.folder(self.run)
        recorded = record(
            self.told, self.good, seen, probe, folder, limits,
            script=lambda trained: _scripted(job.model_copy(update={"trained": tuple(trained)}), seen),
        )  # fmt: skip
        kept = Kept("good.py", GOOD, lock(self.told, self.good, seen, recorded, {}), recorded)
        line: Line = {}
        for name, edits in [*((n, d.edits) for n, d in DAMAGE.items()), *HARMLESS.items()]:
            result = check(replace(kept, source=edited(GOOD, edits)), seen, probe)
            line[name] = _told(result, DAMAGE[name].words if name in DAMAGE else "")
        for name, to in [*ENVIRONMENTS.items(), *UNHARMED.items()]:
            task = moved(self.task, to)
            there, rows = _surveyed(task, seed)
            line[name] = _told(check(kept, there, rows, again=_stepping(task, there)), to.words)
        return line


def _surveyed(task: Task, seed: int) -> tuple[Survey, Probe]:
    with TemporaryDirectory() as folder:
        out = Path(folder) / "out"
        survey.run(SurveyJob(task=task, seed=seed, episodes=EPISODES, max_steps=MOST_STEPS), out)
        return load_survey(out.parent)


def _scripted(job: ScriptJob, seen: Survey) -> Script:
    with TemporaryDirectory() as folder:
        out = Path(folder) / "out"
        out.mkdir()
        scripting.run(job, out)
        return read_script(out.parent, seen)


def _stepping(task: Task, seen: Survey) -> Any:
    def again(states: tuple[SimulatorState, ...]) -> Probe | str:
        with TemporaryDirectory() as folder:
            out = Path(folder) / "out"
            out.mkdir()
            stepping.run(StepJob(task=task, signals=seen.signals, states=states), out)
            return read_steps(out.parent, seen, states)

    return again


def _told(result: CheckResult, words: str) -> list[Any]:
    bad = [tier for tier in result.tiers if tier.verdict == "regressed"]
    said = "\n".join(f"{finding.what}: {finding.words}" for tier in bad for finding in tier.findings)
    return [[tier.tier for tier in bad], words in said]


def _tables(lines: list[Line]) -> Iterator[str]:
    rows = []
    for name in [*DAMAGE, *ENVIRONMENTS]:
        told = [line[name] for line in lines]
        first = [tiers[0] if tiers else "none" for tiers, _ in told]
        by = [str(sum(tier in tiers for tiers, _ in told)) for tier in TIERS]
        right = sum(right for tiers, right in told if tiers)
        caught = sum(bool(tiers) for tiers, _ in told)
        rows.append([name, _share(caught, len(told)), max(set(first), key=first.count), *by, str(right)])
    yield table(["damage", "caught", "first", *TIERS, "right words"], rows, markdown=True)
    rows = [[name, _share(sum(bool(line[name][0]) for line in lines), len(lines))] for name in [*HARMLESS, *UNHARMED]]
    alarmed = sum(any(line[name][0] for name in [*HARMLESS, *UNHARMED]) for line in lines)
    rows.append(["any of them", _share(alarmed, len(lines))])
    yield table(["harmless change", "false alarms"], rows, markdown=True)


def _share(count: int, of: int) -> str:
    low, high = binomtest(count, of).proportion_ci(method="wilson")
    return f"{count} of {of} [{100 * low:.2g} %, {100 * high:.3g} %]"


if __name__ == "__main__":
    main()
