"""Tasks of the DeepMind Control Suite as Gymnasium environments, and their source without the reward."""

import re
from pathlib import Path

import gymnasium
import numpy as np
import pytest

from rewardsmith.catalogue.folders import find_folders
from rewardsmith.catalogue.tasks import load_task
from rewardsmith.worker.backends.gymnasium import make
from rewardsmith.worker.view import without_reward

pytest.importorskip("dm_control", reason="needs pip install 'rewardsmith[dm-control]'")

FOLDERS = find_folders(here=Path(__file__).resolve().parents[2])
WORDS = re.compile(r"[Rr]eward|tolerance|_SPEED|_HEIGHT|move_speed|_hopping|sparse")
"""What only the rewards of the suite use."""


def played(name: str, seed: int, steps: int = 20) -> np.ndarray:
    env = make(load_task(name, FOLDERS))
    env.action_space.seed(seed)
    rows = [env.reset(seed=seed)[0], *(env.step(env.action_space.sample())[0] for _ in range(steps))]
    env.close()
    return np.stack(rows)


@pytest.mark.parametrize("name", ["dm_cheetah_run", "dm_reacher_easy"])
def test_a_seed_is_an_episode(name: str) -> None:
    np.testing.assert_array_equal(played(name, 1), played(name, 1))
    assert not np.array_equal(played(name, 1)[0], played(name, 2)[0])


def test_it_is_the_suites_own_episode() -> None:
    from dm_control import suite

    ours = make(load_task("dm_walker_walk", FOLDERS))
    theirs = suite.load("walker", "walk", task_kwargs={"random": 5})
    seen = ours.reset(seed=5)[0]
    told = theirs.reset()
    for _ in range(1000):
        np.testing.assert_array_equal(seen, np.concatenate([np.ravel(part) for part in told.observation.values()]))
        action = ours.action_space.sample()
        seen, reward, terminated, truncated, _ = ours.step(action)
        told = theirs.step(action)
        assert reward == told.reward
        assert (terminated, truncated) == (False, told.last())
    ours.close()
    assert truncated


def test_an_unstable_simulation_ends_the_episode() -> None:
    env = make(load_task("dm_cheetah_run", FOLDERS))
    env.reset(seed=0)
    env.unwrapped.data.qvel[:] = 1e12
    seen, _, terminated, _, _ = env.step(env.action_space.sample())
    assert terminated
    assert np.isfinite(seen).all()
    env.reset(seed=0)
    assert not env.step(env.action_space.sample())[2]
    env.close()


@pytest.mark.parametrize("domain", ["cheetah-run", "humanoid-walk", "hopper-hop", "quadruped-walk", "walker-walk"])
def test_the_view_holds_what_the_policy_sees_and_nothing_of_the_reward(domain: str) -> None:
    import rewardsmith.environments.dm_control  # noqa: F401 - registers the ids

    env = gymnasium.make(f"dm_control/{domain}-v0", disable_env_checker=True)
    text = without_reward(env).text
    env.close()
    body = text.partition("\n")[2]
    compile(body, "view", "exec")
    assert "def get_observation(self, physics):" in body
    assert "def initialize_episode(self, physics):" in body
    assert not WORDS.search(body), WORDS.search(body)
