"""HTTP to one server: requests, and a run's events through however many connections it takes."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

import httpx
from httpx_sse import EventSource, SSEError

from rewardsmith.client.answers import error_of, read_event
from rewardsmith.domain.events import StatusChanged, StoredEvent
from rewardsmith.domain.run import ENDED
from rewardsmith.errors import InfrastructureError, RewardsmithError, UsageError

_RETRIES = 3
"""Attempts more to connect, over about two seconds."""
_SILENCE_S = 45.0
"""A stream that is silent for so long is dead: servers say every 15 s that they live."""
_REST_S = (0.2, 0.5, 1.0, 2.0, *[5.0] * 12)
"""Pauses between attempts to go on with a stream; about a minute in all, in which a server may be restarted."""


class _Told(Exception):
    """A run has ended, and nothing is left to tell."""


class _Away(Exception):
    """The server is out of reach for now."""

    def __init__(self, fault: InfrastructureError) -> None:
        super().__init__(fault.message)
        self.fault = fault


class Wire:
    """Speaks to the server at `url`. Raises the errors of `rewardsmith.errors`, as the server does on its side."""

    def __init__(self, url: str, key: str | None, timeout_s: float) -> None:
        if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname:
            raise UsageError(f"{url!r} is no address of a server", hint="such as http://127.0.0.1:8080")
        self.url = url.rstrip("/").removesuffix("/v1")
        headers = {"authorization": f"Bearer {key}"} if key else {}
        transport = httpx.HTTPTransport(retries=_RETRIES)
        self._http = httpx.Client(base_url=self.url, headers=headers, timeout=timeout_s, transport=transport)

    def close(self) -> None:
        """Let go of every connection."""
        self._http.close()

    def get(self, path: str, **query: Any) -> bytes:
        """The body at a path; absent values of the query are left out."""
        params = {name: value for name, value in query.items() if value is not None}
        return self._body("GET", path, params=params)

    def post(self, path: str, body: Mapping[str, Any] | None = None, **headers: str) -> bytes:
        """The answer to a body."""
        return self._body("POST", path, json=body, headers=headers)

    def _body(self, method: str, path: str, **settings: Any) -> bytes:
        try:
            answer = self._http.request(method, f"/v1{path}", **settings)
        except httpx.HTTPError as error:
            raise self._unreachable(error) from error
        if not answer.is_success:
            raise self._refusal(answer)
        return answer.content

    def events(self, path: str, after: int) -> Iterator[StoredEvent]:
        """The events of a stream with ids above `after`, each once, until the run's last.

        Raises:
            InfrastructureError: The server was out of reach for about a minute.
        """
        failures = 0
        while True:
            fault = InfrastructureError(f"{self.url} keeps closing the stream of events")
            messages = self._messages(path, after)
            try:
                while (message := next(messages, None)) is not None:
                    event = read_event(message, self.url)
                    if event is None or event.id <= after:
                        continue
                    yield event
                    after, failures = event.id, 0
                    if isinstance(event.event, StatusChanged) and event.event.status in ENDED:
                        return
            except _Told:
                return
            except _Away as error:
                fault = error.fault
            finally:
                messages.close()
            if failures == len(_REST_S):
                raise fault
            time.sleep(_REST_S[failures])
            failures += 1

    def _messages(self, path: str, after: int) -> Generator[str, None, None]:
        """What one connection brings. Raises _Told where there is nothing more to tell, _Away where it breaks."""
        waits = httpx.Timeout(_SILENCE_S)
        headers = {"last-event-id": str(after), "accept": "text/event-stream"}
        try:
            with self._http.stream("GET", f"/v1{path}", headers=headers, timeout=waits) as answer:
                if answer.status_code == httpx.codes.NO_CONTENT:
                    raise _Told
                if not answer.is_success:
                    answer.read()
                    refusal = self._refusal(answer)
                    raise _Away(refusal) if isinstance(refusal, InfrastructureError) else refusal
                yield from (message.data for message in EventSource(answer).iter_sse() if message.data)
        except (httpx.HTTPError, SSEError) as error:
            raise _Away(self._unreachable(error)) from error

    def _refusal(self, answer: httpx.Response) -> RewardsmithError:
        try:
            problem = answer.json()
        except ValueError:
            problem = None
        return error_of(answer.status_code, problem, self.url)

    def _unreachable(self, error: Exception) -> InfrastructureError:
        said = str(error) or type(error).__name__
        return InfrastructureError(f"{self.url} cannot be reached: {said}", hint="does `rewardsmith serve` run there?")
