"""What an analyser is shown of episodes, and which of its evidence stands."""

from __future__ import annotations

import json

import numpy as np
import pytest

from rewardsmith.domain.analysis import Analysis, Evidence, Finding
from rewardsmith.domain.report import Report, Rung
from rewardsmith.models.conformance import example_context
from rewardsmith.prompting.findings import MOST_EVIDENCE, MOST_SAID, read_analysis, taken_as_it_is
from rewardsmith.prompting.trajectories import (
    MOST_COLUMNS,
    Episode,
    Trajectories,
    analysed,
    shown_steps,
    trajectories,
)
from tests.prompting.conftest import signal

SIGNALS = (
    signal("height", unit="m", meaning="height of the hip"),
    signal("stature", unit="m", meaning="height of the head"),
    signal("tilt", (3,), meaning="how far it leans"),
    signal("noise", meaning="nothing"),
    signal("still", meaning="never changes"),
    signal("picture", (20,), meaning="too many to look at"),
    signal("speed", unit="m/s", meaning="forward speed"),
    signal("action", (2,), meaning="what it does"),
    signal("terminated", meaning="whether it fell", dtype="bool"),
)
SURVEY = example_context().survey.model_copy(update={"signals": SIGNALS, "horizon": 100})
REPORT = Report(
    reward_id="r",
    seed=0,
    steps=2000,
    wall_s=1,
    steps_per_second=1,
    best_rung=0,
    rungs=(
        Rung(steps=1000, scores=(3.0, 5.0), mean=4.0, lengths=(100, 100)),
        Rung(steps=2000, scores=(1.0, 2.0, 3.0, 2.0), mean=2.0, lengths=(30, 40, 60, 100)),
    ),
)


def episode(length: int, *, falls: bool, seed: int = 0, best: bool = False) -> Episode:
    """Upright and moving; before a fall the height drops and the third entry of tilt grows."""
    rng = np.random.default_rng(seed)
    drop = np.maximum(0.0, np.arange(length) - (length - 6)) / 6 * falls
    height = 1.0 - drop + 0.001 * rng.normal(size=length)
    arrays = {
        "height": height,
        "stature": 2.0 * height,
        "tilt": np.stack([rng.normal(size=length), rng.normal(size=length), 3 * drop], axis=1),
        "noise": rng.normal(size=length),
        "still": np.full(length, 7.0),
        "picture": np.outer(drop, np.ones(20)),
        "speed": 1.0 + 0.1 * rng.normal(size=length),
        "action": rng.normal(size=(length, 2)),
        "terminated": np.arange(length) == (length - 1 if falls else -1),
    }
    return Episode(arrays, score=1.0 if falls else 5.0, trained=2000, best=best)


def told(*reads: str, rows: int = 10, best: bool = True) -> Trajectories:
    shown = [episode(30, falls=True), episode(40, falls=True, seed=1)]
    shown += [episode(100, falls=False, seed=2, best=True)] if best else []
    return trajectories(REPORT, SURVEY, shown, reads, rows=rows)


def columns(found: Trajectories) -> list[str]:
    return found.tables[0].text.splitlines()[0].split()[1:]


def test_the_last_steps_and_some_of_the_whole_are_shown():
    assert shown_steps(100, 10) == (0, 19, 38, 57, 76, 95, 96, 97, 98, 99)
    assert shown_steps(100, 5) == (0, 48, 97, 98, 99)
    assert shown_steps(4, 10) == (0, 1, 2, 3)
    assert shown_steps(11, 10) == (0, 1, 2, 3, 4, 6, 7, 8, 9, 10)


@pytest.mark.parametrize("best", [True, False])
def test_what_changed_before_the_end_comes_first_and_once(best):
    found = columns(told("speed", best=best))
    assert found[0] == "speed", "what the reward reads stands first"
    assert found[1] in ("height", "stature", "tilt[2]"), found
    assert len({"height", "stature", "tilt[2]"} & set(found)) == 1, "they tell the same"
    assert not {"still", "terminated", "action[0]", "picture[0]"} & set(found)


