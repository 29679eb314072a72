"""Resources: what a reward would like to use up. Each is bounded, so that an uncontained one harms only its test."""


def memory_bomb():
    return len([np.zeros(6_500_000) for _ in range(9)])  # 468 MB of addresses


def memory_that_grows(observation, action):
    HOARD.append(np.zeros(16_000_000))  # 128 MB with every request
    return 1.0 - np.abs(observation[:, 2]), {}


def disk_flood():
    with open(OUT + "/flood", "wb") as file:
        for _ in range(64):
            file.write(bytes(1 << 20))
    return True


def output_flood():
    import os

    for _ in range(128):
        os.write(2, b"x" * 65536)  # 8 MiB


def print_flood():
    for _ in range(4096):
        print("x" * 1024)


def flood_of_answers():
    import os

    for _ in range(128):
        os.write(3, b"x" * 65536)


def descriptors():
    import os

    return [os.pipe() for _ in range(40)]


def endless_loop():
    for _ in range(10**12):
        pass


def endless_loop_in_c():
    3**7**9


def endless_loop_in_numpy():
    np.convolve(np.ones(3_000_000), np.ones(3_000_000))  # hours, in one call


def sleep():
    import time

    time.sleep(30)


def lock_taken_twice():
    import _thread

    lock = _thread.allocate_lock()
    lock.acquire()
    lock.acquire()


def signals_ignored_and_a_loop():
    try:
        import signal

        signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    except BaseException:
        LIBC.sigprocmask(0, b"\xff" * 128, None)
    for _ in range(10**12):
        pass


def time_bomb_that_loops():
    for _ in range(10**12):
        pass


def time_bomb_that_sleeps():
    import time

    time.sleep(30)


def loop_while_loading():
    for _ in range(10**12):
        pass


def alarm():
    return libc("alarm", 100) == 0


def half_an_answer():
    import os

    os.write(3, b"RWAN")
    for _ in range(10**12):
        pass


def close_the_answers():
    import os

    os.close(3)


def sleep_a_little_every_time():
    import time

    time.sleep(0.25)
