from __future__ import annotations

import io

import pytest
from rich.console import Console
from told_run import PLAN, SPEC, beginning, fold, report, stored, warned, whole

from rewardsmith.display.announcement import announcement
from rewardsmith.display.display import open_display
from rewardsmith.display.lines import PlainDisplay
from rewardsmith.display.none import NoDisplay
from rewardsmith.display.table import RichDisplay, frame, time_left
from rewardsmith.domain.events import Attempt, AttemptEnded, AttemptProgressed, AttemptStarted, Raced
from rewardsmith.domain.job import Progress
from rewardsmith.domain.plan import StopSpec
from rewardsmith.domain.run import Run
from rewardsmith.reports.board import board, current_generation
from rewardsmith.reports.words import duration


def rows(run: Run) -> dict[str, tuple[str, float | None]]:
    return {row.name: (row.stage, row.score) for row in board(run).rows}


def test_a_generation_at_work():
    shown = board(fold(beginning()))
    assert {row.name: (row.stage, row.rate) for row in shown.rows} == {
        "g1c00": ("training 50%", 480.0),
        "g1c01": ("failed at parse", None),
        "g1c02": ("being written", None),
    }
    assert next(row for row in shown.rows if row.name == "g1c01").note.startswith("no_code: The answer")
    assert (shown.best, shown.generation, shown.usage.tokens, shown.usage.dollars) == (None, 1, 200, 0.02)
    assert shown.baselines == (("random", 0.05),)


def test_a_finished_run():
    run = fold(whole())
    assert rows(run) == {
        "human": ("done", 2.5),
        "g1c00": ("scored", 1.5),
        "g1c01": ("failed at parse", None),
        "g1c02": ("compared", 2.25),
        "g2c00": ("confirmed", 3.5),
        "g2c01": ("same as g1c00", 1.5),
        "g2c02": ("failed at contract", None),
    }
    shown = board(run)
    assert shown.best == ("g2c00", 3.5)
    assert shown.baselines == (("random", 0.05), ("human", 2.5))


def test_a_lost_worker_and_a_confirmation_are_seen():
    attempt = Attempt(purpose="search", subject="g1c00", seed=0)
    lost = fold([*beginning(), AttemptEnded(attempt=attempt, report=None, lost="killed")])
    assert rows(lost)["g1c00"][0] == "worker lost, waiting"
    again = Attempt(purpose="confirm", subject="g2c00", seed=100)
    confirming = fold([*whole()[:-6], AttemptStarted(attempt=again)])
    assert rows(confirming)["g2c00"][0] == "confirming 1 of 2"


def test_the_next_generation_begins_when_one_ends():
    events = whole()
    ended = next(i for i, event in enumerate(events) if event.kind == "generation_ended")
    assert current_generation(fold(events[:ended])) == 1
    after = fold(events[: ended + 1])
    assert current_generation(after) == 2
    assert rows(after)["g2c00"] == ("being written", None)


def test_the_share_done_grows_and_ends_at_most_at_one():
    shares = [board(fold(whole()[:n])).done for n in range(1, len(whole()) + 1)]
    assert shares[0] == 0
    assert max(shares) <= 1
    assert shares[-1] > 0.7
    assert shares == sorted(shares)


def test_time_left_comes_from_the_plan_then_from_the_pace():
    early = board(fold(beginning()[:3]))
    assert time_left(early, 20.0) == pytest.approx(280.0)
    late = board(fold(whole()[:20]))
    assert f"about {duration(time_left(late, 60.0))} left" in drawn(fold(whole()[:20]))
    assert time_left(late, 60.0) == pytest.approx(60 * (1 - late.done) / late.done)


def plain(events) -> list[str]:
    stream = io.StringIO()
    run = Run()
    with PlainDisplay(stream) as display:
        display.plan(SPEC, PLAN)
        for event in stored(events):
            run.apply(event)
            display.observe(event, run)
    return stream.getvalue().splitlines()


def test_plain_lines_tell_what_happens_in_order():
    lines = plain(whole())
    said = "\n".join(line.split("] ", 1)[-1] for line in lines)
    for first, second in [
        ("run walk-1: Walk: forward", "at most: 14 trainings"),
        ("at most: 14 trainings, 14k steps, 12 calls", "survey: random actions score 0.05"),
        ("g1c01: failed at parse (no_code): The answer holds no Python code.", "g1c00: score 1.50, 500 steps/s"),
        ("g1c00: score 1.50", "g1c02: proposed, may train after 1 repair"),
        ("generation 1 of 2 ended: best g1c02 with 2.25; best so far g1c02", "g2c01: the same reward as g1c00"),
        ("g2c02: failed at contract (unknown_signal, line 1)", "human (baseline, seed 100): score 2.00"),
        ("the winner is g2c00", "run is done"),
    ]:
        assert 0 <= said.index(first) < said.index(second)
    assert all(len(line) < 200 for line in lines)