def test_what_the_reward_reads_is_shown_whatever_it_is():
    found = columns(told("prev_tilt", "action", "picture"))
    assert found.index("action[0]") < found.index("noise") or found.index("action[1]") < found.index("noise")
    assert any(name.startswith("tilt") for name in found[: MOST_COLUMNS // 2])
    assert any(name.startswith("picture") or name == "tilt[2]" for name in found[: MOST_COLUMNS // 2])
    assert len(found) <= MOST_COLUMNS


def test_a_table_says_what_was_recorded():
    found = told("height")
    table = found.tables[0]
    assert table.title == (
        "Episode 1 (ended early): ended by itself after 30 of at most 100 steps, score 1; "
        "played after 2,000 steps of training."
    )
    assert found.tables[2].title.startswith("Episode 3 (the best one): went on for all 100 of at most 100 steps")
    header, *rows = table.text.splitlines()
    assert [int(row.split()[0]) for row in rows] == [*shown_steps(30, 10)]
    place = header.split().index("height")
    shown = [float(row.split()[place]) for row in rows]
    height = episode(30, falls=True).arrays["height"]
    assert shown == pytest.approx([height[step] for step in shown_steps(30, 10)], rel=5e-3)
    assert found.rows[1, 29].startswith(f"height {rows[-1].split()[place]}")
    assert "height: height of the hip [m]" in found.columns
    assert {len(row) for row in rows} == {len(header)}


def test_statistics_tell_how_many_ended_early_and_when():
    assert told("height").statistics == (
        "At its best, after 1,000 steps: mean score 4 (3 to 5); 0 of 2 scored episodes ended before step 100.",
        "At the end, after 2,000 steps: mean score 2 (1 to 3); 3 of 4 scored episodes ended before step 100, after "
        "30 to 60 steps, half of them by step 40.",
        "Random actions score 19.",
    )


def test_a_single_episode_is_enough():
    alone = trajectories(REPORT, SURVEY, [episode(3, falls=True)], ["height"], rows=10)
    assert len(alone.tables[0].text.splitlines()) == 4


def answer(**given) -> str:
    whole = {"cause": "It leans.", "evidence": [{"episode": 1, "step": 29}], "suggestion": "Pay for height."}
    return "Let me see.\n\n```json\n" + json.dumps(whole | given) + "\n```\nGood luck {"


def test_evidence_carries_what_was_shown():
    shown = told("height")
    evidence = Evidence(episode=1, step=29, shown=shown.rows[1, 29])
    finding = Finding(cause="It leans.", evidence=(evidence,), suggestion="Pay for height.")
    assert read_analysis(answer(), shown) == Analysis(finding=finding)


def test_evidence_outside_the_tables_is_dropped_and_counted():
    places = [(1, 29), (1, 6), (1, 30), (4, 29), (0, 0), (-1, 29), (2, 39)]
    evidence = [{"episode": e, "step": s, "note": "see", "shown": "forged"} for e, s in places]
    found = read_analysis(answer(evidence=evidence), told("height"))
    assert [(each.episode, each.step) for each in found.finding.evidence] == [(1, 29), (2, 39)]
    assert found.dropped == 5
    assert "forged" not in found.model_dump_json()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "It leans.",
        '{"cause": "It leans."}',
        answer(evidence="all of it"),
        answer(suggestion=["one", "two"]),
        "{" * 9,
    ],
)
def test_what_is_no_finding_is_none(text):
    assert read_analysis(text, told("height")) is None


def test_a_huge_answer_is_cut():
    many = [{"episode": 1, "step": 29}] * 90
    found = read_analysis(answer(cause="x " * 9000, evidence=many), told("height")).finding
    assert (len(found.cause), len(found.evidence)) == (MOST_SAID, MOST_EVIDENCE)
    assert len(taken_as_it_is("y" * 9000).text) == 2000


def test_what_the_designer_is_told():
    shown = told("height")
    row = shown.rows[1, 29]
    assert analysed(read_analysis(answer(), shown)) == {
        "cause": "It leans.",
        "suggestion": "Pay for height.",
        "evidence": (f"episode 1, step 29: {row}",),
        "text": "",
    }
    assert analysed(taken_as_it_is("It leans."))["text"] == "It leans."
    assert analysed(taken_as_it_is("<think>x</think>")) is None
    assert analysed(None) is None
