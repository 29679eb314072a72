from __future__ import annotations

import pytest
from evil import spoilt
from markdown_it import MarkdownIt
from told_run import ALONE, SPEC, beginning, candidate, fold, raced, report, result, warned, whole

from rewardsmith.domain.events import Completed, RunStarted, Said
from rewardsmith.domain.plan import StopSpec
from rewardsmith.domain.prompt import CompletionKey
from rewardsmith.domain.result import Baselines, Interval
from rewardsmith.domain.watching import Remark
from rewardsmith.prompting.templates import fenced
from rewardsmith.reports.code import difference
from rewardsmith.reports.components import component_table
from rewardsmith.reports.costs import cost_rows
from rewardsmith.reports.scores import beats, chances, score_table
from rewardsmith.reports.story import candidate_story, story


@pytest.fixture(scope="module")
def told() -> str:
    return story(fold(whole()), result())


def section(text: str, name: str) -> str:
    return text.split(f"## {name}")[1].split("\n## ")[0]


def test_the_story_says_what_was_asked(told):
    asked = section(told, "What was asked")
    for words in (
        "Make it walk forward.",
        "Walk-v0",
        "Mean forward speed. (m/s)",
        "recipe smith",
        "2 generations of 3",
    ):
        assert words in asked
    assert "14 trainings, 14k steps, 12 calls" in asked


def test_the_score_stands_beside_everything_it_should_beat(told):
    scores = section(told, "Score")
    assert "| g2c00, confirmed | 3.50 [3.10, 3.90]" in scores
    assert "too high" in scores
    assert "0.05 [0.01, 0.09]" in scores
    assert "beats random with intervals apart; is above human, but the intervals overlap" in scores
    sparse = next(line for line in scores.splitlines() if line.startswith("| sparse"))
    assert "not trained" in sparse


def test_the_winner_is_shown_with_components_lineage_and_rivals(told):
    winner = section(told, "The winner: g2c00")
    assert "speed_weight=20.0" in winner
    assert "| forward" in winner
    assert "g2c00 (mutated, 3.50) <- g1c02 (proposed, 2.25)" in winner
    assert "g2c00 3.25, g1c02 2.00" in winner


def test_each_generation_is_counted(told):
    rows = [
        [cell.strip() for cell in line.split("|")[1:-1]]
        for line in section(told, "Generations").splitlines()
        if "|" in line
    ]
    assert rows[0] == ["generation", "candidates", "failed", "duplicates", "best", "score", "best so far"]
    assert rows[2] == ["1", "3", "1", "0", "g1c02", "2.25", "2.25"]
    assert rows[3] == ["2", "3", "1", "1", "g2c00", "3.50", "3.50"]


def test_every_failure_has_its_reason(told):
    failures = section(told, "Failures")
    assert "- g1c01: parse (no_code): The answer holds no Python code." in failures
    assert "- g1c02, repaired: contract (unknown_signal, line 1): No signal 'speed'." in failures
    assert "- g2c02: contract" in failures
    assert "unknown_signal 2, no_code 1" in failures
    assert "g2c01" not in failures


def test_the_cost_is_the_sum_of_the_events(told):
    cost = section(told, "Cost")
    rows = {
        line.split("|")[1].strip(): [cell.strip() for cell in line.split("|")[2:-1]]
        for line in cost.splitlines()
        if "|" in line
    }
    assert rows["trainings"] == ["9", "14", "–"]
    assert rows["environment steps"] == ["9.9k", "14k", "–"]
    assert rows["calls of the model"] == ["3", "12", "–"]
    assert rows["tokens"][0] == "300"
    assert rows["money"][:2] == ["$0.03", "$0.00"]
    assert rows["wall time"] == ["2 min", "about 5 min", "–"]
    assert rows["the search"] == ["3", "3.3k", "33%"]
    assert rows["confirming the winner"] == ["2", "2.2k", "22%"]


def test_what_was_stopped_early_and_what_that_saved_is_told():
    run = fold(raced())
    assert "stopped after 500 steps, its chance to lead was 3%" in section(story(run, result()), "Candidates")
    assert "Stopped early: 1 training, which saved 500 steps." in section(story(run, result()), "Cost")
    assert "topped early" not in story(fold(whole()), result())