def test_progress_is_said_once_a_minute():
    attempt = Attempt(purpose="search", subject="g1c00", seed=0)
    moved = [
        AttemptProgressed(attempt=attempt, progress=Progress(steps=500 + n, of=1000, steps_per_second=480.0))
        for n in range(100)
    ]
    lines = [line for line in plain([*beginning(), *moved]) if "of 1k steps" in line]
    assert len(lines) == 5  # 300 s, one event every 3 s


def drawn(run: Run, *, height: int = 40, width: int = 100) -> str:
    console = Console(width=width, height=height, file=io.StringIO(), record=True)
    console.print(frame(board(run), elapsed=60.0, height=height))
    return console.export_text()


def test_the_picture_shows_every_candidate_and_the_footer():
    text = drawn(fold(whole()))
    for words in ("g1c00", "g2c02", "failed at contract", "unknown_signal: No signal 'speed'.", "human", "compared"):
        assert words in text
    assert "winner g2c00, confirmed 3.50   random 0.05  human 2.50" in text
    assert "generation 2 of 2   $0.03, 300 tokens, 9 trainings, 60 s, done" in text


def test_limits_are_said_in_the_plan_and_beside_what_is_spent():
    spec = SPEC.model_copy(
        update={"stop": StopSpec(steps=2_000_000, dollars=2.0, wall_s=600, tokens=5000, trainings=9)}
    )
    allowed = "at most 9 trainings, 2M steps, 5k tokens, $2.00, 10 min"
    assert announcement(spec, PLAN)[-1] == f"  limit: {allowed}"
    assert not any("limit" in line for line in announcement(SPEC, PLAN))
    run = fold(whole())
    run.spec = spec
    assert f"60 s ({allowed}), done" in drawn(run, width=140)


def test_a_race_is_seen():
    attempt = Attempt(purpose="search", subject="g1c00", seed=0, until=1)
    half = report(1.5).model_copy(update={"steps": 500})
    paused = [*beginning(), AttemptEnded(attempt=attempt, report=half)]
    assert rows(fold(paused))["g1c00"] == ("waiting at 50%", 1.5)
    assert board(fold(paused)).done == board(fold(beginning())).done, "what waits is not lost"
    stopped = [*paused, Raced(candidate="g1c00", rung=1, goes_on=False, chance=0.03)]
    assert rows(fold(stopped))["g1c00"] == ("stopped at 50%", 1.5)
    assert any("g1c00: stopped early, its chance to lead is 3%" in line for line in plain(stopped))


def test_warnings_are_seen_when_their_generation_has_ended():
    notes = {row.name: row.note for row in board(fold(warned())).rows}
    assert notes["g1c00"] == "warning: It pays an idle agent more."
    assert (notes["g1c02"], notes["g2c01"]) == ("", "")
    assert "warning: It pays an idle agent" in drawn(fold(warned()), width=120)
    assert any(line.endswith("best so far g1c02 with 2.25; warnings about g1c00") for line in plain(warned()))


@pytest.mark.parametrize("height", [10, 12, 14])
def test_the_picture_fits_the_terminal_and_keeps_the_best(height):
    text = drawn(fold(whole()), height=height)
    assert len(text.splitlines()) <= height
    assert "g2c00" in text


@pytest.mark.parametrize("width", [60, 80, 200])
def test_no_line_is_wider_than_the_terminal(width):
    assert all(len(line) <= width for line in drawn(fold(whole()), width=width).splitlines())


def test_markup_in_a_name_is_only_text():
    events = whole()
    events[0] = events[0].model_copy(update={"spec": SPEC.model_copy(update={"run": "[red]x[/nothing]"})})
    assert "[red]x[/nothing]" in drawn(fold(events))


def test_the_live_table_ends_with_the_last_state():
    console = Console(width=100, height=40, file=io.StringIO(), force_terminal=True, record=True)
    run = Run()
    with RichDisplay(console) as display:
        display.plan(SPEC, PLAN)
        for event in stored(whole()):
            run.apply(event)
            display.observe(event, run)
    assert "winner g2c00, confirmed 3.50" in console.export_text().splitlines()[-2]


def test_beside_json_nothing_is_shown_without_a_terminal(capsys):
    assert isinstance(open_display("auto", as_json=True), NoDisplay)
    assert isinstance(open_display("auto", as_json=False), PlainDisplay)
    assert isinstance(open_display("plain", as_json=True), PlainDisplay)
    assert isinstance(open_display("rich", as_json=True), RichDisplay)
