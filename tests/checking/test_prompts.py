"""Recorded prompts: the same here and now, or what differs in which of them, and why."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from rewardsmith.app import Settings, Workshop
from rewardsmith.checking.prompts import compare, read_recording, recording_text
from rewardsmith.domain.drift import PromptRecording
from rewardsmith.errors import UsageError

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def recording(bench: Any) -> PromptRecording:
    """Of the bench's run, whose second generation would be asked next."""
    found: PromptRecording = bench.workshop.prompter.record("smith", "hopper", bench.run, 1)
    return found


@pytest.fixture
def changed(bench: Any, tmp_path: Path) -> Workshop:
    """Another recipe of the same name, whose feedback says something else."""
    shutil.copytree(ROOT / "prompts" / "smith", tmp_path / "prompts" / "smith")
    template = tmp_path / "prompts" / "smith" / "feedback.md.j2"
    template.write_text("Mind the torso.\n" + template.read_text())
    return Workshop(Settings(runs=bench.workshop.settings.runs, prompts=tmp_path / "prompts"))


def test_every_kind_of_prompt_is_recorded_and_readable(recording: PromptRecording, tmp_path: Path) -> None:
    titles = [each.title for each in recording.prompts]
    assert titles[:3] == ["first, message 1 (system)", "first, message 2 (user)", "repair, message 3 (assistant)"]
    assert "repair, message 4 (user)" in titles
    assert "generation 2, message 4 (user)" in titles
    file = tmp_path / "hopper.json"
    file.write_text(recording_text(recording))
    assert read_recording(file) == recording
    assert '"Improve the locomotion' in file.read_text() or "compute_reward" in file.read_text()


def test_the_same_prompts_raise_no_alarm(bench: Any, recording: PromptRecording) -> None:
    again = bench.workshop.prompter.record("smith", "hopper", bench.run, 1)
    result = compare("hopper.json", recording, again)
    assert (result.verdict, result.changes) == ("passed", ())


def test_a_template_that_changed_is_named_with_what_it_says_now(recording: PromptRecording, changed: Workshop) -> None:
    result = compare("hopper.json", recording, changed.prompter.record("smith", "hopper", recording.run, 1))
    (tier,) = result.tiers
    assert [(each.what, each.words) for each in tier.findings] == [
        ("prompt generation 2, message 4 (user)", "0 line(s) are gone, 1 are new")
    ]
    words = [change.words for change in result.changes]
    assert words == ["smith/feedback.md.j2 is another", "generation 2, message 4 (user)"]
    assert "+Mind the torso." in result.changes[1].diff


def test_where_nothing_else_changed_it_is_the_code(recording: PromptRecording) -> None:
    first, *rest = recording.prompts
    now = recording.model_copy(
        update={"made_with": "9.9", "prompts": (first.model_copy(update={"lines": ("Hello.",)}), *rest)}
    )
    (code, _) = compare("hopper.json", recording, now).changes
    assert (code.what, code.words) == ("code", f"rewardsmith {recording.made_with} -> 9.9, and nothing else")


def test_another_sentence_of_the_task_is_told(bench: Any, recording: PromptRecording) -> None:
    task = bench.workshop.task("hopper")
    other = task.model_copy(update={"description": "Stand still."})
    prompter = bench.workshop.prompter
    now = type(prompter)(lambda _: other, prompter.recipe, prompter.files, lambda _: (bench.survey, bench.probe),
                         prompter.told).record("smith", "hopper")  # fmt: skip
    before = prompter.record("smith", "hopper")
    result = compare("hopper.json", before, now)
    assert result.changes[0].words == "task is another"
    assert any("+Stand still." in line or "Stand still." in line for change in result.changes for line in change.diff)


def test_what_is_no_recording_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no recording"):
        read_recording(tmp_path / "none.json")
    (tmp_path / "other.json").write_text("{}")
    with pytest.raises(UsageError, match="no recording of prompts"):
        read_recording(tmp_path / "other.json")


def test_the_command_records_compares_and_tells_by_its_exit_code(bench: Any, changed: Workshop, tmp_path: Path) -> None:
    file = tmp_path / "hopper.smith.json"
    where = ["--runs-dir", str(bench.workshop.settings.runs)]

    def run(*arguments: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "rewardsmith", "check", "--recipe", "smith", str(file), *arguments, *where]
        return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=500)

    assert run().returncode == 2
    assert run("--env", "hopper", "--from", bench.run, "--update").returncode == 0
    assert json.loads(file.read_text())["generations"] == 1
    folder = changed.settings.prompts
    assert folder is not None
    bad = run("--github", cwd=folder.parent)
    assert bad.returncode == 1, bad.stderr
    assert "smith/feedback.md.j2 is another" in bad.stdout
    assert "+Mind the torso." in bad.stdout
    assert run("--update", cwd=folder.parent).returncode == 0
    assert run(cwd=folder.parent).returncode == 0
