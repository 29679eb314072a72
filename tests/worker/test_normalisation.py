from __future__ import annotations

import gymnasium
import numpy as np
from stable_baselines3.common.vec_env import DummyVecEnv, VecNormalize

from rewardsmith.worker.normalisation import RewardNormaliser, dump_normalisation, load_normalisation


def rollout(rng: np.random.Generator, steps: int = 40, width: int = 3) -> tuple[np.ndarray, np.ndarray]:
    return rng.normal(2.0, 3.0, (steps, width)), rng.random((steps, width)) < 0.1


def test_rewards_a_rollout_at_a_time_are_normalised_as_stable_baselines_does_step_by_step() -> None:
    rng = np.random.default_rng(0)
    theirs = VecNormalize(DummyVecEnv([lambda: gymnasium.make("CartPole-v1") for _ in range(3)]), gamma=0.9)
    ours = RewardNormaliser(0.9, 3)
    for _ in range(2):
        rewards, ends = rollout(rng)
        expected = np.empty_like(rewards)
        for t in range(len(rewards)):
            theirs._update_reward(rewards[t])
            expected[t] = theirs.normalize_reward(rewards[t])
            theirs.returns[ends[t]] = 0
        np.testing.assert_allclose(ours.update(rewards, ends), expected, rtol=1e-5)
    np.testing.assert_allclose(ours.normalise(rewards), theirs.normalize_reward(rewards), rtol=1e-6)


def test_how_a_training_is_cut_into_rollouts_does_not_matter() -> None:
    rewards, ends = rollout(np.random.default_rng(1))
    whole, cut = RewardNormaliser(0.99, 3), RewardNormaliser(0.99, 3)
    pieces = [cut.update(rewards[a:b], ends[a:b]) for a, b in ((0, 7), (7, 8), (8, 40))]
    np.testing.assert_allclose(np.concatenate(pieces), whole.update(rewards, ends), rtol=1e-12)


def test_clipped_at_ten() -> None:
    normaliser = RewardNormaliser(0.0, 1)
    rewards = np.full((200, 1), 0.01)
    rewards[::2] *= -1
    rewards[-1] = 1000.0
    assert abs(normaliser.update(rewards, np.zeros((200, 1), dtype=bool))).max() <= 10.0


def test_a_restart_forgets_sums_and_keeps_what_was_learned() -> None:
    rewards, ends = rollout(np.random.default_rng(2))
    first, second = RewardNormaliser(0.9, 3), RewardNormaliser(0.9, 3)
    first.update(rewards, ends)
    second.update(rewards, np.vstack([ends[:-1], np.ones((1, 3), dtype=bool)]))
    first.restart()
    assert np.array_equal(first.update(rewards, ends), second.update(rewards, ends))


def test_a_stored_normaliser_goes_on_exactly() -> None:
    rewards, ends = rollout(np.random.default_rng(3))
    env = VecNormalize(DummyVecEnv([lambda: gymnasium.make("CartPole-v1")]), norm_reward=False)
    env.reset()
    ours = RewardNormaliser(0.9, 3)
    ours.update(rewards, ends)
    ours.restart()
    arrays = dump_normalisation(env, ours)
    other_env = VecNormalize(DummyVecEnv([lambda: gymnasium.make("CartPole-v1")]), norm_reward=False)
    other = RewardNormaliser(0.9, 3)
    load_normalisation(arrays, other_env, other)
    observation = np.array([[0.1, 0.2, 0.3, 0.4]])
    assert np.array_equal(env.normalize_obs(observation), other_env.normalize_obs(observation))
    assert np.array_equal(ours.update(rewards, ends), other.update(rewards, ends))
