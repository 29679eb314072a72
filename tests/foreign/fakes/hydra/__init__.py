"""A fake: see README.md. A configuration is the overrides, by dotted name."""

import contextlib
from pathlib import Path
from types import SimpleNamespace


@contextlib.contextmanager
def initialize_config_dir(config_dir):
    assert (Path(config_dir) / "config.yaml").is_file(), config_dir
    yield


def compose(config_name=None, overrides=()):
    assert config_name == "config"
    given = dict(each.split("=", 1) for each in overrides)
    assert given["headless"] == "True"
    task = {"name": given["task"], "env": {"numEnvs": int(given["num_envs"])}, "sim": {"dt": 0.02}}
    for name, value in given.items():
        if name.startswith("task."):
            _, group, key = name.split(".")
            if group not in task:
                raise ValueError(f"Could not override '{name}'")
            task[group][key] = float(value)
    return SimpleNamespace(task=task)
