"""Processes: what a reward would like to start, to stop, or to look into. Bombs are small and end by themselves."""


def fork_bomb():
    import os

    children = []
    for _ in range(20):
        child = os.fork()
        if not child:
            os._exit(0)
        children.append(child)
    for child in children:
        os.waitpid(child, 0)
    return len(children)


def daemon():
    import os
    import time

    if not os.fork():
        os.setsid()
        os.closerange(0, 3)
        if not os.fork():
            time.sleep(20)
        os._exit(0)
    return True


def shell():
    return libc("system", b"true") == 0


def become_another_program():
    import os

    os.execv("/bin/true", ["true"])


def signal_the_parent():
    import os

    os.kill(PARENT, 0)
    return True


def signal_everybody():
    import os

    os.killpg(0, 0)
    return True


def trace_the_parent():
    libc("ptrace", 0x4206, PARENT, None, None)  # PTRACE_SEIZE, which stops nobody
    return True


def memory_of_the_parent():
    return open(f"/proc/{PARENT}/mem", "rb")


def memory_of_the_parent_by_call():
    here = ctypes.create_string_buffer(8)
    local = (ctypes.c_void_p * 2)(ctypes.addressof(here), 8)
    remote = (ctypes.c_void_p * 2)(ctypes.addressof(here), 8)
    read = LIBC.process_vm_readv(PARENT, local, 1, remote, 1, 0)
    return read == 8 or ctypes.get_errno() == 14  # EFAULT: it may look, there is nothing at this address


def handle_of_the_parent():
    import os

    return os.pidfd_open(PARENT)


def thread():
    import _thread

    return _thread.start_new_thread(int, ())


def new_namespaces():
    libc("unshare", 0x10000000)  # CLONE_NEWUSER
    return True


def lift_the_limits_by_libc():
    return libc("setrlimit", 9, (ctypes.c_ulong * 2)(1 << 40, 1 << 40)) == 0  # RLIMIT_AS


def another_filter():
    return libc("prctl", 22, 1, 0, 0, 0) == 0  # PR_SET_SECCOMP


def another_personality():
    return libc("personality", 0x0400000) == 0  # READ_IMPLIES_EXEC


def executable_memory():
    import mmap

    return mmap.mmap(-1, 4096, prot=7)


def asynchronous_calls():
    return libc("syscall", 425, 1, ctypes.create_string_buffer(120)) >= 0  # io_uring_setup
