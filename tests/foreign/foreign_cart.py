"""A small task whose environment runs in another interpreter."""

from __future__ import annotations

from typing import Any

from rewardsmith.domain.task import Budget, EnvironmentSpec, ScoreRule, Task, Trainer

MODULE = '''
import gymnasium, numpy as np, os, time

WEIGHT = 0.5


class Cart(gymnasium.Env):
    """A point that is pushed; it ends beyond 1 m."""

    metadata = {"render_fps": 20, "render_modes": ["rgb_array"]}

    def __init__(self, trouble="", render_mode=None):
        self.observation_space = gymnasium.spaces.Dict({
            "place": gymnasium.spaces.Box(-np.inf, np.inf, (2,)),
            "goal": gymnasium.spaces.Box(-1.0, 1.0, (1,), np.float64),
        })
        if trouble == "tuple":
            self.observation_space = gymnasium.spaces.Tuple((gymnasium.spaces.Discrete(2),))
        self.action_space = gymnasium.spaces.Box(-1.0, 1.0, (1,), np.float32)
        self.trouble, self.render_mode, self.steps = trouble, render_mode, 0

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.place = self.np_random.normal(size=2) * 0.1
        self.goal = self.np_random.uniform(size=1)
        return self._seen(), {}

    def step(self, action):
        self.steps += 1
        if self.steps > 3:
            trouble = self.trouble
            if trouble == "exit":
                os._exit(7)
            if trouble == "hang":
                time.sleep(3600)
            if trouble == "cuda":
                raise RuntimeError("CUDA error: an illegal memory access was encountered")
        self.place = self.place + 0.3 * np.array([float(action[0]), 0.1])
        gap = abs(float(self.place[0] - self.goal[0]))
        cost = WEIGHT * gap
        info = {"gap": gap, "cost": cost, "label": "text", "corner": self.place * 2.0}
        if self.trouble == "lost" and self.steps > 3:
            del info["gap"]
        return self._seen(), -cost, bool(abs(self.place[0]) > 1.0), False, info

    def render(self):
        return np.full((8, 6, 3), 17, dtype=np.uint8)

    def _seen(self):
        if self.trouble == "large":
            return {"place": np.zeros(2), "goal": np.zeros(1)}
        return {"place": self.place.astype(np.float32), "goal": self.goal.copy()}


gymnasium.register("Cart-v0", entry_point=Cart)
'''
SCORE = "def score(gap, horizon):\n    return float(-gap.mean())\n"


def make_task(env_id: str = "Cart-v0", *, interpreter: str | None = "own", **changes: Any) -> Task:
    environment: dict[str, Any] = {"id": env_id, "horizon": 12, "interpreter": interpreter, "module": "environment.py"}
    environment |= changes.pop("environment", {})
    given: dict[str, Any] = {
        "score": ScoreRule(source=SCORE, meaning="test"),
        "module_source": MODULE,
        "trainer": Trainer(
            algorithm="stable_baselines3.PPO",
            policy="MultiInputPolicy",
            environments=3,
            settings={"n_steps": 16, "batch_size": 24, "n_epochs": 1, "policy_kwargs": {"net_arch": [8]}},
            source="test",
        ),
        **changes,
    }
    return Task(
        name="cart",
        title="Cart",
        description="Go there.",
        environment=EnvironmentSpec(**environment),
        budgets={"quick": Budget(steps=1)},
        **given,
    )
