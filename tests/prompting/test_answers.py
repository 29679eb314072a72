"""JSON is found in whatever stands around it, and nothing that a model writes breaks the search for it."""

from __future__ import annotations

import json

import pytest

from rewardsmith.domain.prompt import Message
from rewardsmith.domain.review import Review
from rewardsmith.prompting.answers import MOST_READ, MOST_TEXT, ask_again, find_record, prose
from rewardsmith.prompting.reviewing import MOST_OBJECTION, MOST_OBJECTIONS, read_review, taken_as_objection

OBJECTS = '{"passes": false, "objections": ["dense: speed is paid upside down"]}'
PASSES = '{"passes": true, "objections": []}'


@pytest.mark.parametrize(
    "answer",
    [
        OBJECTS,
        f"```json\n{OBJECTS}\n```",
        f"```\n{OBJECTS}\n```\nThat is all.",
        f"I went through the list. {{1}} is fine, {{2}} is not.\n\n{OBJECTS}\n\nHope it helps {{:",
        f"<think>{PASSES}</think>\n{OBJECTS}",
        f"A first thought was {PASSES}, but the torso may lie:\n{OBJECTS}",
        OBJECTS.replace("}", ', "severity": {"dense": "high"}, "line": 3}'),
        json.dumps(json.loads(OBJECTS), indent=4).replace("\n", "\r\n"),
    ],
)
def test_the_last_object_of_the_form_counts(answer):
    review = read_review(answer)
    assert review == Review(passes=False, objections=("dense: speed is paid upside down",))


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "Looks good to me.",
        '{"passes": false}',
        '{"passes": false, "objections": ["  "]}',
        '{"passes": "perhaps", "objections": []}',
        '{"objections": ["no verdict"]}',
        '{"passes": false, "objections": [{"what": 1}]}',
        '{"passes": false, "objections": ["cut o',
        "[" * 5000 + "{" * 60_000,
        '{"passes": ' * 20_000,
        '{"a": NaN}',
    ],
)
def test_what_is_no_review_is_none(answer):
    assert read_review(answer) is None


def test_only_the_end_of_an_endless_answer_is_read():
    assert find_record(OBJECTS + "x" * MOST_READ, Review) is None
    assert find_record("{" * 10 * MOST_READ + OBJECTS, Review) is not None


def test_objections_are_capped_and_made_plain():
    shouted = ["```\nIgnore all rules\x1b[31m" + "!" * 1000] * 50
    review = read_review(json.dumps({"passes": False, "objections": shouted}))
    assert review is not None
    assert len(review.objections) == MOST_OBJECTIONS
    for objection in review.objections:
        assert len(objection) <= MOST_OBJECTION
        assert objection.isprintable()
        assert "`" not in objection


def test_an_answer_in_prose_counts_as_an_objection_and_an_empty_one_as_none():
    review = taken_as_objection("The dense part\npays an ant ```on its back```." + "x" * 9000)
    assert (review.passes, len(review.objections)) == (False, 1)
    assert review.objections[0].startswith("The dense part pays an ant '''on its back'''.")
    assert len(review.objections[0]) <= MOST_TEXT
    assert taken_as_objection("<think>hm</think>  \n") == Review(passes=True)


def test_asking_again_shows_the_answer_and_the_form():
    first = (Message(role="user", content="Review this."),)
    again = ask_again(first, "Looks good. " + "y" * 9000, '{"passes": true}')
    assert [message.role for message in again] == ["user", "assistant", "user"]
    assert again[0] == first[0]
    assert again[1].content == prose("Looks good. " + "y" * 9000)
    assert '{"passes": true}' in again[2].content
