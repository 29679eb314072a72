"""Crashes: how a reward would like to take its trainer along. Functions marked `-> str` write a source themselves."""


def segmentation_fault():
    ctypes.string_at(1)


def abort():
    import os

    os.abort()


def exit_with_success():
    import os

    os._exit(0)


def exit_that_looks_like_a_kill():
    import os

    os._exit(137)


def kill_itself():
    import os

    os.kill(os.getpid(), 9)


def system_exit(observation, action):
    raise SystemExit(0)


def recursion(observation, action):
    return compute_reward(observation, action)


def recursion_on_the_c_stack():
    import sys

    sys.setrecursionlimit(10**6)

    def deeper(n):
        return sorted([n], key=deeper)

    deeper(1)


def corrupted_interpreter():
    for _ in range(64):
        ctypes.memset(id(None) + 8, 0x41, 8)  # the type of None
    return None is None and [None].count(None) == -1


def late_exception(observation, action):
    CALLS.append(1)
    return 1.0 - np.abs(observation[:, 2]) / (len(CALLS) < 3 or {}["no such key"]), {}


def deep_source() -> str:
    return honest() + f"A = {'(' * 20_000}1{')' * 20_000}\n"


def chain_of_operators() -> str:
    return honest() + f"A = {'-' * 60_000}1\n"


def deep_blocks() -> str:
    lines = [f"{' ' * n}if A:" for n in range(99)]
    return honest() + "A = 1\n" + "\n".join(lines) + f"\n{' ' * 99}pass\n"


def source_of_20_megabytes() -> str:
    return honest() + "A = 1\n" * 3_500_000


def constant_folding() -> str:
    return honest() + "A = 'x' * 2 ** 4000 if False else ((((((0,) * 99) * 99) * 99) * 99) * 99)\n"


def powers_of_powers() -> str:
    return honest().replace("    upright =", "    9 ** 9 ** 9\n    upright =", 1)


def compile_bomb_inside():
    compile("-" * 1_000_000 + "1", "x", "eval")
    return None


def lone_surrogate() -> str:
    return honest() + "A = '\ud800'\n"
