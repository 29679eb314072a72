"""What leaves this machine names who wrote, and no path of this machine."""

from __future__ import annotations

import pytest

from rewardsmith.domain.plan import nameplate


@pytest.mark.parametrize(
    ("model", "said"),
    [
        ("offline", "offline"),
        ("openai:gpt-5", "openai:gpt-5"),
        ("litellm:anthropic/claude", "litellm:anthropic/claude"),
        ("folder:/home/ann/answers/ant", "folder:ant"),
        ("recorded:../tapes/one/", "recorded:one"),
        ("folder:/home/ann/a=3,offline", "folder:a=3,offline"),
    ],
)
def test_folders_are_called_by_their_last_part(model: str, said: str) -> None:
    assert nameplate(model) == said
