from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from rewardsmith.domain.report import Report
from rewardsmith.errors import ScoreRuleError, StoreError, TaskError
from rewardsmith.search.believing import check_report
from rewardsmith.store.arrays import read_arrays, read_tensors
from rewardsmith.worker import train as room
from rewardsmith.worker.scoring import ScoredEpisode

from .conftest import PPO, SAC, UPRIGHT, Train, make_job, make_task

TRAINERS: dict[str, dict[str, Any]] = {
    "PPO": {"algorithm": "stable_baselines3.PPO", "settings": PPO},
    "SAC": {"algorithm": "stable_baselines3.SAC", "settings": SAC},
}

CONSTANT: dict[str, Any] = {"settings": PPO | {"learning_rate": 0.001}}


class Killed(Exception):
    pass


def without_clock(report: Report) -> dict[str, Any]:
    return report.model_dump(exclude={"wall_s", "steps_per_second"})


def interrupt(monkeypatch: pytest.MonkeyPatch, train: Train, job: Any, name: str) -> None:
    """Train until the first checkpoint is written, then break off."""
    save = room.save_checkpoint

    def save_and_break(*arguments: Any) -> None:
        save(*arguments)
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(room, "save_checkpoint", save_and_break)
        with pytest.raises(Killed):
            train(job, name)


