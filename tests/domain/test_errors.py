"""What errors say."""

from __future__ import annotations

from rewardsmith.errors import UnknownName

MANY = [f"thing_{i:02}" for i in range(58)] + ["cheetah_run", "dm_cheetah_run", "half_cheetah"]


def test_of_many_names_those_are_told_that_look_like_it() -> None:
    error = UnknownName("task", "cheetah_walk", MANY)
    assert "did you mean 'cheetah_run'" in error.message
    listed = error.hint.removeprefix("known tasks: ")
    assert listed.startswith("cheetah_run")
    assert "`rewardsmith tasks` lists all" in listed
    assert listed.count(",") <= 12


def test_few_names_are_all_told() -> None:
    assert UnknownName("colour", "zzz", ["red", "blue"]).hint == "known colours: blue, red"
    assert UnknownName("task", "zzz", MANY).hint.endswith("and 49 more; `rewardsmith tasks` lists all")
