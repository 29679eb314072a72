"""MLflow: one run of an experiment for each run, told only what it does not know yet."""

from __future__ import annotations

from collections.abc import Mapping

from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

from rewardsmith.domain.events import StoredEvent
from rewardsmith.errors import InfrastructureError

_TOLD = "rewardsmith.event"
_NAME = "rewardsmith.run"
_ENDS = {"done": "FINISHED", "failed": "FAILED", "cancelled": "KILLED"}


class MlflowSink:
    """An entry in the experiment of that name, at the tracking server (or file) that MLflow is set to."""

    def __init__(self, project: str, place: str | None = None) -> None:
        self._client, self._project = MlflowClient(tracking_uri=place), project
        self._run = ""

    def open(self, settings: Mapping[str, str]) -> int:
        """Find the entry of the run, or make it."""
        try:
            return self._open(settings)
        except MlflowException as error:
            raise _fault(error) from error

    def _open(self, settings: Mapping[str, str]) -> int:
        known = self._client.get_experiment_by_name(self._project)
        experiment = known.experiment_id if known else self._client.create_experiment(self._project)
        name = settings["run"]
        query = f"tags.`{_NAME}` = '{name}'"
        for entry in self._client.search_runs([experiment], query, max_results=1):
            self._run = entry.info.run_id
            self._client.update_run(self._run, status="RUNNING")
            return int(entry.data.tags.get(_TOLD, "0"))
        self._run = self._client.create_run(experiment, run_name=name, tags={_NAME: name}).info.run_id
        for key, value in settings.items():
            self._client.log_param(self._run, key, value)
        return 0

    def tell(self, numbers: Mapping[str, float], event: StoredEvent, step: int) -> None:
        """Log numbers, then how far it was told."""
        try:
            for name, value in numbers.items():
                self._client.log_metric(self._run, name, value, timestamp=int(1000 * event.time), step=step)
            self._client.set_tag(self._run, _TOLD, str(event.id))
        except MlflowException as error:
            raise _fault(error) from error

    def close(self, status: str, files: Mapping[str, str]) -> None:
        """Log the files, and end the entry where the run has ended."""
        try:
            for name, text in files.items():
                self._client.log_text(self._run, text, name)
            if status in _ENDS:
                self._client.set_terminated(self._run, _ENDS[status])
        except MlflowException as error:
            raise _fault(error) from error


def _fault(error: MlflowException) -> InfrastructureError:
    return InfrastructureError(f"MLflow cannot be told: {error.message}", hint="is MLFLOW_TRACKING_URI right?")
