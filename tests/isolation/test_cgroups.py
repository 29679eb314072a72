from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from rewardsmith.isolation import cgroups
from rewardsmith.isolation.cgroups import Group, Places

MOUNTS_1 = """\
30 25 0:26 / {0}/memory rw,relatime shared:9 - cgroup cgroup rw,memory
31 25 0:27 / {0}/pids rw,relatime - cgroup cgroup rw,pids
32 25 0:28 / {0}/cpu rw - cgroup cgroup rw,cpu,cpuacct
33 25 0:29 / {0}/unified rw,relatime - cgroup2 cgroup2 rw
"""
MOUNTS_2 = "30 25 0:26 {root} {0} rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n"

here = cgroups.places()
can = pytest.mark.skipif(isinstance(here, str), reason=str(here))


def delegated(folder: Path, controllers: str = "cpu memory pids") -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "cgroup.subtree_control").write_text(controllers + "\n")


def test_version_1_is_below_ones_own_group_of_each_controller():
    own = "5:pids:/\n4:memory:/a/b\n3:cpu,cpuacct:/c\n1:name=systemd:/\n0::/\n"
    assert cgroups._find(own, MOUNTS_1.format("/g")) == Places(1, Path("/g/memory/a/b"), Path("/g/pids"))


def test_version_2_is_beside_ones_own_group_in_a_delegated_parent(tmp_path):
    delegated(tmp_path / "user.slice/app.slice")
    delegated(tmp_path / "user.slice/app.slice/mine.scope", "")
    found = cgroups._find("0::/user.slice/app.slice/mine.scope\n", MOUNTS_2.format(tmp_path, root="/"))
    assert found == Places(2, tmp_path / "user.slice/app.slice", tmp_path / "user.slice/app.slice")


def test_version_2_below_the_root_of_a_container(tmp_path):
    delegated(tmp_path / "mine", "")
    delegated(tmp_path)
    assert cgroups._find("0::/pod/mine\n", MOUNTS_2.format(tmp_path, root="/pod")) == Places(2, tmp_path, tmp_path)


@pytest.mark.parametrize("controllers", ["", "memory", "cpu pids"])
def test_version_2_without_delegation_names_the_remedy(tmp_path, controllers):
    delegated(tmp_path / "a", controllers)
    said = cgroups._find("0::/a/b\n", MOUNTS_2.format(tmp_path, root="/"))
    assert isinstance(said, str)
    assert "systemd-run --user --scope" in said


def test_no_control_groups_at_all():
    assert cgroups._find("0::/\n", "40 1 0:1 / /x rw - ext4 /dev/x rw\n") == "no control groups are mounted"


def test_a_place_that_cannot_be_written_is_told(tmp_path):
    with pytest.raises(OSError, match="No such file"):
        Group(Places(2, tmp_path / "no", tmp_path / "no"), memory=1, processes=1)


def test_where_none_can_be_made_nothing_is_limited():
    with Group("why", memory=1, processes=1) as group:
        assert group.joins == ()
        assert not group.out_of_memory


JOIN = "import os, sys; [os.write(int(d), b'0') for d in sys.argv[1:]]\n"


def join(group: Group, source: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", JOIN + textwrap.dedent(source), *map(str, group.joins)]
    return subprocess.run(command, pass_fds=group.joins, capture_output=True, text=True)


def left(places: Places) -> set[Path]:
    return {path for place in (places.memory, places.pids) for path in place.glob(f"rewardsmith-{os.getpid()}-*")}


@can
def test_processes_are_counted_and_the_group_is_removed():
    source = """
    import errno, time
    children = 0
    try:
        while children < 20:
            if os.fork() == 0:
                time.sleep(600)
            children += 1
    except OSError as error:
        print(children, error.errno == errno.EAGAIN)
    import signal
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    for path in open("/proc/self/task/%d/children" % os.getpid()).read().split():
        os.kill(int(path), 9)
    """
    with Group(here, memory=2**30, processes=8) as group:
        done = join(group, source)
        assert done.stdout == "7 True\n", done.stderr
        assert not group.out_of_memory
    assert not left(here)


@can
def test_memory_beyond_the_limit_ends_in_a_kill_that_is_told():
    with Group(here, memory=64 * 2**20, processes=8) as group:
        assert join(group, "block = bytes(b'x' * 2**25)").returncode == 0
        assert not group.out_of_memory
        assert join(group, "block = b'x' * 2**28").returncode == -9
        assert group.out_of_memory
    assert not left(here)


@can
def test_what_a_killed_maker_left_is_swept_by_the_next():
    source = """
    import os, signal
    from rewardsmith.isolation.cgroups import Group, places
    Group(places(), memory=2**30, processes=8)
    os.kill(os.getpid(), signal.SIGKILL)
    """
    elsewhere = here.memory / "elsewhere"  # a shell of systemd's, say, has a group of its own
    elsewhere.mkdir()
    maker = subprocess.Popen([sys.executable, "-c", textwrap.dedent(source)])
    maker.wait()
    stale = {path for place in (here.memory, here.pids) for path in place.glob(f"rewardsmith-{maker.pid}-*")}
    assert len(stale) == len({here.memory, here.pids})
    (elsewhere / f"rewardsmith-{maker.pid}-x").mkdir()
    try:
        cgroups._sweep(here.memory / "mine")
        assert not list(elsewhere.glob("rewardsmith-*"))
    finally:
        elsewhere.rmdir()
    with Group(here, memory=2**30, processes=8):
        assert not any(path.exists() for path in stale)
        assert len(left(here)) == len({here.memory, here.pids})
    assert not left(here)
