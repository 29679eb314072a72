"""The describer's calls on a made-up arm with real gates: nothing unfilled passes, and nothing is asked twice."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from rewardsmith.catalogue.folders import find_folders
from rewardsmith.catalogue.recipes import load_recipe
from rewardsmith.domain.prompt import Completion, Request, Turn
from rewardsmith.domain.robot import Always, Joint, Robot
from rewardsmith.domain.watching import Remark
from rewardsmith.errors import ModelExhausted, ModelUnavailable
from rewardsmith.models.folder import FolderModel
from rewardsmith.prompting.messages import check_templates
from rewardsmith.screening.screen import Screen
from rewardsmith.search.asking import Asking
from rewardsmith.search.describing import Describing
from rewardsmith.search.placing import Placing
from rewardsmith.store.artifacts import RunFolder
from tests.search.desk import Desk

ROBOT = Robot(
    title="pole",
    terms=("joint_pose",),
    joints={"pole": Joint(joint="pole", nominal=0.0, low=-90.0, high=90.0)},
    always=Always(posture=0.0),
    bullets=("This is {a new task | a correction of the task before}.", "The pole is at {joint_pose.angle} degrees."),
)


def described(angle: object, kind: str = "a new task") -> str:
    return f"* This is {kind}.\n* The pole is at {angle} degrees.\n"


def program(angle: float, *, reset: bool = True) -> str:
    calls = ["reset_reward()"] * reset + [f'set_joint_pose("pole", {angle})']
    return "```python\n" + "\n".join(calls) + "\n```\n"


@pytest.fixture
def arm(desk: Desk, tmp_path) -> Desk:
    desk.recipe = load_recipe("language_to_rewards", find_folders(here=tmp_path))
    check_templates(desk.recipe)
    desk.robot = ROBOT
    return desk


def prompt(desk: Desk, candidate: str = "g1c00") -> str:
    return (desk.folder / "run" / "g1" / candidate / "prompt.md").read_text()


def test_the_coder_is_told_the_description_and_its_program_becomes_a_reward(arm: Desk) -> None:
    arm.answer("Well, **this** it is:\n" + described(10), program(10))
    candidate = arm.write().candidates["g1c00"]
    assert arm.asked() == [("describer", 0, 0), ("designer", 0, 0)]
    assert candidate.parameters["joint_pose_pole_angle"] == 10.0
    assert candidate.components == ("pole_pose", "effort")
    assert "* The pole is at 10 degrees." in prompt(arm)
    assert "Well" not in prompt(arm), "what the describer wrote beside its lines stays outside"
    assert arm.ready == ["g1c00"]


def test_what_a_describer_thinks_aloud_is_no_part_of_its_description(arm: Desk) -> None:
    arm.answer(f"<think>\n{described(80)}</think>\n{described(10)}", program(10))
    assert arm.write().candidates["g1c00"].failure is None
    assert "at 10 degrees" in prompt(arm)
    assert "at 80 degrees" not in prompt(arm)


def test_each_slot_has_a_description_of_its_own(arm: Desk) -> None:
    arm.answer(described(10), described(20), program(10), program(20))
    run = arm.write(k=2)
    assert [c.parameters["joint_pose_pole_angle"] for c in run.candidates.values()] == [10.0, 20.0]
    assert "at 20 degrees" in prompt(arm, "g1c01")
    assert "at 10 degrees" not in prompt(arm, "g1c01")


def test_a_template_that_is_not_filled_is_asked_for_again_with_what_is_wrong(arm: Desk) -> None:
    arm.answer(described("NUM"), described(100), described(30), program(30))
    assert arm.write().candidates["g1c00"].failure is None
    assert arm.asked() == [("describer", 0, 0), ("describer", 0, 1), ("describer", 0, 2), ("designer", 0, 0)]


def test_after_three_calls_the_slot_fails_and_no_coder_is_asked(arm: Desk) -> None:
    arm.answer(described("NUM"), described("?"), described(100), program(30))
    candidate = arm.write().candidates["g1c00"]
    assert arm.asked()[-1] == ("describer", 0, 2)
    assert (candidate.failure.gate, candidate.failure.kind) == ("describe", "unfilled")
    assert "after 3 calls" in candidate.failure.message
    assert "100 is not between -90 and 90" in candidate.failure.message
    assert arm.ready == []


def test_what_is_wrong_is_told_in_the_next_call(arm: Desk) -> None:
    arm.answer(described("NUM"), described(5))
    seen = []
    with arm.process() as (composing, asking):
        asyncio.run(_describe(arm, composing, asking, seen, [], ()))
    again = seen[1].messages
    assert [message.role for message in again] == ["system", "user", "assistant", "user"]
    assert again[2].content == described("NUM")
    assert "'NUM' is no number" in again[3].content


@pytest.mark.parametrize("calls", range(5))
def test_killed_at_any_call_it_goes_on_without_asking_twice(arm: Desk, calls: int) -> None:
    arm.answer(described("NUM"), described(10), described(20), program(10), program(20))
    with pytest.raises(ModelUnavailable):
        arm.write(k=2, calls=calls)
    run = arm.write(k=2)
    assert len(arm.asked()) == len(set(arm.asked())) == 5
    angles = {c.parameters["joint_pose_pole_angle"] for c in run.candidates.values()}
    assert angles == {10.0, 20.0}


def test_a_folder_without_more_answers_ends_the_slots_that_were_asked_again(arm: Desk) -> None:
    arm.answer(described("NUM"), described(10))
    with pytest.raises(ModelExhausted):
        arm.write(k=2)
    candidates = arm.run().candidates
    assert candidates["g1c00"].failure.kind == "unfilled", "it was answered, and will not be again"
    assert "g1c01" not in candidates, "its coder was never asked"


def test_a_program_with_a_fault_is_repaired(arm: Desk) -> None:
    arm.answer(described(10), "```\nset_joint_pos('pole', 10)\n```", program(10))
    candidate = arm.write().candidates["g1c00"]
    assert [failure.kind for failure in candidate.repairs] == ["unknown_name"]
    assert "did you mean 'set_joint_pose'" in prompt(arm)


class _Seen:
    """A folder of answers that remembers what it was asked."""

    def __init__(self, model: FolderModel, seen: list[Request]) -> None:
        self.name, self._model, self._seen = "seen", model, seen

    async def complete(self, request: Request) -> Completion:
        self._seen.append(request)
        return await self._model.complete(request)


async def _describe(arm, composing, asking, seen, history, said, generation=1):
    """Have one slot described whose parent is the last of a history."""
    context = composing.context(generation, tuple(history[-1:]), composing.parentage(generation))
    context = replace(context, history=tuple(history), said=said)
    placing = Placing(composing.journal, Screen(composing.survey, composing.probe), RunFolder(arm.folder, "run"))
    watched = Asking(composing.journal, _Seen(asking.model, seen), asking.write)
    return await Describing(arm.recipe, watched, placing).generation(generation, [context])


def test_the_describer_remembers_what_it_said_and_is_told_what_came_of_it(arm: Desk, make_report) -> None:
    arm.answer(described(10), program(10))
    first = arm.write().candidates["g1c00"]
    second = first.model_copy(update={"generation": 2, "parents": ("g1c00",), "origin": "mutated"})
    turns = [Turn(candidate=first, report=make_report(0, 0.5)), Turn(candidate=second, report=make_report(0, 0.7))]
    arm.answer(described(10), program(10), described(20), described(30))
    seen: list[Request] = []
    with arm.process() as (composing, asking):
        asyncio.run(_describe(arm, composing, asking, seen, turns[:1], (), 2))
        asyncio.run(_describe(arm, composing, asking, seen, turns, (), 3))
    chain = seen[-1].messages
    assert [message.role for message in chain] == ["system", "user", "assistant", "user", "assistant", "user"]
    assert [chain[2].content, chain[4].content] == [described(10).strip(), described(20).strip()]
    assert "An agent was trained on your description. Task score: " in chain[3].content
    assert "Fill the whole template again" in chain[5].content


def test_a_persons_words_take_the_place_of_the_summary(arm: Desk, make_report) -> None:
    arm.answer(described(10), program(10), described(20))
    first = arm.write().candidates["g1c00"]
    remark = Remark(generation=1, candidate="g1c00", saw="it leans `left`", change="straight up", who="person")
    seen: list[Request] = []
    with arm.process() as (composing, asking):
        turn = Turn(candidate=first, report=make_report(0, 0.5))
        asyncio.run(_describe(arm, composing, asking, seen, [turn], (remark,), 2))
    told = seen[-1].messages[-1].content
    assert "it leans 'left'" in told
    assert "straight up" in told
    assert "An agent was trained" not in told
    assert "straight up" not in seen[-1].messages[0].content