def test_the_curves_have_their_intervals(told):
    rows = [line.split("|") for line in section(told, "Learning curves").splitlines() if line.startswith("| ")]
    assert [[cell.strip() for cell in row[1:-1]] for row in rows[2:]] == [
        ["g2c00, search", "3.50"],
        ["g2c00, confirmed", "3.50 [-2.85, 9.85]"],
        ["human", "2.50 [-3.85, 8.85]"],
    ]


def test_the_diff_from_the_parent_stands_with_the_code(told):
    winner = section(told, "The winner: g2c00")
    assert "What changed since g1c02:" in winner
    assert "-def compute_reward(torso_linear_velocity, *, speed_weight=12.0):" in winner


def test_an_unfinished_run_has_a_story_too():
    unfinished = result().model_copy(update={"best": None, "status": "paused", "reason": "interrupted"})
    text = story(fold(beginning()), unfinished)
    assert "Run walk-1 is paused: interrupted." in text
    assert "## The winner" not in text
    assert "not trained yet" in text


def test_no_section_is_missing_or_empty(told):
    names = ["What was asked", "Score", "Learning curves", "The winner: g2c00", "Generations"]
    names += ["Candidates", "Failures", "Cost", "Files"]
    assert [line[3:] for line in told.splitlines() if line.startswith("## ")] == names
    assert all(len(section(told, name).strip()) > 20 for name in names)


def test_a_candidate_alone():
    run = fold(whole())
    text = candidate_story(run, run.candidates["g1c02"], "runs/walk-1/1/g1c02")
    assert text.startswith("# g1c02\n\ntrained, 500 steps/s, repaired 1 time")
    assert "speed_weight=12.0" in text
    assert "files: runs/walk-1/1/g1c02" in text
    assert "the same reward as g1c00" in candidate_story(run, run.candidates["g2c01"], "x")


def test_the_component_table_puts_the_total_last():
    lines = component_table(report(2.0)).splitlines()
    assert lines[0].split() == [
        "component",
        "mean",
        "at",
        "first",
        "mean",
        "at",
        "last",
        "share",
        "correlation",
        "with",
        "score",
    ]
    assert lines[2].split() == ["forward", "1", "1", "100%", "+0.75"]
    assert lines[3].split()[0] == "total"


def test_a_lost_comparison_is_said():
    worse = result()
    human = worse.baselines.human.model_copy(update={"mean": 9.0, "low": 8.0, "high": 10.0})
    worse = worse.model_copy(update={"baselines": Baselines(human=human)})
    assert beats(worse) == "does not beat human"


def test_a_single_seed_has_no_interval_that_could_be_apart():
    won = result()
    once = Interval(mean=0.5, low=None, high=None, n=1)
    baselines = won.baselines.model_copy(update={"human": None, "sparse": once})
    assert beats(won.model_copy(update={"baselines": baselines})) == (
        "beats random with intervals apart; is above sparse, which was trained on one seed"
    )
    both = won.model_copy(update={"baselines": Baselines(human=once, sparse=once)})
    assert beats(both) == "is above human and sparse, which were trained on one seed each"
    assert won.best is not None
    best = won.best.model_copy(update={"score": Interval(mean=3.5, low=None, high=None, n=1)})
    assert beats(won.model_copy(update={"best": best})) == (
        "is above random and human, but was confirmed on one seed, which gives no interval"
    )


def test_calls_of_unknown_price_are_told_beside_the_money():
    answer = Completed(
        key=CompletionKey(generation=1, role="designer", slot=2), model="m", prompt_hash="h", tokens=1, dollars=None
    )
    run = fold([*whole(), answer])
    told = result().model_copy(update={"usage": run.usage()})
    assert run.usage().unpriced == 1
    assert run.usage().dollars == pytest.approx(0.03)
    assert "$0.03, 1 call of unknown price" in story(run, told)
    assert "price" not in section(story(fold(whole()), result()), "Cost")


def test_which_sparse_reward_it_was_is_said():
    some = result()
    some = some.model_copy(update={"baselines": some.baselines.model_copy(update={"sparse": some.baselines.human})})
    assert "the task's own sparse reward, 2 seeds" in score_table(some, sparse_kind="rule")
    assert "the score paid at the episode's end, 2 seeds" in score_table(some, sparse_kind="terminal")


def test_a_pipe_in_a_cell_does_not_break_a_markdown_table():
    run = fold([*whole()])
    run.candidates["g1c00"] = candidate(1, 0, parents=("a|b",))
    rows = [line for line in section(story(run, result()), "Candidates").splitlines() if line.startswith("|")]
    assert len({line.count("|") for line in rows}) == 1


