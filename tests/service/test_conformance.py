"""What the document promises of every operation, the server keeps, whatever it is sent: schemathesis says so."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from service_server import PATIENCE_S, TINY, Server

CHECKS = [
    not_a_server_error,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
]
KNOWN = {"run": "first", "name": "cartpole"}
"""Names in paths that lead somewhere."""


@pytest.fixture
def api(server: Server, finished: str) -> Iterator[Any]:
    """The document of a server with a run that has ended; what is submitted meanwhile is cancelled in the end."""
    before = _waiting(server)
    found = schemathesis.openapi.from_url(f"{server.client.base_url}/openapi.json")
    best = server.client.get(f"/v1/runs/{finished}/best").json()["candidate"]

    @found.hook
    def map_path_parameters(_context: Any, parameters: dict[str, Any] | None) -> dict[str, Any] | None:
        """Two of three requests ask for what there is."""
        if parameters and sum(map(ord, str(parameters))) % 3:
            return {name: {**KNOWN, "candidate": best}.get(name, value) for name, value in parameters.items()}
        return parameters

    @found.hook
    def map_body(_context: Any, body: Any) -> Any:
        """Every other run is of a task that there is, and small."""
        if isinstance(body, dict) and "task" in body and len(str(body)) % 2:
            return body | {name: value for name, value in TINY.items() if name != "baselines"} | {"recipe": "smith"}
        return body

    yield found
    for run in _waiting(server) - before:
        server.client.post(f"/v1/runs/{run}/cancel")


def _waiting(server: Server) -> set[str]:
    found = set()
    for status in ("queued", "running", "paused"):
        page = server.client.get("/v1/runs", params={"status": status, "limit": 200}).json()
        found |= {line["run"] for line in page["runs"]}
    return found


def _try_all(api: Any, most: int) -> None:
    """Ask every operation so many times, in ways that fit the document and in ways that do not."""
    operations = [found.ok() for found in api.get_all_operations()]
    assert len(operations) >= 24
    for operation in operations:
        for mode in schemathesis.GenerationMode:
            asked = settings(
                max_examples=most,
                derandomize=True,
                database=None,
                deadline=None,
                suppress_health_check=list(HealthCheck),
                phases=[Phase.explicit, Phase.generate],
            )

            @asked
            @given(case=operation.as_strategy(generation_mode=mode))
            def conforms(case: Any) -> None:
                case.call_and_validate(checks=CHECKS, timeout=PATIENCE_S)

            with suppress(Unsatisfiable):  # what has no parameters cannot be asked wrongly
                conforms()


def test_the_server_keeps_what_its_document_promises(api: Any) -> None:
    _try_all(api, 4)


@pytest.mark.slow
@pytest.mark.timeout(3000)
def test_the_server_keeps_it_however_often_it_is_asked(api: Any) -> None:
    _try_all(api, 60)
