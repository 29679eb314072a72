from pathlib import Path

import pytest

from rewardsmith.catalogue.folders import find_folders
from rewardsmith.errors import UsageError


def put(file: Path, text: str = "") -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return file


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """An installed package with bundled data, as a wheel has it."""
    package = tmp_path / "site-packages" / "rewardsmith"
    put(package / "_bundled/envs/ant/task.toml", "bundled")
    put(package / "_bundled/envs/ant/score.py", "bundled")
    put(package / "_bundled/envs/hopper/task.toml", "bundled")
    put(package / "_bundled/prompts/smith/recipe.toml", "bundled")
    put(package / "_bundled/sandboxes/process/sandbox.toml", "bundled")
    return package


def test_a_wheel_has_its_data_beside_the_package(tmp_path: Path, package: Path) -> None:
    folders = find_folders(here=tmp_path, package=package)
    assert folders.members("envs") == ("ant", "hopper")
    assert folders.members("prompts") == ("smith",)
    assert folders.members("sandboxes") == ("process",)


def test_a_checkout_has_its_data_around_the_package(tmp_path: Path) -> None:
    for kind, marker in (("envs", "task"), ("prompts", "recipe"), ("sandboxes", "sandbox")):
        put(tmp_path / "checkout" / kind / "mine" / f"{marker}.toml")
    folders = find_folders(here=tmp_path, package=tmp_path / "checkout" / "rewardsmith")
    assert folders.members("envs") == folders.members("prompts") == folders.members("sandboxes") == ("mine",)


def test_the_working_directory_overrides_file_by_file(tmp_path: Path, package: Path) -> None:
    put(tmp_path / "envs/ant/score.py", "mine")
    put(tmp_path / "envs/own/task.toml", "mine")
    folders = find_folders(here=tmp_path, package=package)
    files = folders.files("envs", "ant")
    assert {name: path.read_text() for name, path in files.items()} == {"task.toml": "bundled", "score.py": "mine"}
    assert folders.members("envs") == ("ant", "hopper", "own")


def test_the_folder_of_the_settings_lies_on_top(tmp_path: Path, package: Path) -> None:
    put(tmp_path / "envs/ant/score.py", "working directory")
    put(tmp_path / "elsewhere/ant/score.py", "settings")
    folders = find_folders(envs=tmp_path / "elsewhere", here=tmp_path, package=package)
    assert folders.files("envs", "ant")["score.py"].read_text() == "settings"


def test_a_folder_without_its_marker_is_no_member(tmp_path: Path, package: Path) -> None:
    put(tmp_path / "envs/bin/python")
    assert find_folders(here=tmp_path, package=package).members("envs") == ("ant", "hopper")


def test_the_checkout_itself_is_one_layer(tmp_path: Path) -> None:
    for kind in ("envs", "prompts", "sandboxes"):
        (tmp_path / kind).mkdir()
    folders = find_folders(here=tmp_path, package=tmp_path / "rewardsmith")
    assert folders.envs == ((tmp_path / "envs").resolve(),)


def test_a_folder_of_the_settings_must_exist(tmp_path: Path, package: Path) -> None:
    with pytest.raises(UsageError, match=r"no folder .*nowhere"):
        find_folders(envs=tmp_path / "nowhere", here=tmp_path, package=package)


def test_an_installation_without_data_says_so(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no folder of envs") as caught:
        find_folders(here=tmp_path / "empty", package=tmp_path / "site-packages" / "rewardsmith")
    assert "install" in caught.value.hint
