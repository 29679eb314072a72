"""Wrong answers: what a reward would like to be paid as. Each function is a whole reward."""


def nan(observation, action):
    return np.full(len(observation), np.nan), {}


def nan_in_one_row_of_a_component(observation, action):
    wrong = observation[:, 0].copy()
    wrong[-1] = np.nan
    return observation[:, 0] * 1.0, {"wrong": wrong}


def nan_later(observation, action):
    CALLS.append(1)
    return observation[:, 0] * (1.0 if len(CALLS) < 3 else np.nan), {}


def infinite(observation, action):
    return np.full(len(observation), np.inf), {}


def huge(observation, action):
    return np.full(len(observation), 1e300), {}


def one_number(observation, action):
    return float(observation[:, 0].sum()), {}


def a_column(observation, action):
    return observation[:, :1] * 1.0, {}


def list_of_numbers(observation, action):
    return observation[:, 0].tolist(), {}


def array_of_objects(observation, action):
    return observation[:, 0].astype(object), {}


def array_of_complex_numbers(observation, action):
    return observation[:, 0].astype(complex), {}


def no_pair(observation, action):
    return observation[:, 0] * 1.0


def subclassed_float(observation, action):
    class Best(float):
        def __gt__(self, other):
            return True

    return Best(1.0), {}


def subclassed_array_that_lies(observation, action):
    class Lying(np.ndarray):
        shape = (len(observation),)

    return np.zeros(3).view(Lying), {}


def subclassed_pair(observation, action):
    class Pair(tuple):
        def __len__(self):
            return 2

    return Pair((observation[:, 0], {}, "more"))


def subclassed_dict(observation, action):
    class Terms(dict):
        def __iter__(self):
            return iter(["score"])

    return observation[:, 0] * 1.0, Terms()


def component_named_total(observation, action):
    return observation[:, 0] * 1.0, {"total": observation[:, 0] * 1.0}


def component_named_score(observation, action):
    return observation[:, 0] * 1.0, {"score": np.ones(len(observation))}


def component_named_task_score(observation, action):
    return observation[:, 0] * 1.0, {"Task score": np.ones(len(observation))}


def component_named_episode_length(observation, action):
    return observation[:, 0] * 1.0, {"episode_length": np.ones(len(observation))}


def components_without_end(observation, action):
    return observation[:, 0] * 1.0, {str(i): observation[:, 0] * 1.0 for i in range(65)}


def component_of_one_row(observation, action):
    return observation[:, 0] * 1.0, {"a": observation[:1, 0]}


def names_that_change(observation, action):
    CALLS.append(1)
    return observation[:, 0] * 1.0, {f"a{len(CALLS)}": observation[:, 0] * 1.0}


def no_function_any_more():
    globals()["compute_reward"] = 3


def frame_of_its_own():
    import os

    os.write(3, b"RWAN" + bytes(20))


def frame_that_promises_too_much():
    import os

    os.write(3, b"RWAN" + bytes(8) + (4).to_bytes(4, "little") + bytes(4) + (1 << 50).to_bytes(8, "little"))
