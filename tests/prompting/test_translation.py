from __future__ import annotations

import numpy as np
import pytest

from rewardsmith.prompting.translation import to_abstraction, to_contract
from rewardsmith.reward.source import RewardRejected, analyse

HEAD = "import numpy as np\n\n\ndef compute_reward(env, *, weight=1.0):\n"


@pytest.fixture
def survey(make):
    found = make.survey()
    up = make.signal("torso_up", (3,), "", "z axis of body torso in the world", "body:torso:up")
    turned = make.signal("torso_quaternion", (4,), "", "orientation of body torso", "body:torso:quaternion")
    return found.model_copy(update={"signals": (*found.signals, up, turned)})


def reward(*lines: str) -> str:
    return HEAD + "".join(f"    {line}\n" for line in lines)


def paid(source, survey, **given):
    """What a source of the contract pays; every signal it reads is drawn, as is every one that is not given."""
    rng = np.random.default_rng(0)
    space: dict = {}
    exec(source, space)
    rows = {}
    for name in analyse(source, survey.names()).signals:
        rows[name] = given.get(name, rng.normal(size=(5, *survey.signal(name).shape)))
    return space["compute_reward"](**rows)[0], rows


def test_what_is_read_becomes_the_arguments_in_order(survey):
    source = to_contract(
        reward(
            "speed = weight * env.torso.linear_velocity[:, 0]  # höher ist besser",
            "change = env.hip_1.angle - env.previous.hip_1.angle",
            "total = speed + change - np.square(env.action).sum(axis=1) + env.torso.linear_velocity.sum(axis=1)",
            'return total, {"speed": speed}',
        ),
        survey,
    )
    found = analyse(source, survey.names())
    assert found.signals == ("torso_linear_velocity", "hip_1_angle", "prev_hip_1_angle", "action")
    assert found.parameters == {"weight": 1.0}
    assert "# höher ist besser" in source
    total, rows = paid(source, survey)
    speed = rows["torso_linear_velocity"]
    expected = speed[:, 0] + rows["hip_1_angle"] - rows["prev_hip_1_angle"]
    np.testing.assert_allclose(total, expected - np.square(rows["action"]).sum(axis=1) + speed.sum(axis=1))


def test_lines_stay_where_they_are(survey):
    written = reward(
        "x = (env\n        .torso  # the trunk\n        .linear_velocity)[:, 0]", "y = x", 'return y, {"y": y}'
    )
    source = to_contract(written, survey)
    assert len(source.splitlines()) == len(written.splitlines())
    assert source.splitlines()[-1] == written.splitlines()[-1]
    assert source.splitlines()[-2] == "    y = x"


def test_variables_that_are_called_as_a_signal_get_another_name(survey):
    source = to_contract(
        reward(
            "own_action = 100.0",
            "action = np.square(env.action).sum(axis=1) + own_action",
            "x_velocity = np.array([(lambda x_velocity: x_velocity)(v) for v in env.x_velocity])",
            'return action - env.x_velocity + x_velocity + env.action[:, 0], {"action": action}',
        ),
        survey,
    )
    total, rows = paid(source, survey)
    np.testing.assert_allclose(total, np.square(rows["action"]).sum(axis=1) + 100.0 + rows["action"][:, 0])


def test_an_instance_may_be_given_a_name(survey):
    source = to_contract(
        reward(
            "body = env.torso",
            "earlier = env.previous",
            "leg = earlier.hip_1",
            "total = body.linear_velocity[:, 0] - earlier.torso.linear_velocity[:, 0] + leg.angle",
            'return total, {"total_speed": total}',
        ),
        survey,
    )
    assert analyse(source, survey.names()).signals == (
        "torso_linear_velocity",
        "prev_torso_linear_velocity",
        "prev_hip_1_angle",
    )


def test_helpers_come_along_with_what_they_call(survey):
    lines = (
        "sideways = to_body(env.torso.linear_velocity, env.torso.quaternion)[:, 1]",
        'return sideways, {"s": sideways}',
    )
    source = to_contract(reward(*lines), survey)
    assert source.count("def ") == 3
    assert "def to_world(" in source
    paid(source, survey)
    without_import = to_contract(reward(*lines).replace("import numpy as np\n", "from numpy import exp\n"), survey)
    paid(without_import, survey)
    own = reward(*lines) + "\n\ndef to_body(vector, quaternion):\n    return vector * quaternion[:, :1]\n"
    assert to_contract(own, survey).count("def to_body") == 1
    assert "def to_world(" not in to_contract(own, survey)


