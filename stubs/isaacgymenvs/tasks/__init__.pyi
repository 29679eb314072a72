from isaacgymenvs.tasks.base.vec_task import VecTask

isaacgym_task_map: dict[str, type[VecTask]]
