"""A task on another backend."""

from __future__ import annotations

from pathlib import Path

import pytest

from rewardsmith.catalogue.folders import find_folders
from rewardsmith.catalogue.tasks import load_task
from rewardsmith.errors import UnknownName, UsageError

ROOT = Path(__file__).resolve().parents[2]
ANT = load_task("ant", find_folders(here=ROOT))


def test_a_backend_brings_its_trainer_and_its_steps_and_leaves_the_survey_alone() -> None:
    there = ANT.on("warp")
    assert there.trainer.environments == 4096
    assert (there.trainer.backend, there.trainer.device, there.trainer.gpus) == ("warp", "cuda", 0.25)
    assert there.trainer.worlds == "4096 worlds of warp on cuda"
    assert there.budgets["quick"].steps == ANT.backends["warp"].steps["quick"]
    assert there.fingerprint() == ANT.fingerprint()
    assert ANT.on(None) is ANT


def test_fewer_worlds_cut_a_rollout_into_as_many_batches() -> None:
    whole, few = ANT.on("warp").trainer, ANT.on("warp", "cpu", 64).trainer
    assert few.gpus == 0
    assert few.environments == 64
    assert few.settings["batch_size"] * 64 == whole.settings["batch_size"]


def test_a_backend_that_a_task_has_not_names_the_near_ones() -> None:
    with pytest.raises(UnknownName, match="unknown backend 'wrap' in task ant; did you mean 'warp'"):
        ANT.on("wrap")
    with pytest.raises(UsageError, match="go with --backend"):
        ANT.on(None, "cpu")
