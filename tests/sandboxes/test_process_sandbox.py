from __future__ import annotations

from conformance import SandboxConformance


class TestProcess(SandboxConformance):
    sandbox = "process"

    def test_it_has_no_walls(self, folder, tmp_path):
        """The control of what the bubblewrap tests forbid: without walls a worker does reach these things."""
        (tmp_path / "private").write_text("key")
        source = f"""
            assert Path({str(tmp_path / "private")!r}).read_text() == "key"
            (folder / "job.json").write_text("changed")
            assert len([p for p in os.listdir("/proc") if p.isdigit()]) > 5
        """
        assert self.run(folder, source).exit_code == 0, (folder / "log.txt").read_text()
        assert (folder / "job.json").read_text() == "changed"
