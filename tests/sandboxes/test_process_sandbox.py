from __future__ import annotations

from conformance import SandboxConformance, machine_promises, spec

from rewardsmith.sandboxes.identity import can_give_users
from rewardsmith.sandboxes.registry import open_sandbox


class TestProcess(SandboxConformance):
    sandbox = "process"
    promises = machine_promises() | {"no network", "calls refused"}
    reaches = frozenset({"no file but its own", "private /tmp and /dev/shm", "no other process in sight"})

    def test_it_has_no_walls(self, folder):
        """What a worker may do where it stays the user that starts it: pytest's folders let nobody else in."""
        assert self.run(folder, "(folder / 'job.json').write_text('changed')").exit_code == 0
        assert (folder / "job.json").read_text() == "changed"
        if can_give_users():
            assert "stay root" in open_sandbox(spec("process")).describe()
