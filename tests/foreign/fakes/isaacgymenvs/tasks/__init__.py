"""A fake: see README.md."""

from isaacgymenvs.tasks.base.vec_task import VecTask
from isaacgymenvs.tasks.cartpole import Cartpole


class Opaque(VecTask):
    """Its tensors have no row per world."""

    def __init__(self, cfg, rl_device, **_):
        cfg["env"].update(numObservations=2, numActions=1)
        super().__init__(cfg, rl_device)
        import torch

        self.secret_state = torch.zeros(3, 5)

    def pre_physics_step(self, actions): ...
    def simulate(self): ...
    def post_physics_step(self): ...


isaacgym_task_map = {"Cartpole": Cartpole, "Opaque": Opaque}
