"""The system calls that a worker is refused. Standard library only.

A worker runs a simulator and a trainer, so this is a deny-list: what no training needs and what has opened kernels. The
reward process below it adds its own allow-list (`lockdown`). Refused are

- namespaces and mounts, unless the caller keeps them: a reward process below a plain worker has namespaces of its own;
- other processes' memory and descriptors (`pidfd_open` stays: the standard library uses it, and it tells a pid alone);
- the kernel's own business: modules, keys, clocks, eBPF, io_uring (which would also make sockets), tracing, quotas;
- SysV and POSIX queues, and sockets of other families than the caller names: neither torch, MuJoCo's EGL, ffmpeg nor
  TensorBoard opens one, but `multiprocessing` listens on a Unix socket where it starts a fork server (Python 3.14), and
  CUDA may. `socketpair` stays. Families that no namespace covers (vsock, the crypto interface) are never allowed;
- pushing characters into a terminal.

Numbers: Linux `asm/unistd_64.h` and `asm-generic/unistd.h`. The aarch64 table has not been run.
"""

from __future__ import annotations

import errno

from rewardsmith.isolation.lockdown import (
    ABSENT,
    ALLOW,
    ANY_BIT,
    EQUAL,
    GIVE,
    LOAD,
    REFUSE,
    Step,
    argument,
    opening,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection

LOCAL = (1, 2, 10)
"""Unix, IPv4 and IPv6: for a worker whose network namespace holds a loopback and nothing else."""
NO_NETWORK = (1, 16)
"""Unix and netlink (bubblewrap raises a loopback by it): for a worker that shares the machine's network."""

NAMESPACES = {
    "x86_64": {
        "clone": 56, "pivot_root": 155, "chroot": 161, "mount": 165, "umount2": 166, "sethostname": 170,
        "unshare": 272, "setns": 308, "open_tree": 428, "move_mount": 429, "fsopen": 430, "fsconfig": 431,
        "fsmount": 432, "fspick": 433, "clone3": 435, "mount_setattr": 442, "open_tree_attr": 467,
    },
    "aarch64": {
        "clone": 220, "pivot_root": 41, "chroot": 51, "mount": 40, "umount2": 39, "sethostname": 161,
        "unshare": 97, "setns": 268, "open_tree": 428, "move_mount": 429, "fsopen": 430, "fsconfig": 431,
        "fsmount": 432, "fspick": 433, "clone3": 435, "mount_setattr": 442, "open_tree_attr": 467,
    },
}  # fmt: skip
"""What makes or enters namespaces and changes what is mounted; `clone` only with a flag of a new namespace."""

REFUSED = {
    "x86_64": {
        "ptrace": 101, "process_vm_readv": 310, "process_vm_writev": 311, "kcmp": 312, "pidfd_getfd": 438,
        "process_madvise": 440, "io_uring_setup": 425, "io_uring_enter": 426, "io_uring_register": 427, "bpf": 321,
        "perf_event_open": 298, "userfaultfd": 323, "add_key": 248, "request_key": 249, "keyctl": 250,
        "init_module": 175, "delete_module": 176, "finit_module": 313, "kexec_load": 246, "kexec_file_load": 320,
        "swapon": 167, "swapoff": 168, "reboot": 169, "setdomainname": 171, "settimeofday": 164, "clock_settime": 227,
        "clock_adjtime": 305, "adjtimex": 159, "quotactl": 179, "quotactl_fd": 443, "acct": 163,
        "name_to_handle_at": 303, "open_by_handle_at": 304, "fanotify_init": 300, "fanotify_mark": 301,
        "modify_ldt": 154, "iopl": 172, "ioperm": 173, "uselib": 134, "move_pages": 279, "migrate_pages": 256,
        "memfd_secret": 447, "syslog": 103, "vhangup": 153, "lookup_dcookie": 212, "socket": 41, "shmget": 29,
        "shmat": 30, "shmctl": 31, "shmdt": 67, "semget": 64, "semop": 65, "semctl": 66, "semtimedop": 220,
        "msgget": 68, "msgsnd": 69, "msgrcv": 70, "msgctl": 71, "mq_open": 240, "mq_unlink": 241, "mq_timedsend": 242,
        "mq_timedreceive": 243, "mq_notify": 244, "mq_getsetattr": 245, "personality": 135, "ioctl": 16,
    },
    "aarch64": {
        "ptrace": 117, "process_vm_readv": 270, "process_vm_writev": 271, "kcmp": 272, "pidfd_getfd": 438,
        "process_madvise": 440, "io_uring_setup": 425, "io_uring_enter": 426, "io_uring_register": 427, "bpf": 280,
        "perf_event_open": 241, "userfaultfd": 282, "add_key": 217, "request_key": 218, "keyctl": 219,
        "init_module": 105, "delete_module": 106, "finit_module": 273, "kexec_load": 104, "kexec_file_load": 294,
        "swapon": 224, "swapoff": 225, "reboot": 142, "setdomainname": 162, "settimeofday": 170, "clock_settime": 112,
        "clock_adjtime": 266, "adjtimex": 171, "quotactl": 60, "quotactl_fd": 443, "acct": 89,
        "name_to_handle_at": 264, "open_by_handle_at": 265, "fanotify_init": 262, "fanotify_mark": 263,
        "move_pages": 239, "migrate_pages": 238, "memfd_secret": 447, "syslog": 116, "vhangup": 58,
        "lookup_dcookie": 18, "socket": 198, "shmget": 194, "shmat": 196, "shmctl": 195, "shmdt": 197, "semget": 190,
        "semop": 193, "semctl": 191, "semtimedop": 192, "msgget": 186, "msgsnd": 189, "msgrcv": 188, "msgctl": 187,
        "mq_open": 180, "mq_unlink": 181, "mq_timedsend": 182, "mq_timedreceive": 183, "mq_notify": 184,
        "mq_getsetattr": 185, "personality": 92, "ioctl": 29,
    },
}  # fmt: skip
"""What every worker is refused; `socket`, `personality` and `ioctl` by their arguments."""

NEW_NAMESPACE = 0x7E020000
NO_FAMILY = REFUSE & 0xFFFF0000 | errno.EAFNOSUPPORT
QUERY = 0xFFFFFFFF
TIOCSTI, TIOCLINUX = 0x5412, 0x541C


def filter_program(machine: str, *, families: Collection[int], namespaces: bool) -> list[Step]:
    """The steps of a worker's filter on `machine`.

    Args:
        machine: `x86_64` or `aarch64`.
        families: Address families of which it may open sockets.
        namespaces: Whether it may make namespaces and mount in them.
    """
    calls = REFUSED[machine] if namespaces else REFUSED[machine] | NAMESPACES[machine]
    refuse: list[Step] = [(GIVE, 0, 0, REFUSE)]
    absent: list[Step] = [(GIVE, 0, 0, ABSENT)]
    tested: dict[str, list[Step]] = {
        "clone": [(LOAD, 0, 0, argument(0)), (ANY_BIT, 0, 1, NEW_NAMESPACE), *refuse, (GIVE, 0, 0, ALLOW)],
        "personality": [(LOAD, 0, 0, argument(0)), (EQUAL, 1, 0, QUERY), *refuse, (GIVE, 0, 0, ALLOW)],
        "ioctl": [
            (LOAD, 0, 0, argument(1)), (EQUAL, 1, 0, TIOCSTI), (EQUAL, 0, 1, TIOCLINUX), *refuse, (GIVE, 0, 0, ALLOW),
        ],
        "socket": [
            (LOAD, 0, 0, argument(0)),
            *(step for family in families for step in ((EQUAL, 0, 1, family), (GIVE, 0, 0, ALLOW))),
            (GIVE, 0, 0, NO_FAMILY),
        ],
        **dict.fromkeys(("clone3", "io_uring_setup", "io_uring_enter", "io_uring_register"), absent),
    }  # fmt: skip
    steps = opening(machine)
    for name, number in calls.items():
        body = tested.get(name, refuse)
        steps += [(EQUAL, 0, len(body), number), *body]
    return [*steps, (GIVE, 0, 0, ALLOW)]