def test_what_a_training_leaves_behind(train: Train) -> None:
    report, out = train(make_job(tensorboard=True))
    assert report.failure is None
    assert report.steps == 512
    assert [rung.steps for rung in report.rungs] == [256, 512]
    assert report.best_rung == int(np.argmax([rung.mean for rung in report.rungs]))
    assert report.score == max(rung.mean for rung in report.rungs)
    assert report.scoring_steps == 2 * 3 * 50
    assert {component.name for component in report.components} == {"total", "upright", "effort"}
    assert sum(point.episodes for point in report.episodes) == 2 * 2 * (128 // 50)
    with (out / "learning_curve.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [float(row["score_mean"]) for row in rows] == [rung.mean for rung in report.rungs]
    assert {"steps", "score_std", "episode_length", "mean_upright", "mean_effort"} <= set(rows[0])
    assert json.loads((out / "progress.json").read_text())["steps"] == 512
    events = EventAccumulator(str(out / "tensorboard")).Reload()
    assert [event.value for event in events.Scalars("score/mean")] == pytest.approx([r.mean for r in report.rungs])
    assert {"reward/upright", "train/value_loss", "time/fps"} <= set(events.Tags()["scalars"])
    archive = read_arrays(out, "archive.npz")
    assert archive["__lengths__"].tolist() == [50] * 6
    assert archive["observation"].shape == (300, 3)
    assert np.flatnonzero(archive["__starts__"]).tolist() == [0, 50, 100, 150, 200, 250]
    for number, score in enumerate(archive["__scores__"]):
        rows_of = archive["observation"][50 * number : 50 * number + 50, 0]
        assert score == pytest.approx(rows_of.sum() / 50, rel=1e-5)


def test_the_same_job_gives_the_same_result_and_another_seed_another(train: Train) -> None:
    first, second, third = (
        train(make_job(seed=seed, steps=256, rungs=1), name)[0] for seed, name in ((1, "a"), (1, "b"), (2, "c"))
    )
    assert without_clock(first) == without_clock(second)
    assert first.rungs != third.rungs


@pytest.mark.parametrize("trainer", ["PPO", "SAC"])
def test_a_resumed_training_ends_as_an_undisturbed_one_to_the_bit(
    trainer: str, train: Train, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # SAC's replay buffer holds 200 steps of each environment and so has gone round before the last rung
    job = make_job(make_task(trainer=TRAINERS[trainer]), steps=600, rungs=3)
    undisturbed, out = train(job, "undisturbed")
    interrupt(monkeypatch, train, job, "broken off")
    capsys.readouterr()
    resumed, resumed_out = train(job, "resumed", tmp_path / "broken off" / "out")
    assert capsys.readouterr().out.startswith("resumed after rung 1 ")
    assert without_clock(resumed) == without_clock(undisturbed)
    names = {str(path.relative_to(out)) for path in out.rglob("*") if path.is_file()}
    assert names == {str(path.relative_to(resumed_out)) for path in resumed_out.rglob("*") if path.is_file()}
    for name in names:
        if name.endswith(".npz"):
            ours, theirs = read_arrays(resumed_out, name), read_arrays(out, name)
            assert ours.keys() == theirs.keys()
            assert all(np.array_equal(ours[key], theirs[key]) for key in ours), name
        elif name.endswith(".safetensors"):
            mine, other = read_tensors(resumed_out, name), read_tensors(out, name)
            assert mine.keys() == other.keys()
            assert all(np.array_equal(mine[key], other[key]) for key in mine), name
        elif name.endswith(("policy.json", "learning_curve.csv")):
            assert (resumed_out / name).read_bytes() == (out / name).read_bytes()


@pytest.mark.parametrize("trainer", ["PPO", "SAC"])
def test_a_training_that_pauses_and_goes_on_ends_as_an_undisturbed_one(
    trainer: str, train: Train, tmp_path: Path
) -> None:
    job = make_job(make_task(trainer=TRAINERS[trainer]), steps=600, rungs=3)
    undisturbed, _ = train(job, "undisturbed")
    paused, _ = train(job.model_copy(update={"until": 1}), "first")
    assert paused.rungs == undisturbed.rungs[:1]
    assert paused.steps == paused.rungs[0].steps
    check_report(paused, job.model_copy(update={"until": 1}))
    with pytest.raises(StoreError):
        check_report(paused, job)
    train(job.model_copy(update={"until": 2}), "second", tmp_path / "first" / "out")
    whole, _ = train(job, "third", tmp_path / "second" / "out")
    assert without_clock(whole) == without_clock(undisturbed)


def test_nothing_to_resume_starts_from_the_beginning(train: Train, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    report, _ = train(make_job(steps=256, rungs=1), "fresh", tmp_path / "empty")
    assert report.steps == 256


def test_a_rung_ends_with_a_whole_rollout(train: Train) -> None:
    report, _ = train(make_job(steps=300, rungs=2, episodes=1))
    assert [rung.steps for rung in report.rungs] == [256, 384]
    assert report.steps == 384


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ("    return observation[:, 0] * np.nan, {}", "not_finite"),
        ("    return observation[:, 7], {}", "exception"),
        ("    return observation, {}", "shape"),
        ("    import os\n    return observation[:, 0], {}", "forbidden_import"),
    ],
)
def test_a_faulty_reward_ends_in_a_report(body: str, kind: str, train: Train) -> None:
    source = f"import numpy as np\n\n\ndef compute_reward(observation):\n{body}\n"
    report, out = train(make_job(source=source))
    assert report.failure is not None
    assert (report.failure.gate, report.failure.kind) == ("train", kind)
    assert report.best_rung is None
    assert report.score is None
    assert not (out / "policy.safetensors").exists()


def test_memory_begins_anew_with_every_episode(train: Train) -> None:
    source = """
import numpy as np

MEMORY = {"age": 0.0}


def compute_reward(observation, memory):
    memory["age"] = memory["age"] + 1.0
    return np.where(memory["age"] > 90.0, np.nan, observation[:, 0]), {}
"""
    # episodes last 50 steps: only memory that outlives one would pass 90
    report, _ = train(make_job(source=source, steps=256, rungs=1))
    assert report.failure is None


def test_weights_that_break_are_a_failure(train: Train) -> None:
    trainer = {"settings": PPO | {"learning_rate": 1e30, "max_grad_norm": 1e30}, "normalize_reward": False}
    report, _ = train(make_job(make_task(trainer=trainer)))
    assert report.failure is not None
    assert (report.failure.gate, report.failure.kind) == ("train", "diverged")


def test_the_three_kinds_of_reward(train: Train) -> None:
    human, _ = train(make_job(kind="human", steps=256, rungs=1), "human")
    assert [component.name for component in human.components] == ["total"]
    assert all(point.high <= 0.0 for point in human.components[0].points)
    sparse, _ = train(make_job(kind="sparse", steps=256, rungs=1), "sparse")
    assert all(0.0 in (point.low, point.high) and point.std > 0.0 for point in sparse.components[0].points)
    assert sparse.components[0].correlation == pytest.approx(1.0)
    rule = """
def score(observation):
    return 1.0


def sparse(observation):
    return observation[:, 0], {"height": observation[:, 0]}
"""
    dense, _ = train(make_job(make_task(score=rule), kind="sparse", steps=256, rungs=1), "rule")
    assert [component.name for component in dense.components] == ["total", "height"]


def test_no_stock_reward_no_human_baseline(train: Train) -> None:
    task = make_task()
    task = task.model_copy(update={"environment": task.environment.model_copy(update={"stock_reward": False})})
    with pytest.raises(TaskError, match="not about this task"):
        train(make_job(task, kind="human"))


def test_a_score_rule_that_raises_is_an_error_and_no_failure_of_the_candidate(train: Train) -> None:
    with pytest.raises(ScoreRuleError):
        train(make_job(make_task(score="def score(observation):\n    return 1.0 / 0.0\n")))


def test_the_best_rung_is_picked_on_one_set_of_episodes_and_reported_on_another(train: Train) -> None:
    search, search_out = train(make_job(), "search")
    final, final_out = train(make_job(final=True), "final")
    assert final.rungs == search.rungs
    assert final.best_rung == search.best_rung
    assert search.final is None
    assert final.final is not None
    assert final.final.steps == final.rungs[final.best_rung or 0].steps
    assert not set(final.final.scores) & {score for rung in final.rungs for score in rung.scores}
    assert final.score == final.final.mean == pytest.approx(np.mean(final.final.scores))
    assert final.components == search.components
    assert final.scoring_steps == search.scoring_steps + sum(final.final.lengths)
    ours, theirs = read_tensors(final_out, "policy.safetensors"), read_tensors(search_out, "policy.safetensors")
    assert all(np.array_equal(ours[name], theirs[name]) for name in theirs)


def test_the_final_scoring_plays_the_best_rung_and_no_later_one(train: Train, monkeypatch: pytest.MonkeyPatch) -> None:
    play, played = room.HeldOut.play, 0

    def play_worse(self: Any, *arguments: Any) -> list[ScoredEpisode]:
        nonlocal played
        played += 1
        worse = 1000.0 * (played == 2)
        return [replace(episode, score=episode.score - worse) for episode in play(self, *arguments)]

    # the same first rung, and a second that is worse: what is reported is the first
    with monkeypatch.context() as patch:
        patch.setattr(room.HeldOut, "play", play_worse)
        longer, _ = train(make_job(make_task(trainer=CONSTANT), final=True, steps=512, rungs=2), "longer")
    short, _ = train(make_job(make_task(trainer=CONSTANT), final=True, steps=256, rungs=1), "short")
    assert longer.best_rung == 0
    assert longer.final == short.final


def test_a_training_killed_before_its_final_scoring_ends_as_an_undisturbed_one(
    train: Train, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = make_job(final=True)
    undisturbed, _ = train(job, "undisturbed")

    def killed(self: Any, *arguments: Any) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(room._Training, "_score_once_more", killed)
        with pytest.raises(Killed):
            train(job, "broken off")
    resumed, _ = train(job, "resumed", tmp_path / "broken off" / "out")
    assert without_clock(resumed) == without_clock(undisturbed)


class Broken(gymnasium.Env[Any, Any]):
    """Ten steps of nothing; then its reward or its observation is NaN."""

    observation_space = gymnasium.spaces.Box(-10.0, 10.0, (3,), np.float32)
    action_space = gymnasium.spaces.Box(-1.0, 1.0, (1,), np.float32)

    def __init__(self, what: str) -> None:
        self.what, self.steps = what, 0

    def reset(self, **_: Any) -> tuple[Any, dict[str, Any]]:
        return np.zeros(3, np.float32), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        self.steps += 1
        wrong = np.nan if self.steps > 10 else 0.0
        observation = np.full(3, wrong if self.what == "observation" else 0.1 * float(action[0]), np.float32)
        return observation, wrong if self.what == "reward" else 1.0, False, False, {}


@pytest.mark.parametrize(
    ("what", "algorithm", "kind"),
    [("reward", "PPO", "not_finite"), ("reward", "SAC", "not_finite"), ("observation", "PPO", "diverged")],
)
def test_what_an_environment_breaks_ends_in_a_report(what: str, algorithm: str, kind: str, train: Train) -> None:
    name = f"Broken{what.title()}-v0"
    gymnasium.register(name, entry_point=lambda: Broken(what), disable_env_checker=True)
    try:
        job = make_job(make_task(trainer=TRAINERS[algorithm] | {"normalize_observation": False}), kind="human")
        environment = job.task.environment.model_copy(update={"id": name})
        report, _ = train(
            job.model_copy(update={"task": job.task.model_copy(update={"environment": environment})}), what
        )
    finally:
        del gymnasium.registry[name]
    assert report.failure is not None
    assert (report.failure.gate, report.failure.kind) == ("train", kind)
    assert "environment" in report.failure.message


def test_discrete_actions(train: Train) -> None:
    source = """
def compute_reward(observation, action, terminated):
    return observation[:, 0] + action * (1.0 - terminated), {}
"""
    for name, trainer in (
        ("ppo", TRAINERS["PPO"]),
        (
            "dqn",
            {
                "algorithm": "stable_baselines3.DQN",
                "settings": {"learning_starts": 32, "buffer_size": 500, "train_freq": 2},
            },
        ),
    ):
        task = make_task(
            "CartPole-v1", trainer=trainer, score="def score(observation):\n    return float(len(observation))\n"
        )
        report, _ = train(make_job(task, source=source, steps=256, rungs=1), name)
        assert report.failure is None
        assert report.rungs[0].scores == tuple(float(length) for length in report.rungs[0].lengths)


def test_a_warm_training_begins_with_the_best_policy_of_another(train: Train) -> None:
    _, parent = train(make_job(), "parent")
    still = make_task(trainer={"settings": PPO | {"learning_rate": 0.0}})
    other = UPRIGHT.replace("-0.01", "-0.02")
    report, out = train(make_job(still, other, warm=True, steps=256, rungs=1), "child", resume=parent)
    before, after = (read_tensors(folder, "policy.safetensors") for folder in (parent, out))
    assert {name: array.tolist() for name, array in before.items()} == {n: a.tolist() for n, a in after.items()}
    assert report.steps == 256
    counts = [int(_normalisation(folder)["observation_count"]) for folder in (parent, out)]
    assert counts[1] > counts[0]
    assert int(_normalisation(out)["reward_count"]) == 256


def test_a_warm_training_does_not_begin_with_a_policy_that_does_not_fit(train: Train) -> None:
    _, parent = train(make_job(), "parent")
    wider = make_task(trainer={"settings": PPO | {"policy_kwargs": {"net_arch": [8]}}})
    with pytest.raises(StoreError, match=r"policy\.safetensors"):
        train(make_job(wider, warm=True), "child", resume=parent)


def _normalisation(out: Path) -> dict[str, Any]:
    with np.load(out / "normalisation.npz", allow_pickle=False) as arrays:
        return dict(arrays)
