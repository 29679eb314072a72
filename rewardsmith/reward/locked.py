"""What a reward's and a score rule's process have in common: they end with their owner."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from rewardsmith.reward.channel import Channel


class Locked:
    """A context manager around one locked process."""

    _channel: Channel

    @property
    def pid(self) -> int:
        """Process that was started: the interpreter, or bubblewrap around it."""
        return self._channel.pid

    def close(self) -> None:
        """Kill the process and everything under it; nothing is left on return. Safe to repeat."""
        self._channel.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
