"""What a prompt advertises, read on the live environment of every shipped task."""

import re
from pathlib import Path

import numpy as np
import pytest

from rewardsmith.catalogue.folders import find_folders
from rewardsmith.catalogue.tasks import load_task
from rewardsmith.domain.job import SurveyJob
from rewardsmith.domain.survey import Probe, Survey
from rewardsmith.export.signals import SignalReader
from rewardsmith.prompting.abstraction import abstraction, attributes, offered
from rewardsmith.prompting.translation import to_contract
from rewardsmith.reward.source import analyse
from rewardsmith.screening.screen import Screen
from rewardsmith.worker.backends.gymnasium import make
from rewardsmith.worker.survey import run
from tests.shipped import runnable

FOLDERS = find_folders(here=Path(__file__).resolve().parents[2])
EVERYDAY = ("ant_spin", "cartpole", "half_cheetah", "reacher")
TASKS = runnable(FOLDERS, everyday=EVERYDAY)
LINE = re.compile(r"    (?P<names>[\w, ]+): (?P<type>[^#]+?)(?:  # (?P<said>.+))?")
CALLS = {
    "distance_between": "distance_between({position}, {before})",
    "tilt_of": "tilt_of({up})",
    "wrap_angle": "wrap_angle({number})",
    "roll_pitch_yaw_of": "roll_pitch_yaw_of({quaternion})[:, 0]",
    "to_world": "to_world({up}, {quaternion})[:, 0]",
    "to_body": "to_body({up}, {quaternion})[:, 0]",
    "angle_between": "angle_between({quaternion}, {quaternion})",
    "within": "within({number}, 0.0, 1.0, 1.0)",
}


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """MuJoCo writes its log into the working directory."""
    monkeypatch.chdir(tmp_path)


def advertised(text: str) -> dict[str, tuple[tuple[int, ...], str]]:
    """Shape of a row and comment by path, read from the text as a model reads it."""
    classes = {
        block.split(":", 1)[0].removeprefix("class "): [LINE.fullmatch(line) for line in block.split("\n")[1:]]
        for block in text.strip().split("\n\n\n")
        if block.startswith("class ")
    }
    assert all(line for lines in classes.values() for line in lines), text
    found = {}
    for line in classes.pop("Environment"):
        types = line["type"].split(" & ")
        for name in line["names"].split(", "):
            if line["type"] == "Environment":
                assert name == "previous"
            elif types[0] in classes:
                members = [member for kind in types for member in classes[kind]]
                found |= {f"{name}.{member['names']}": _typed(member) for member in members}
            else:
                found[name] = _typed(line)
    return found


def _typed(line: re.Match[str]) -> tuple[tuple[int, ...], str]:
    shape = re.match(r"\(N,(.*?)\)", line["type"])
    assert shape, line[0]
    return tuple(int(n) for n in shape[1].split(",") if n.strip()), line["said"]


def surveyed(name: str, out: Path) -> tuple[Survey, Probe]:
    run(SurveyJob(task=load_task(name, FOLDERS), episodes=2, max_steps=64), out)
    with np.load(out / "probe.npz", allow_pickle=False) as arrays:
        rows = dict(arrays)
    return Survey.model_validate_json((out / "survey.json").read_text()), Probe(rows, rows.pop("__starts__"))


@pytest.mark.parametrize("name", TASKS)
def test_every_advertised_attribute_is_there(name: str, tmp_path: Path) -> None:
    survey, probe = surveyed(name, tmp_path)
    told, known = advertised(abstraction(survey)), attributes(survey)
    assert set(told) == set(known)
    env = make(load_task(name, FOLDERS))
    try:
        env.reset(seed=1)
        action = env.action_space.sample()
        observation, _, terminated, _, info = env.step(action)
        readers = {each.signal.name: each.signal.reader for each in known.values()}
        live = SignalReader(env, readers).read(observation, action, terminated, info)
    finally:
        env.close()
    for path, (shape, said) in told.items():
        signal = known[path].signal
        row = live[signal.name]
        assert row.shape == shape, path
        assert np.isfinite(row).all(), path
        assert said.startswith(signal.unit), path

    def flat(path: str, shape: tuple[int, ...]) -> str:
        return f"np.tanh(1e-3 * np.abs({path}){'.sum(axis=1)' if shape else ''})"

    terms = [flat(f"env.{path}", shape) for path, (shape, _) in told.items()]
    terms += [flat(f"env.previous.{path}", shape) for path, (shape, _) in told.items()]
    terms += _called(told, offered(survey))
    lines = "".join(f"    total = total + {term}\n" for term in terms)
    head, end = (
        "import numpy as np\n\n\ndef compute_reward(env):\n    total = 0.0\n",
        "    return total, {'all': total}\n",
    )
    source = to_contract(head + lines + end, survey)
    read = analyse(source, survey.names()).signals
    assert set(read) == {*survey.names(), *(f"prev_{signal}" for signal in survey.names())}
    verdict = Screen(survey, probe).judge(lambda: source, [])
    assert verdict.passed, verdict.failure


def _called(told: dict[str, tuple[tuple[int, ...], str]], helpers: object) -> list[str]:
    """A call of each helper that is offered; those that need a body are offered where there is one."""
    body = next((path.removesuffix("quaternion") for path in told if path.endswith(".quaternion")), None)
    numbers = next(path for path, (shape, _) in told.items() if not shape)
    some = {"number": f"env.{numbers}", "position": "env.observation", "before": "env.previous.observation"}
    if body:
        some |= {field: f"env.{body}{field}" for field in ("position", "up", "quaternion")}
        some["before"] = f"env.previous.{body}position"
    assert ("tilt_of" in helpers) == (body is not None)
    return [CALLS[name].format(**some) for name in helpers]
