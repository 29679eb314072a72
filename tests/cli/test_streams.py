from __future__ import annotations

import os

import pytest
from rich.console import Console
from told_run import PLAN, SPEC, fold, stored, whole

from rewardsmith.display.lines import PlainDisplay
from rewardsmith.display.streams import Commentary, silence
from rewardsmith.display.table import RichDisplay


@pytest.fixture
def unread():
    """A stream whose reader has left."""
    reader, writer = os.pipe()
    with os.fdopen(writer, "w") as stream:
        os.close(reader)
        yield stream


def displays(stream):
    return PlainDisplay(stream), RichDisplay(Console(file=stream, force_terminal=True))


@pytest.mark.parametrize("which", [0, 1], ids=["plain", "rich"])
def test_a_run_goes_on_when_nobody_reads_its_display(unread, which):
    events = whole()
    with displays(Commentary(unread))[which] as display:
        display.plan(SPEC, PLAN)
        display.note("still here")
        for place, event in enumerate(stored(events), 1):
            display.observe(event, fold(events[:place]))


def test_without_it_the_display_ends_the_run(unread):
    with pytest.raises(OSError, match="Broken pipe"):
        PlainDisplay(unread).note("still here")
    silence(unread)


def test_what_can_be_written_is_written(tmp_path):
    with (tmp_path / "log").open("w") as stream:
        PlainDisplay(Commentary(stream)).note("still here")
        assert (tmp_path / "log").read_text() == "still here\n"
