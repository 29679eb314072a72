from pathlib import Path

import pytest

from rewardsmith.catalogue.folders import find_folders
from rewardsmith.catalogue.table import task_table, with_table
from rewardsmith.catalogue.tasks import list_tasks, load_task

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = find_folders(here=ROOT)
MUJOCO = {
    *("ant", "half_cheetah", "hopper", "walker2d", "humanoid", "humanoid_standup", "swimmer", "reacher", "pusher"),
    *("inverted_pendulum", "inverted_double_pendulum"),
}
CLASSIC = {"cartpole", "pendulum", "mountain_car_continuous"}
BEHAVIOURS = {"ant_spin", "half_cheetah_backward", "hopper_high", "walker2d_backward"}


NEEDS = {
    "interpreter isaac_gym": {
        *("isaac_ant", "isaac_humanoid", "isaac_quadcopter", "isaac_ball_balance", "isaac_cartpole", "isaac_anymal"),
        *("isaac_franka_cabinet", "isaac_shadow_hand", "isaac_allegro_hand"),
    },
    "interpreter isaac_lab": {"isaac_lab_cartpole", "isaac_lab_quadcopter"},
    "robotics": {
        *("fetch_reach", "fetch_push", "fetch_slide", "fetch_pick_and_place"),
        *("adroit_door", "adroit_hammer", "adroit_pen", "adroit_relocate", "franka_kitchen"),
    },
    "dm_control": {
        *("dm_cheetah_run", "dm_walker_walk", "dm_hopper_hop", "dm_humanoid_walk", "dm_quadruped_walk"),
        *("dm_cartpole_swingup", "dm_reacher_easy", "dm_ball_in_cup_catch", "dm_finger_spin"),
    },
    "interpreter playground": {
        *("playground_cartpole_balance", "playground_cheetah_run", "playground_hopper_hop", "playground_reacher_easy"),
        *("playground_walker_walk", "playground_go1_joystick", "playground_panda_pick_cube"),
    },
    "interpreter metaworld": {
        *("metaworld_drawer_open", "metaworld_drawer_close", "metaworld_window_open", "metaworld_window_close"),
        *("metaworld_button_press", "metaworld_sweep_into", "metaworld_door_unlock", "metaworld_door_close"),
        *("metaworld_handle_pull", "metaworld_handle_press", "metaworld_handle_press_side"),
    },
}


def test_these_tasks_are_shipped() -> None:
    assert set(list_tasks(FOLDERS)) == MUJOCO | CLASSIC | BEHAVIOURS | set().union(*NEEDS.values())


@pytest.mark.parametrize(("needs", "names"), NEEDS.items())
def test_tasks_say_what_they_need(needs: str, names: set[str]) -> None:
    assert {name for name in list_tasks(FOLDERS) if load_task(name, FOLDERS).needs == needs} == names


@pytest.mark.parametrize("name", list_tasks(FOLDERS))
def test_a_shipped_task_is_complete(name: str) -> None:
    task = load_task(name, FOLDERS)
    assert set(task.budgets) == {"quick", "standard", "full"}
    assert task.budgets["quick"].k == 4
    assert task.budgets["quick"].steps < task.budgets["standard"].steps <= task.budgets["full"].steps
    assert task.environment.stock_reward == (name not in BEHAVIOURS)
    assert "def sparse(" in task.score.source
    assert task.description.endswith(".")
    assert task.description.count(".") == 1
    assert len(task.trainer.source) > 20


def test_the_page_shows_the_tasks_as_their_files_have_them() -> None:
    page = (ROOT / "docs" / "tasks.md").read_text()
    table = task_table([load_task(name, FOLDERS) for name in list_tasks(FOLDERS)])
    assert with_table(page, table) == page, "run: python -m rewardsmith.catalogue.table docs/tasks.md"
    assert "| `ant`<br>Ant: run forward |" in page
