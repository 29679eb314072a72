"""What `show` and the reports say of the archive's judgements."""

from __future__ import annotations

from typing import Any

from told_run import candidate, fold, result, whole

from rewardsmith.domain.events import Screened
from rewardsmith.domain.judgement import Judgement
from rewardsmith.domain.report import Failure
from rewardsmith.reports.judged import judged_rows, worth
from rewardsmith.reports.story import candidate_story, story
from rewardsmith.search.calibration import calibration

DOUBT = Failure(gate="archive", kind="misranks", message="It pays an idle agent more than the best recorded episodes.")
EARLY = Judgement(without="trainings of earlier generations have left 0 episodes")
SOUND = Judgement(episodes=40, unread=2, correlation=0.91, idle=0.125, threshold=0.8, idle_threshold=0.3)


def told(**judgements: Judgement) -> Any:
    """The run told by hand, with a third reward in generation 2, in place of the one that failed there."""
    events = [e for e in whole() if not (isinstance(e, Screened) and e.candidate.id in ("g2c01", "g2c02"))]
    changed = [
        e.model_copy(update={"candidate": e.candidate.model_copy(update={"judgement": judgements[e.candidate.id]})})
        if isinstance(e, Screened) and e.candidate.id in judgements
        else e
        for e in events
    ]
    run = fold(changed)
    return run, result().model_copy(update={"archive": calibration(run.turns())})


def test_the_story_tells_the_calibration_and_every_judgement() -> None:
    low = SOUND.model_copy(update={"correlation": 0.5, "idle": 0.4, "doubt": DOUBT})
    run, found = told(g1c00=SOUND, g1c02=low, g2c00=EARLY)
    text = story(run, found)
    assert "## The archive as a judge" in text
    assert "judged: 2 candidates; no judgement of 1" in text
    assert "scored higher in 0% of 1 pair" in text, "1.5 ranks better than 2.25"
    assert "in doubt and trained last: 1; 1 of the 1 with a score in the better half after all" in text
    assert "left out: 2 archives" in text
    assert judged_rows(run) == [
        ["g1c00", "+0.91", "12%", "1.50", ""],
        ["g1c02", "+0.50", "40%", "2.25", "in doubt: ranks below +0.80, paid idle above 30%"],
    ]
    assert "doubted by the archive" in text


def test_a_candidate_tells_what_the_archive_said() -> None:
    doubted = SOUND.model_copy(update={"doubt": DOUBT})
    run, _ = told(g1c00=SOUND, g1c02=doubted, g2c00=EARLY)
    said = {name: candidate_story(run, run.candidates[name], "runs/x") for name in ("g1c00", "g1c02", "g2c00", "g1c01")}
    assert "- archive: ranks 40 recorded episodes as the score does at +0.91" in said["g1c00"]
    assert f"- archive: in doubt: {DOUBT.message}" in said["g1c02"]
    assert "- archive: no judgement: trainings of earlier generations have left 0 episodes" in said["g2c00"]
    assert "archive" not in said["g1c01"]


def test_a_run_that_was_not_judged_says_nothing() -> None:
    run, found = told()
    assert found.archive is None
    assert "archive" not in story(run, found)


def test_without_pairs_nothing_is_claimed() -> None:
    _, found = told(g1c00=EARLY, g2c00=SOUND)
    assert "unknown" in " ".join(worth(found.archive))
    assert candidate(1, 0).judgement is None
