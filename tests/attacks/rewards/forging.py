"""Forging the mark: how a reward would like to be scored. Inside a trainer nearly all of it works."""


def simulator():
    from gymnasium.envs.classic_control.cartpole import CartPoleEnv

    step = CartPoleEnv.step
    CartPoleEnv.step = lambda self, action: (*step(self, action)[:2], False, False, {})


def scoring():
    import dataclasses

    from rewardsmith.worker.train import HeldOut

    play = HeldOut.play
    HeldOut.play = lambda *given: [dataclasses.replace(episode, score=1.0) for episode in play(*given)]


def score_rule():
    from rewardsmith.reward.score import ScoreAnswer, ScoreProcess

    ScoreProcess.ask = lambda *given, **named: ScoreAnswer(1.0, None)


def seeds_of_the_held_out_episodes():
    import rewardsmith.worker.train as room

    room.held_out_seeds = lambda episodes, final: [3] * episodes


def trainer():
    from stable_baselines3 import PPO

    PPO.train = lambda self: None


def arithmetic_of_python():
    import builtins

    add = builtins.sum
    builtins.sum = lambda values, *start: add(values, *start) + 1.0


def arithmetic_of_numpy():
    mean = np.mean
    np.mean = lambda *given, **named: mean(*given, **named) + 0.5


def json_of_the_report():
    import pydantic

    write = pydantic.BaseModel.model_dump_json

    def better(self, **settings):
        text = write(self, **settings)
        return text.replace('"mean": 0.', '"mean": 1.') if '"rungs"' in text else text

    pydantic.BaseModel.model_dump_json = better


def clock():
    import time

    now = time.monotonic
    time.monotonic = lambda: now() * 1e6


def weights_found_by_frames():
    import sys

    frame = sys._getframe()
    while frame is not None:
        for value in list(frame.f_locals.values()):
            model = getattr(value, "model", None)
            if hasattr(model, "policy"):
                for parameter in model.policy.parameters():
                    parameter.data.zero_()
        frame = frame.f_back


def weights_found_by_gc():
    import gc

    for value in gc.get_objects():
        if type(value).__name__ == "ActorCriticPolicy":
            for parameter in value.parameters():
                parameter.data.zero_()


def report_at_exit():
    import atexit

    def forge():
        text = open(OUT + "/report.json").read()
        open(OUT + "/report.json", "w").write(text.replace('"mean": 0.', '"mean": 1.'))

    atexit.register(forge)


def weights_at_exit():
    import atexit

    def forge():
        data = bytearray(open(OUT + "/policy.safetensors", "rb").read())
        data[-8:] = bytes(8)
        open(OUT + "/policy.safetensors", "wb").write(data)

    atexit.register(forge)


def background_thread():
    import threading
    import time

    def later():
        for _ in range(400):
            try:
                from rewardsmith.reward.score import ScoreAnswer, ScoreProcess

                ScoreProcess.ask = lambda *given, **named: ScoreAnswer(1.0, None)
            except ImportError:
                pass
            time.sleep(0.005)

    threading.Thread(target=later, daemon=True).start()


def random_numbers_frozen():
    import torch

    torch.manual_seed(0)
    np.random.seed(0)


def result_written_and_out():
    import os

    try:
        with open(OUT + "/report.json", "w") as file:
            file.write('{"score": 1.0}')
    except OSError:
        pass
    os._exit(0)


def trace_function_that_stays():
    import sys

    def watch(frame, event, argument):
        if "scores" in frame.f_locals and isinstance(frame.f_locals.get("scored"), list):
            frame.f_locals["scored"].clear()
        return watch

    sys.settrace(watch)
    sys.setprofile(lambda *given: None)


def import_hook():
    import sys

    class Finder:
        def find_spec(self, name, path=None, target=None):
            return None

    sys.meta_path.insert(0, Finder())
    sys.path.insert(0, OUT)


def server_that_sends_more():
    import sys

    pipes = sys.modules["rewardsmith.reward.frames"].Pipes
    send = pipes.send

    def sends(self, status, number, columns, rows, *parts):
        parts = [part * 1e9 if isinstance(part, np.ndarray) else part for part in parts]
        send(self, status, number, columns, rows, *parts)

    pipes.send = sends


def server_that_checks_nothing():
    import sys

    callee = sys.modules["rewardsmith.reward.callee"]
    callee.check_names = lambda components: None
    callee.check_column = lambda value, name, rows: np.full(rows, np.nan)


def server_that_answers_twice():
    import sys

    pipes = sys.modules["rewardsmith.reward.frames"].Pipes
    send = pipes.send

    def twice(self, status, number, columns, rows, *parts):
        send(self, status, number, columns, rows, *parts)
        send(self, status, number + 1, columns, rows, *parts)

    pipes.send = twice


def arrays_that_were_given():
    array = STATE["observation"]
    array.flags.writeable = True
    array[:] = 0.0


def arrays_that_were_given_by_address():
    array = STATE["observation"]
    ctypes.memset(array.ctypes.data, 0, array.nbytes)


def other_answers_once_training_starts(observation, action):
    CALLS.append(1)
    upright = 1.0 - np.abs(observation[:, 2])
    upright = upright if len(CALLS) < 3 else -upright
    return upright, {"upright": upright}


def other_answers_where_scores_are_taken(observation, action):
    upright = 1.0 - np.abs(observation[:, 2])
    upright = upright if len(observation) > 100 else upright + 7.0
    return upright, {"upright": upright}


def answers_that_tell_the_step(observation, action):
    CALLS.append(1)
    upright = 1.0 - np.abs(observation[:, 2]) + 0.001 * len(CALLS)
    return upright, {"upright": upright}


def answers_that_tell_the_time(observation, action):
    import time

    upright = 1.0 - np.abs(observation[:, 2]) + 1e-3 * (time.monotonic() % 1.0)
    return upright, {"upright": upright}