def test_a_fence_in_the_source_does_not_end_the_block():
    text = fenced("x = 1  # ```\n", "python")
    assert text == "````python\nx = 1  # ```\n````"


def test_seeds_without_a_score_are_told_beside_the_mean(told):
    some = result(told)
    assert "failed on" not in score_table(some)
    failed = some.model_copy(update={"best": some.best.model_copy(update={"failed_seeds": 2})})
    assert "its training failed on 2 more" in score_table(failed)


def test_warnings_stand_with_their_candidates_and_together(told):
    run = fold(warned())
    some = result()
    best = some.best.model_copy(update={"warnings": (ALONE,)})
    text = story(run, some.model_copy(update={"best": best}))
    assert section(text, "Warnings").strip().splitlines()[-3:] == [
        "- g1c00: It pays an idle agent more.",
        "- g1c00: `alive` is all.",
        "- g2c00: `alive` is all.",
    ]
    assert "- warning: `alive` is all." in section(text, "The winner: g2c00")
    assert "2 warnings" in section(text, "Candidates")
    one = candidate_story(run, run.candidates["g1c00"], "runs/x")
    assert "- warning: It pays an idle agent more." in one
    assert "- warning: It pays an idle agent more." in candidate_story(run, run.candidates["g2c01"], "runs/x"), "a twin"
    assert "warning" not in told.lower(), "nothing is said where nothing was seen"


def test_how_sure_it_is_stands_in_sentences():
    some = result()
    assert some.best is not None
    assert chances(some) == []
    over = {"human": Interval(mean=0.875, low=None, high=None, n=4), "sparse": Interval(mean=1, low=0.5, high=1, n=9)}
    best = some.best.model_copy(update={"gap": -0.25, "improvement": over, "human_normalised": 1.5})
    some = some.model_copy(update={"best": best})
    assert chances(some) == [
        "A training of g2c00 scores above one of human with probability 0.875 (4 pairs of seeds).",
        "A training of g2c00 scores above one of sparse with probability 1.00 [0.5, 1.00] (9 pairs of seeds).",
        "Human-normalised, (score - sparse) / |human - sparse|, it is 1.50; as in EUREKA this is clipped to [0, 3], "
        "which it does not reach.",
    ]
    assert "0.25 below the confirmed mean" in score_table(some)
    clipped = some.model_copy(update={"best": best.model_copy(update={"human_normalised": 3.0})})
    assert chances(clipped)[-1].endswith("it is 3.00; as in EUREKA this is clipped to [0, 3], which it reaches.")


def test_what_was_spent_stands_beside_the_limits():
    stop = StopSpec(trainings=20, steps=20_000, tokens=5000, dollars=1.5, wall_s=600)
    spec = SPEC.model_copy(update={"stop": stop})
    first, *others = whole()
    assert isinstance(first, RunStarted)
    run = fold([first.model_copy(update={"spec": spec}), *others])
    limits = {row[0]: row[3] for row in cost_rows(run)}
    assert limits == {
        "trainings": "20",
        "environment steps": "20k",
        "calls of the model": "–",
        "tokens": "5k",
        "money": "$1.50",
        "wall time": "10 min",
    }


def test_what_was_said_stands_in_the_story_and_does_nothing_in_it(told):
    assert "What was said" not in told
    remark = Remark(generation=1, candidate="g1c01", over="g1c00", saw="It `falls` <b>.", who="person")
    events = whole()
    events.insert(-1, Said(remark=remark))
    said = section(story(fold(events), result()), "What was said")
    assert "after generation 1, person on g1c01: preferred to g1c00; seen: It \\`falls\\` \\<b\\>." in said


def test_nothing_in_it_is_somebodys_tag_link_or_picture():
    parsed = MarkdownIt("commonmark").parse(story(fold(spoilt(whole())), result()))
    kinds = {each.type for token in parsed for each in (token, *(token.children or ()))}
    assert "fence" in kinds
    assert not kinds & {"html_block", "html_inline", "link_open", "image"}


def test_sources_too_long_to_be_compared_are_not():
    long = "\n".join("xy"[n % 2] * (n % 190) for n in range(5001))
    assert difference(long, long + "\nz", "a", "b") == "@@ 5001 and 5002 lines: more than 5000 are not compared @@"
    assert "+z" in difference("y", "y\nz", "a", "b")
