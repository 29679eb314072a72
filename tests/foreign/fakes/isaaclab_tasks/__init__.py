"""A fake: see README.md."""

import gymnasium

from isaaclab_tasks.direct import CartpoleEnv, ManagedCartpoleEnv

gymnasium.register("Isaac-Cartpole-Direct-v0", CartpoleEnv, disable_env_checker=True, order_enforce=False)
gymnasium.register("Isaac-Cartpole-v0", ManagedCartpoleEnv, disable_env_checker=True, order_enforce=False)
