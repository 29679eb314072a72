"""A fake: see README.md."""

from types import SimpleNamespace


def parse_env_cfg(task_name, device="cuda:0", num_envs=None, use_fabric=None):
    managed = {} if "Direct" in task_name else {"terminations": SimpleNamespace()}
    return SimpleNamespace(
        **managed,
        scene=SimpleNamespace(num_envs=num_envs),
        sim=SimpleNamespace(dt=0.01),
        decimation=2,
        episode_length_s=5.0,
        seed=None,
    )
