"""What every kind of worlds promises; a test class of each kind inherits `WorldsConformance`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from rewardsmith.domain.survey import Signal
from rewardsmith.worker.backends.worlds import Worlds

STEPS = 12


class WorldsConformance:
    """A kind says which worlds, of episodes that end within `STEPS` steps, and which signals they have."""

    count = 3
    signals: Mapping[str, Signal]
    """`observation`, `action` and `terminated` among them."""

    def open(self) -> Worlds:
        raise NotImplementedError

    @pytest.fixture
    def worlds(self) -> Iterator[Worlds]:
        worlds = self.open()
        worlds.record(self.signals, STEPS)
        yield worlds
        worlds.close()

    def actions(self, worlds: Worlds, seed: int = 0) -> Iterator[NDArray[Any]]:
        space = worlds.action_space
        space.seed(seed)
        while True:
            yield np.stack([np.asarray(space.sample()) for _ in range(worlds.count)])

    def test_a_recording_has_the_shapes_and_types_of_its_signals(self, worlds: Worlds) -> None:
        worlds.reset(range(self.count))
        for _, actions in zip(range(5), self.actions(worlds), strict=False):
            worlds.step(actions)
        recording = worlds.take()
        assert {name: (array.shape, str(array.dtype)) for name, array in recording.arrays.items()} == {
            name: ((5, self.count, *signal.shape), signal.dtype) for name, signal in self.signals.items()
        }
        assert recording.starts[0].all()
        assert not len(worlds.take().starts)

    def test_what_is_recorded_is_what_was_done_and_seen_before_any_reset(self, worlds: Worlds) -> None:
        seen, sent = [], []
        worlds.reset(range(self.count))
        for _, actions in zip(range(STEPS), self.actions(worlds), strict=False):
            stepped = worlds.step(actions)
            before = np.array(stepped.observations, dtype=np.float64)
            for world, last in stepped.last.items():
                before[world] = last
            seen.append(before)
            sent.append(actions)
        recording = worlds.take()
        assert np.array_equal(recording.arrays["observation"], seen)
        assert np.array_equal(recording.arrays["action"], sent)
        assert np.array_equal(recording.arrays["terminated"], recording.terminated)
        assert recording.ends.any(), "no episode has ended"
        assert np.array_equal(recording.starts[1:], recording.ends[:-1])

    def test_the_same_seeds_and_actions_give_the_same_episodes(self, worlds: Worlds) -> None:
        def play() -> NDArray[Any]:
            worlds.reset([7, 7, 8])
            for _, actions in zip(range(3), self.actions(worlds), strict=False):
                worlds.step(np.repeat(actions[:1], self.count, axis=0))
            return np.array(worlds.take().arrays["observation"])

        once = play()
        assert np.array_equal(once, play())
        assert np.array_equal(once[:, 0], once[:, 1])
        assert not np.array_equal(once[:, 0], once[:, 2])

    def test_worlds_that_are_not_running_are_not_reset(self, worlds: Worlds) -> None:
        worlds.reset(range(self.count - 1))
        running, lengths = np.arange(self.count) < self.count - 1, np.zeros(self.count, dtype=int)
        for _, actions in zip(range(STEPS), self.actions(worlds), strict=False):
            stepped = worlds.step(actions, running=running)
            assert not stepped.last
            lengths += running
            running = running & ~(stepped.terminated | stepped.truncated)
        assert not running.any(), "an episode goes on"
        assert lengths[-1] == 0
        recording = worlds.take()
        assert all(recording.ends[length - 1, world] for world, length in enumerate(lengths[:-1]))

    def test_more_steps_than_there_is_room_for_are_an_error_and_not_lost(self, worlds: Worlds) -> None:
        worlds.reset(range(self.count))
        actions = self.actions(worlds)
        for _ in range(STEPS):
            worlds.step(next(actions))
        with pytest.raises(RuntimeError, match=f"{STEPS} steps that nobody has taken"):
            worlds.step(next(actions))
        assert len(worlds.take().starts) == STEPS

    def test_a_reset_drops_what_was_recorded_and_starts_episodes(self, worlds: Worlds) -> None:
        worlds.reset(range(self.count))
        worlds.step(next(self.actions(worlds)))
        worlds.reset([None] * self.count)
        worlds.step(next(self.actions(worlds)))
        recording = worlds.take()
        assert len(recording.starts) == 1
        assert recording.starts.all()

    def test_the_first_worlds_may_record_more(self, worlds: Worlds) -> None:
        few = {name: self.signals[name] for name in ("action", "terminated")}
        worlds.record(few, STEPS, also=self.signals, first=1)
        observations = worlds.reset(range(self.count))
        observations = worlds.step(next(self.actions(worlds)), running=np.ones(self.count, dtype=bool)).observations
        assert np.array_equal(worlds.take().arrays["observation"][0, 0], observations[0])

    def test_closing_is_safe_to_repeat(self, worlds: Worlds) -> None:
        worlds.close()
        worlds.close()
