"""The main job on real physics with real training, on a task so small that a run takes seconds."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from hashlib import sha256

import pytest

from rewardsmith.app import EvolveRequest, Settings, Workshop
from rewardsmith.domain.events import (
    AttemptEnded,
    AttemptStarted,
    Confirmed,
    GenerationEnded,
    Screened,
    SearchEnded,
    StatusChanged,
)
from rewardsmith.domain.plan import StopSpec
from rewardsmith.domain.prompt import Completion, CompletionKey
from rewardsmith.errors import Interrupted, ModelUnavailable, RunBusy, ScoreRuleError, UnknownName, UsageError
from rewardsmith.executors.attempt_folder import runner_of
from rewardsmith.executors.executor import Running
from rewardsmith.models.recording import Recorded, recorded_file
from rewardsmith.store.leases import Owner


def _of(events, kind):
    return [event for event in events if isinstance(event, kind)]


def test_a_run_ends_with_a_confirmed_winner_and_a_folder_that_tells_the_story(desk, good):
    result = desk.evolve(model=desk.answer(good(0.1), good(0.2)), baselines=("human", "sparse"))
    assert result.status == "done"
    assert result.best.score.n == 2, "the mean rests on the confirmation's seeds alone"
    assert result.best.score.low <= result.best.score.mean <= result.best.score.high
    assert result.baselines.human.n == result.baselines.sparse.n == 1
    assert result.baselines.random.n > 1
    assert result.usage.trainings == 2 + 2 + 2
    assert result.usage.steps > 6 * 256
    folder = desk.folder / "runs" / "run" / "g1" / result.best.candidate
    assert {"reward.py", "prompt.md", "response.md", "report.json", "learning_curve.csv"} <= {
        path.name for path in folder.iterdir()
    }
    assert "compute_reward" in (folder / "reward.py").read_text()
    assert desk.open().result("run") == result, "another process reads the same from the store"


def test_a_fault_is_repaired_with_the_failure_in_the_prompt(desk, good, unknown):
    desk.evolve(model=desk.answer(unknown, good(0.1), good(0.3)))
    first = _of(desk.events, Screened)
    repaired = next(event.candidate for event in first if event.candidate.slot == 0)
    assert repaired.origin == "repaired"
    assert [failure.kind for failure in repaired.repairs] == ["unknown_signal"]
    assert repaired.failure is None
    prompt = (desk.folder / "runs/run/g1/g1c00/prompt.md").read_text()
    assert "hinge_angel" in prompt
    assert "hinge_angle" in prompt


def test_a_candidate_says_what_it_was_made_from(desk, good):
    said = [None, None, None, ("g1c00", "g1c02"), (), ("g1c02", "g7c77")]
    for number, parents in enumerate(said):
        key = CompletionKey(generation=1 + number // 3, role="designer", slot=number % 3)
        answer = Completion(text=good(0.1 + 0.1 * number), model="m", parents=parents)
        recorded = Recorded(key=key, prompt_hash="", completion=answer)
        recorded_file(desk.completions, key).write_text(recorded.model_dump_json())
    desk.evolve(model=f"recorded:{desk.completions}", k=3, iterations=2)
    made = {name: (c.origin, c.parents) for name, c in desk.workshop.run("run").candidates.items()}
    assert made["g1c00"] == made["g2c01"] == ("proposed", ())
    assert made["g2c00"] == ("crossed", ("g1c00", "g1c02"))
    assert made["g2c02"] == ("mutated", ("g1c02",)), "what is no candidate is nobody's parent"


def test_a_duplicate_takes_its_twins_result_and_is_not_trained(desk, good):
    same = good(0.1).replace("import numpy as np", "import numpy as np  # the same again, with a comment")
    result = desk.evolve(model=desk.answer(good(0.1), same), recipe="eureka")
    second = desk.workshop.run("run").candidates["g1c01"]
    assert second.twin == "g1c00"
    turns = desk.workshop.run("run").turns()
    assert turns[0].score == turns[1].score is not None
    trained = {event.attempt.subject for event in _of(desk.events, AttemptEnded)}
    assert trained == {"g1c00"}
    assert result.best.candidate == "g1c00"


def test_one_workshop_serves_one_run_after_the_other(desk, good):
    model = desk.answer(good(0.1))
    first = desk.evolve(model=model, k=1)
    second = desk.evolve(model=model, k=1, name="again")
    assert (first.status, second.status) == ("done", "done")
    assert first.best.score == second.best.score, "the same reward and seeds give the same scores"


def test_an_empty_folder_ends_the_search_and_says_so(desk, good):
    result = desk.evolve(model=desk.answer(good(0.1), good(0.2)), iterations=5)
    assert result.status == "done"
    assert "dealt" in result.reason
    assert len(_of(desk.events, GenerationEnded)) == 1
    assert _of(desk.events, Confirmed)


def test_three_barren_generations_end_the_run_with_the_reason(desk):
    prose = ["I would reward uprightness."] * 12
    result = desk.evolve(model=desk.answer(*prose), recipe="eureka", iterations=5, k=2)
    assert result.status == "failed"
    assert "no_code" in result.reason
    assert result.best is None
    assert len(_of(desk.events, GenerationEnded)) == 3


def test_failures_go_back_to_the_model(desk, good, unknown):
    desk.evolve(model=desk.answer(unknown, unknown, unknown, unknown, good(0.1), good(0.2)), iterations=2)
    prompt = (desk.folder / "runs/run/g2/g2c00/prompt.md").read_text()
    assert "hinge_angel" in prompt


def test_a_provider_that_is_down_pauses_the_run_which_resumes_when_it_is_back(desk, good, model_server):
    model_server.answer(good(0.1), good(0.2))
    model_server.down = True
    with pytest.raises(ModelUnavailable):
        desk.evolve(model="openai:test", base_url=model_server.url)
    assert desk.workshop.run("run").status == "paused"
    model_server.down = False
    result = desk.open().resume("run", desk.observe)
    assert result.status == "done"
    assert model_server.served == 2


def test_an_interrupted_run_pauses_and_resumes_without_repeating(desk, good):
    def observe(stored, run):
        desk.observe(stored, run)
        if isinstance(stored.event, AttemptEnded) and stored.event.report:
            desk.workshop.interrupt()

    asked = EvolveRequest(
        env=desk.task, budget="tiny", baselines=(), name="run", iterations=1, model=desk.answer(good(0.1), good(0.2))
    )
    spec, plan = desk.workshop.prepare(asked)
    with pytest.raises(Interrupted):
        desk.workshop.evolve(spec, plan, observe)
    assert desk.workshop.run("run").status == "paused"
    result = desk.workshop.resume("run", desk.observe)
    assert result.status == "done", "an interruption ends one run, not the next one of the same workshop"
    finished = [event.attempt.key for event in _of(desk.events, AttemptEnded) if event.report]
    assert len(finished) == len(set(finished))


def test_who_cancels_a_run_as_it_pauses_is_heard(desk, good):
    def observe(stored, run):
        desk.observe(stored, run)
        if isinstance(stored.event, AttemptStarted):
            desk.workshop.interrupt()
        elif isinstance(stored.event, StatusChanged) and stored.event.status == "paused":
            desk.open().cancel("run")

    asked = EvolveRequest(
        env=desk.task, budget="tiny", baselines=(), name="run", iterations=1, model=desk.answer(good(0.1), good(0.2))
    )
    with pytest.raises(Interrupted):
        desk.workshop.evolve(*desk.workshop.prepare(asked), observe)
    assert desk.workshop.run("run").status == "cancelled"


def test_a_second_process_on_the_same_run_is_refused(desk, good):
    refused: list[Exception] = []

    def observe(stored, run):
        if not refused and isinstance(stored.event, StatusChanged):
            other = Owner.current()
            try:
                desk.open().store.claim("run", owner=other)
            except RunBusy as error:
                refused.append(error)

    asked = EvolveRequest(
        env=desk.task, budget="tiny", baselines=(), name="run", iterations=1, model=desk.answer(good())
    )
    spec, plan = desk.workshop.prepare(asked)
    desk.workshop.evolve(spec, plan, observe)
    assert refused


def test_a_target_score_stops_the_search_and_the_winner_is_still_confirmed(desk, good):
    result = desk.evolve(
        model=desk.answer(*[good(0.1 * n) for n in range(1, 9)]), iterations=4, stop=StopSpec(target=-1.0)
    )
    assert "target" in result.reason
    assert len(_of(desk.events, GenerationEnded)) == 1
    assert result.best.score.n == 2


@pytest.mark.parametrize(
    ("rule", "says"),
    [
        ("def score(hinge_angle):\n    return float('nan')\n", "nan"),
        ("def score(hinge_angle):\n    return 1 / 0\n", "ZeroDivisionError"),
        ("def score(hinge_angel):\n    return 0.0\n", "hinge_angle"),
    ],
)
def test_a_score_rule_that_fails_is_the_tasks_fault_and_is_named(desk, good, rule, says):
    score = desk.folder / "tiny" / "score.py"
    score.write_text(rule)
    with pytest.raises(ScoreRuleError) as raised:
        desk.evolve(model=desk.answer(good()))
    assert says.lower() in (str(raised.value) + raised.value.hint).lower()


def test_unknown_names_list_the_near_misses(desk):
    for asked, near in [
        ({"recipe": "eurka"}, "eureka"),
        ({"budget": "tinny"}, "tiny"),
        ({"model": "ofline"}, "offline"),
    ]:
        with pytest.raises(UsageError) as raised:
            desk.evolve(**asked)
        assert near in str(raised.value)
    with pytest.raises(UnknownName, match="inverted_pendulum"):
        desk.workshop.task("inverted_pendullum")
    with pytest.raises(UsageError, match="humn: No such file or directory; did you mean 'human'"):
        desk.workshop.train("humn", desk.task, budget="tiny")
    with pytest.raises(UnknownName, match="unknown run"):
        desk.workshop.resume("nothing", desk.observe)


def test_the_interrupt_of_an_idle_workshop_does_nothing(desk):
    threading.Thread(target=desk.workshop.interrupt).start()
    desk.workshop.interrupt()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_training_alone_ends_with_its_command(desk, number):
    script = f"import signal; signal.signal({int(signal.SIGINT)}, signal.default_int_handler)\n"
    script += "from rewardsmith.cli.main import main; main()"
    command = ["train", "sparse", "--env", desk.task, "--budget", "tiny", "--steps", "10M"]
    clean = {name: value for name, value in os.environ.items() if not name.startswith("REWARDSMITH_")}
    process = subprocess.Popen([sys.executable, "-c", script, *command], cwd=desk.folder, env=clean)
    while not (found := list(desk.folder.glob("runs/trainings/*/out/progress.json"))):
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(number)
    assert process.wait() == 130
    assert runner_of(found[0].parents[1]) is None


ALONE = """
import sys
import numpy as np
sys.path[:0] = sys.argv[1:]
import reward, load
env = reward.make()
observation, _ = env.reset(seed=0)
_, paid, *_, info = env.step(load.act(observation))
assert np.isclose(paid, sum(info["reward_components"].values()))
assert not [name for name in sys.modules if name.startswith(("rewardsmith", "torch", "stable_baselines3"))]
"""


def test_what_a_run_hands_out_stands_alone(desk, good):
    desk.evolve(model=desk.answer(good(0.1)), k=1)
    text = desk.workshop.export("run", "g1c00")
    assert "needs: numpy, gymnasium[mujoco]" in text
    (desk.folder / "reward.py").write_text(text)
    files = desk.workshop.export_policy("run", "g1c00", desk.folder / "policy")
    assert {file.name for file in files} == {"policy.safetensors", "policy.json", "normalisation.npz", "load.py"}
    command = [sys.executable, "-I", "-c", ALONE, str(desk.folder), str(desk.folder / "policy")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_folder_with_something_in_it_is_not_taken_for_a_new_run(desk, good):
    desk.evolve(model=desk.answer(good(0.1)), k=1)
    for file in desk.folder.glob("runs/rewardsmith.db*"):
        file.unlink()
    desk.workshop = desk.open()
    with pytest.raises(UsageError, match="already"):
        desk.evolve(model=desk.answer(good(0.2)), k=1)


def test_a_run_killed_before_its_first_event_can_be_started_again(desk, good):
    desk.workshop.store.create("run")
    with pytest.raises(UsageError, match="before it began"):
        desk.workshop.result("run")
    assert desk.evolve(model=desk.answer(good(0.1)), k=1).status == "done"


def test_a_run_whose_search_ended_does_not_go_on_searching_when_it_is_resumed(desk, good):
    stop = desk.folder / "stop"
    stop.touch()

    def observe(stored, run):
        desk.observe(stored, run)
        if isinstance(stored.event, SearchEnded):
            stop.unlink()
            desk.workshop.interrupt()

    asked = EvolveRequest(
        env=desk.task,
        budget="tiny",
        baselines=(),
        name="run",
        iterations=3,
        k=1,
        model=desk.answer(good(0.1), good(0.2), good(0.3)),
        stop=StopSpec(file=str(stop)),
    )
    spec, plan = desk.workshop.prepare(asked)
    with pytest.raises(Interrupted):
        desk.workshop.evolve(spec, plan, observe)
    result = desk.open().resume("run", desk.observe)
    assert "stop file" in result.reason
    assert not _of(desk.events, GenerationEnded)
    assert result.status == "failed", "nothing was searched, so nothing can be confirmed"


def test_the_clock_and_determinism_do_not_go_together(desk):
    with pytest.raises(UsageError, match="clock"):
        desk.evolve(deterministic=True, stop=StopSpec(wall_s=60))


def test_a_limit_in_dollars_is_refused_where_no_price_is_known(desk, model_server):
    with pytest.raises(UsageError, match="prices"):
        desk.evolve(model="openai:test", base_url=model_server.url, stop=StopSpec(dollars=1.0))
    assert model_server.served == 0


def test_a_survey_in_the_making_is_waited_for(desk):
    task = desk.workshop.task(desk.task)
    changed = task.model_copy(update={"view": "another view"})
    found, said = [], []

    def look():
        found.append(desk.open().survey(changed, note=said.append))

    threads = [threading.Thread(target=look) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [survey.view for survey, _ in found] == ["another view"] * 3
    assert len(said) == 1, "it was made once"


def test_a_survey_is_made_again_when_a_file_of_the_environment_has_changed(desk, tmp_path):
    task = desk.workshop.task(desk.task)
    origin, missing, said = tmp_path / "cart.py", tmp_path / "elsewhere.py", []
    origin.write_text("GRIP = 1.0")
    (kept,) = desk.folder.glob("runs/surveys/*/out/survey.json")
    survey = json.loads(kept.read_text()) | {
        "origins": {str(origin): sha256(origin.read_bytes()).hexdigest(), str(missing): "of a place not seen from here"}
    }
    kept.write_text(json.dumps(survey))
    assert desk.workshop.survey(task, note=said.append)[0].origins
    assert not said
    origin.write_text("GRIP = 2.0")
    assert not desk.workshop.survey(task, note=said.append)[0].origins
    assert "cart.py has changed" in said[0]


def test_an_interruption_leaves_no_training_behind(desk, good):
    def observe(stored, run):
        desk.observe(stored, run)
        if isinstance(stored.event, AttemptStarted):
            desk.workshop.interrupt()

    asked = EvolveRequest(
        env=desk.task, budget="tiny", baselines=(), name="run", iterations=1, model=desk.answer(good(0.1), good(0.2))
    )
    spec, plan = desk.workshop.prepare(asked)
    with pytest.raises(Interrupted):
        desk.workshop.evolve(spec, plan, observe)
    assert not desk.workshop.run("run").open
    folders = [path.parent for path in desk.folder.glob("runs/run/**/job.json")]
    assert not [folder for folder in folders if isinstance(desk.workshop.executor.poll(folder), Running)]


@pytest.mark.parametrize("workers", [None, 2])
def test_an_unknown_executor_is_told_with_its_near_misses(workers, tmp_path):
    workshop = Workshop(Settings(runs=tmp_path, executor="lcoal", workers=workers))
    with pytest.raises(UnknownName, match="did you mean 'local'"):
        _ = workshop.executor
    assert workshop.workers >= 1
