"""One task of the name of Playground's, stepped by MuJoCo itself; a fake, see README.md."""

from types import SimpleNamespace

from mujoco_playground._src.cartpole import Balance


class Config(dict):
    def __getattr__(self, name):
        return self[name]

    def __setattr__(self, name, value):
        self[name] = value

    def update_from_flattened_dict(self, changes):
        for name in changes:
            if name not in self:
                raise KeyError(f"Key {name!r} does not exist")
        self.update(changes)


dm_control_suite = SimpleNamespace(ALL_ENVS=("CartpoleBalance",))
registry = SimpleNamespace(
    ALL_ENVS=("CartpoleBalance", "Go1JoystickFlatTerrain"),
    get_default_config=lambda name: Config(impl="warp", naconmax=1000, njmax=2, push=1.0),
    load=lambda name, config: Balance(config),
)
