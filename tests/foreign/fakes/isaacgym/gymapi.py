"""A fake: see README.md."""


class Env: ...


class Gym:
    def get_actor_count(self, env):
        return 1

    def get_actor_handle(self, env, index):
        return 0

    def get_actor_dof_names(self, env, handle):
        return ["slider", "hinge"]
