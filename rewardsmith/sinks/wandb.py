"""Weights & Biases: one run of a project for each run; offline where WANDB_MODE says so."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path

import wandb

from rewardsmith.domain.events import StoredEvent
from rewardsmith.errors import InfrastructureError

_TOLD = "rewardsmith/event"


class WandbSink:
    """An entry in the project of that name, under the name of the run; taken up again where it is known online."""

    def __init__(self, project: str, place: str | None = None) -> None:
        self._project, self._place = project, place

    def open(self, settings: Mapping[str, str]) -> int:
        """Begin the entry, or go on with it."""
        try:
            self._run = wandb.init(
                project=self._project,
                dir=self._place,
                id=settings["run"],
                name=settings["run"],
                config=dict(settings),
                resume="allow",
            )
        except wandb.Error as error:
            hint = "`wandb login`, or WANDB_MODE=offline for files that `wandb sync` sends later"
            raise InfrastructureError(f"Weights & Biases cannot be told: {error}", hint=hint) from error
        return int(self._run.summary.get(_TOLD) or 0)

    def tell(self, numbers: Mapping[str, float], event: StoredEvent, step: int) -> None:
        """Log numbers over the environment steps that the run had taken."""
        self._run.log({**numbers, "steps": step, _TOLD: event.id})

    def close(self, status: str, files: Mapping[str, str]) -> None:
        """Save the files and end the entry."""
        with tempfile.TemporaryDirectory() as folder:
            artifact = wandb.Artifact("reward", type="reward")
            for name, text in files.items():
                (Path(folder) / name).write_text(text, encoding="utf-8")
                artifact.add_file(str(Path(folder) / name))
            if files:
                self._run.log_artifact(artifact)
            self._run.summary["status"] = status
            self._run.finish(exit_code=int(status == "failed"))
