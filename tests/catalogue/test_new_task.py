import ast
from pathlib import Path

import pytest

from rewardsmith.catalogue.folders import find_folders
from rewardsmith.catalogue.scaffold import new_task
from rewardsmith.catalogue.tasks import load_task
from rewardsmith.errors import TaskError


def test_a_new_task_loads_as_it_stands(tmp_path: Path) -> None:
    written = new_task(tmp_path / "deep" / "my_task", "my_module:MyEnv-v0")
    assert [path.name for path in written] == ["task.toml", "score.py"]
    task = load_task(tmp_path / "deep" / "my_task", find_folders())
    assert (task.name, task.title, task.environment.id) == ("my_task", "My task", "my_module:MyEnv-v0")
    assert set(task.budgets) == {"quick", "standard", "full"}


def test_its_score_reads_only_what_every_environment_has(tmp_path: Path) -> None:
    new_task(tmp_path / "my_task", "MyEnv-v0")
    tree = ast.parse((tmp_path / "my_task" / "score.py").read_text())  # noqa: TID251
    (score,) = (node for node in tree.body if isinstance(node, ast.FunctionDef))
    assert {argument.arg for argument in score.args.args} <= {"action", "terminated", "horizon", "dt"}


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    new_task(tmp_path / "my_task", "MyEnv-v0")
    (tmp_path / "my_task" / "score.py").write_text("precious")
    with pytest.raises(TaskError, match="exists already"):
        new_task(tmp_path / "my_task", "MyEnv-v0")
    assert (tmp_path / "my_task" / "score.py").read_text() == "precious"


def test_an_empty_folder_may_be_filled(tmp_path: Path) -> None:
    (tmp_path / "my_task").mkdir()
    assert len(new_task(tmp_path / "my_task", "MyEnv-v0")) == 2


@pytest.mark.parametrize("gym_id", ["", "two words", 'quo"te', "a/b/c"])
def test_what_is_no_gymnasium_id_is_refused(gym_id: str, tmp_path: Path) -> None:
    with pytest.raises(TaskError, match="is no Gymnasium id"):
        new_task(tmp_path / "my_task", gym_id)
    assert not (tmp_path / "my_task").exists()


def test_a_name_that_cannot_be_used_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TaskError, match="cannot name a task"):
        new_task(tmp_path / "my task", "MyEnv-v0")


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(TaskError, match=r"file/my_task cannot be written"):
        new_task(tmp_path / "file" / "my_task", "MyEnv-v0")
