"""What a worker may plant as an archive is no archive, and nothing worse."""

from __future__ import annotations

import numpy as np
import pytest

from rewardsmith.domain.survey import ARCHIVED, Signal
from rewardsmith.errors import StoreError
from rewardsmith.search.archive import read_archive

SPEED = Signal(name="speed", shape=(), meaning="m", reader="r")


def planted(episodes: int, starts: list[bool]) -> dict[str, np.ndarray]:
    arrays = {name: np.zeros(episodes, dtype) for name, dtype in ARCHIVED.items()}
    return arrays | {"__starts__": np.array(starts, bool), "speed": np.zeros(len(starts), np.float32)}


@pytest.mark.parametrize(("episodes", "starts"), [(1, []), (0, []), (1, [False]), (2, [True]), (1, [True, True])])
def test_an_archive_without_whole_episodes_is_none(tmp_path, episodes, starts):
    np.savez(tmp_path / "archive.npz", **planted(episodes, starts))
    with pytest.raises(StoreError, match="whole episodes"):
        read_archive(tmp_path, [SPEED])
