"""Trains one agent on one reward and scores it at every rung."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass, field
from pathlib import Path

import torch

from rewardsmith.domain.job import TrainJob
from rewardsmith.domain.report import Failure, Report, Rung
from rewardsmith.errors import StoreError, one_line
from rewardsmith.reward.process import RewardFailed, ScoreProcess
from rewardsmith.reward.source import RewardRejected
from rewardsmith.worker.archive import Archive
from rewardsmith.worker.backends.opening import open_training_worlds, open_worlds
from rewardsmith.worker.checkpoint import Checkpoint, State, load_checkpoint, save_checkpoint
from rewardsmith.worker.curve import LearningCurve
from rewardsmith.worker.files import write_arrays, write_text
from rewardsmith.worker.learner import Diverged, Learner
from rewardsmith.worker.policy import Weights, read_policy, write_policy
from rewardsmith.worker.progress import ProgressFile
from rewardsmith.worker.rewards import RewardSource, open_rewards
from rewardsmith.worker.scoring import HeldOut, ScoredEpisode
from rewardsmith.worker.seeds import held_out_seeds
from rewardsmith.worker.statistics import TOTAL
from rewardsmith.worker.video import record_video

__all__ = ["run"]

_SIDE_BY_SIDE = 16


def run(job: TrainJob, out: Path, resume: Path | None = None) -> None:
    """Train, score at every rung, and write everything into `out`; the report comes last.

    A fault of the reward ends in a report with a failure, and nothing is raised.

    Args:
        job: What to train.
        out: Existing folder, empty at first.
        resume: The `out` of an earlier attempt at the same job; its last rung is where this one starts. The end result
            is that of an undisturbed training, to the bit. With `job.warm` the `out` of another training, whose best
            policy is where this one starts.

    Raises:
        TaskError: the task's trainer or environment is wrong.
        ScoreRuleError: the score rule raised, or returned no finite number.
        InfrastructureError: a process could not do its work.
    """
    torch.set_num_threads(1)
    training = _Training(job, out)
    try:
        with contextlib.ExitStack() as stack:
            training.go(stack, resume)
    except (RewardRejected, RewardFailed) as fault:
        training.failure = fault.failure.model_copy(update={"gate": "train"})
    except Diverged as fault:
        training.failure = Failure(gate="train", kind="diverged", message=str(fault))
    training.finish()


@dataclass
class _Training:
    """One job on its way from rung to rung."""

    job: TrainJob
    out: Path
    started: float = field(default_factory=time.monotonic)
    learning_s: float = 0.0
    earlier_s: float = 0.0
    scoring_steps: int = 0
    rungs: list[Rung] = field(default_factory=list)
    best: int | None = None
    best_weights: Weights | None = None
    final: Rung | None = None
    failure: Failure | None = None
    learner: Learner | None = None
    worlds: int | None = None

    def go(self, stack: contextlib.ExitStack, resume: Path | None) -> None:
        """Open what is needed, then train and score rung after rung."""
        job = self.job
        signals = {signal.name: signal for signal in job.signals}
        horizon, source = job.task.environment.horizon, job.task.score.source
        worlds = open_training_worlds(job.task)
        stack.callback(worlds.close)
        self.worlds = worlds.count if worlds.count < job.task.trainer.environments else None
        score = stack.enter_context(
            ScoreProcess(
                source, signals, dt=worlds.seconds_per_step, horizon=horizon, limits=job.limits, namespaces=False
            )
        )
        rewards: RewardSource = stack.enter_context(contextlib.closing(open_rewards(job, signals, score)))
        learner = Learner(job, worlds, rewards, self.out / "tensorboard" if job.tensorboard else None)
        self.learner = learner
        stack.callback(learner.close)
        archive = Archive(job.signals, horizon=horizon, rungs=job.rungs, episodes=min(job.episodes, _SIDE_BY_SIDE))
        held_out = HeldOut(
            open_worlds(job.task, min(job.episodes, _SIDE_BY_SIDE)),
            signals,
            horizon=horizon,
            score=score,
            rewards=rewards,
            archived=archive.per_rung,
        )
        stack.callback(held_out.close)
        curve = LearningCurve(self.out / "learning_curve.csv")
        progress = ProgressFile(self.out / "progress.json", of=learner.targets[-1])
        done = self._resume(resume, learner, archive, curve)
        for rung in range(done, job.last):
            self._train(learner, rung, progress)
            episodes = held_out.play(learner.act, held_out_seeds(job.episodes, final=False))
            self._take_in(learner, episodes, rung)
            archive.add(rung, learner.steps, episodes)
            learner.note(self.rungs[-1])
            curve.add(learner.steps, self.rungs[-1], learner.statistics.means())
            progress.score = self.rungs[-1].mean
            progress.write(learner.steps)
            write_arrays(self.out / "archive.npz", archive.dump(), compress=True)
            self._save(learner, archive, curve, rung + 1)
            print(f"rung {rung + 1}/{job.rungs}: {learner.steps} steps, score {self.rungs[-1].mean:.6g}", flush=True)
        if job.final and job.last == job.rungs:
            self._score_once_more(learner, held_out)

    def _train(self, learner: Learner, rung: int, progress: ProgressFile) -> None:
        before = time.monotonic()
        try:
            learner.learn(rung, progress)
        finally:
            self.learning_s += time.monotonic() - before

    def _take_in(self, learner: Learner, episodes: list[ScoredEpisode], rung: int) -> None:
        scored = _rung(learner.steps, episodes)
        self.rungs.append(scored)
        self.scoring_steps += sum(scored.lengths)
        sums = {name: [episode.sums[name] for episode in episodes] for name in episodes[0].sums}
        learner.statistics.add_held_out(scored.scores, sums)
        if self.best is None or scored.mean > self.rungs[self.best].mean:
            self.best, self.best_weights = rung, learner.weights()
            write_policy(self.out, self.best_weights, learner.describe())

    def _score_once_more(self, learner: Learner, held_out: HeldOut) -> None:
        """Play the best rung on the third set of episodes: the best of several means is too high on what picked it."""
        assert self.best is not None
        assert self.best_weights is not None
        learner.put_back(self.best_weights)
        episodes = held_out.play(learner.act, held_out_seeds(self.job.episodes, final=True))
        self.final = _rung(self.rungs[self.best].steps, episodes)
        self.scoring_steps += sum(self.final.lengths)
        print(f"final: rung {self.best + 1}, score {self.final.mean:.6g}", flush=True)

    def _save(self, learner: Learner, archive: Archive, curve: LearningCurve, done: int) -> None:
        assert self.best_weights is not None
        assert self.best is not None
        tensors, rest, statistics = learner.dump()
        state = State(
            model=rest,
            statistics=statistics,
            rungs=tuple(self.rungs),
            best=self.best,
            scoring_steps=self.scoring_steps,
            learning_s=self.learning_s,
            wall_s=self._wall(),
            curve=tuple(curve.rows),
        )
        checkpoint = Checkpoint(done, tensors, learner.normalisation(), self.best_weights, archive.dump(), state)
        save_checkpoint(self.out / "checkpoint", checkpoint, learner.replay)

    def _resume(self, resume: Path | None, learner: Learner, archive: Archive, curve: LearningCurve) -> int:
        """Continue from an earlier attempt's last rung; how many rungs it had done."""
        if resume is None:
            return 0
        if self.job.warm:
            learner.put_back(read_policy(resume, learner.weights()))
            print("begun with the policy of another training", flush=True)
            return 0
        try:
            found = load_checkpoint(resume, learner.weights(), archive, rungs=self.job.rungs)
            if found is not None:
                learner.load(*found)
        except StoreError as error:
            print(f"starting over, because a checkpoint cannot be used: {one_line(error.message)}", flush=True)
            return 0
        if found is None:
            return 0
        checkpoint, _ = found
        state = checkpoint.state
        archive.load(checkpoint.archive)
        curve.load(state.curve)
        self.rungs = list(state.rungs)
        self.best, self.best_weights = state.best, checkpoint.best
        self.scoring_steps, self.learning_s, self.earlier_s = state.scoring_steps, state.learning_s, state.wall_s
        write_policy(self.out, checkpoint.best, learner.describe())
        write_arrays(self.out / "archive.npz", archive.dump(), compress=True)
        self._save(learner, archive, curve, checkpoint.rung)
        print(f"resumed after rung {checkpoint.rung} at {learner.steps} steps", flush=True)
        return checkpoint.rung

    def _wall(self) -> float:
        return self.earlier_s + time.monotonic() - self.started

    def finish(self) -> None:
        """Record the video where one is wanted, and write the report."""
        if self.job.video and self.best is not None:
            record_video(self.out.parent, self.out)
        learner, steps = self.learner, 0
        if learner is not None:
            steps = learner.steps
        report = Report(
            reward_id=self.job.reward.reward_id,
            seed=self.job.seed,
            steps=steps,
            scoring_steps=self.scoring_steps,
            wall_s=self._wall(),
            steps_per_second=steps / self.learning_s if self.learning_s > 0 else 0.0,
            rungs=tuple(self.rungs),
            best_rung=self.best,
            final=self.final,
            components=learner.statistics.components() if learner is not None else (),
            episodes=learner.statistics.episodes() if learner is not None else (),
            failure=self.failure,
            worlds=self.worlds,
        )
        if self.failure is not None:
            print(f"failed: {self.failure.kind}: {self.failure.message}", flush=True)
        write_text(self.out / "report.json", report.model_dump_json(indent=1))


def _rung(steps: int, episodes: list[ScoredEpisode]) -> Rung:
    scores = tuple(episode.score for episode in episodes)
    verdicts = [episode.success for episode in episodes if episode.success is not None]
    return Rung(
        steps=steps,
        scores=scores,
        mean=sum(scores) / len(scores),
        lengths=tuple(episode.length for episode in episodes),
        returns=tuple(episode.sums[TOTAL] for episode in episodes),
        success=sum(verdicts) / len(verdicts) if verdicts else None,
    )