@pytest.mark.parametrize(
    ("line", "kind", "message"),
    [
        ("env.torso.velocity", "unknown_signal", "no env.torso.velocity; did you mean env.torso.linear_velocity"),
        ("env.torzo.linear_velocity", "unknown_signal", "no env.torzo.linear_velocity; did you mean env.torso.linear_"),
        ("env.x_vel", "unknown_signal", "no env.x_vel; did you mean env.x_velocity"),
        ("env.previous.x_vel", "unknown_signal", "no env.previous.x_vel; did you mean env.previous.x_velocity"),
        ("env.previous.previous.action", "unknown_signal", "no env.previous.previous.action"),
        ("env.hip_1.linear_velocity", "unknown_signal", "no env.hip_1.linear_velocity; did you mean env.hip_1.angle"),
        ("env.torso.linear_velocity.x", "unknown_signal", r"is an array of shape \(N, 3\) and has no 'x'"),
        ("env.torso.linear_velocity.sum().x", None, ""),
        ("[leg.angle for leg in (env.hip_1, env.hip_2)]", "unknown_signal", "env.hip_1 is no value"),
        ("getattr(env, 'torso')", "unknown_signal", "env is no value"),
        ("helper(env)", "unknown_signal", "env is no value"),
        ("env.torso + 1", "unknown_signal", "env.torso is no value: .* such as env.torso.linear_velocity"),
        ("env.zzzzzz", "unknown_signal", "no env.zzzzzz: read what the classes list"),
        ("3.0", "signature", "it reads nothing"),
    ],
)
def test_what_the_environment_lacks_is_a_fault_in_the_abstractions_words(line, kind, message, survey):
    written = reward("a = 1.0", f"b = {line}", 'return b, {"b": b}')
    if kind is None:
        to_contract(written, survey)
        return
    with pytest.raises(RewardRejected, match=message) as caught:
        to_contract(written, survey)
    assert caught.value.failure.kind == kind
    assert caught.value.failure.gate == "contract"
    if kind == "unknown_signal":
        assert caught.value.failure.line == 6


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (
            "def compute_reward(env, torso):\n    return env.action[:, 0], {}\n",
            "'torso' is no argument: take `env` alone",
        ),
        ("def compute_reward(torso_vel):\n    return torso_vel, {}\n", "'torso_vel' is no argument"),
        ("def compute_reward():\n    return 1, {}\n", "it reads nothing: write `def compute_reward"),
        ("def compute_reward(env, *, action=1.0):\n    return env.action[:, 0], {}\n", "call it action_weight"),
        ("action = 3\ndef compute_reward(env):\n    return env.action[:, 0], {}\n", "'action' at the top level"),
        ("def compute_reward(env):\n    env = env.torso\n    return env.action, {}\n", "env is no value"),
        ("def reward(env):\n    return env.action, {}\n", "no function compute_reward"),
        ("def compute_reward(env:\n", "does not parse"),
    ],
)
def test_other_ways_of_writing_it_are_told(source, message, survey):
    with pytest.raises(RewardRejected, match=message):
        to_contract(source, survey)


def test_a_reward_of_the_contract_is_one_already(survey, make):
    assert to_contract(make.source(), survey) == make.source()
    memory = "def compute_reward(prev_x_velocity, memory):\n    return prev_x_velocity, {}\n"
    assert to_contract(memory, survey) == memory


def test_a_reward_of_the_contract_is_shown_as_one_that_reads_env(survey):
    written = reward(
        "# forward",
        "speed = weight * env.torso.linear_velocity[:, 0] + env.hip_1.angle - env.previous.hip_1.angle",
        "upright = within(tilt_of(env.torso.up), 0.0, 0.2, 0.5)",
        'return speed + upright, {"speed": speed, "upright": upright}',
    )
    source = to_contract(written, survey)
    assert "def tilt_of" in source
    assert to_abstraction(source, survey) == written, "and what it carried is left out"
    remembering = written.replace("(env,", "(env, memory,")
    assert to_abstraction(to_contract(remembering, survey), survey) == remembering


@pytest.mark.parametrize(
    "source",
    [
        "def compute_reward(x_velocity):\n    x_velocity = x_velocity + 1\n    return x_velocity, {}\n",
        "def compute_reward(x_velocity):\n    f = lambda x_velocity: x_velocity\n    return f(x_velocity), {}\n",
        "def compute_reward(x_velocity):\n    env = 1\n    return env * x_velocity, {}\n",
        "def compute_reward(nothing_known):\n    return nothing_known, {}\n",
        "def compute_reward(x_velocity",
        "",
    ],
)
def test_what_cannot_be_told_so_is_shown_as_it_is(source, survey):
    assert to_abstraction(source, survey) == source
