"""The Docker engine: whether it answers soon, and which it is."""

from __future__ import annotations

import os
from typing import Any

from rewardsmith.errors import IsolationUnavailable, MissingExtra, one_line

_PATIENCE_S = 3


def look_at_engine() -> str:
    """Ask the engine that DOCKER_HOST names, or that of the default socket.

    Raises:
        MissingExtra: The package that speaks to it is not installed.
        IsolationUnavailable: It does not answer.
    """
    try:
        import docker
        from docker.errors import DockerException
        from requests.exceptions import RequestException
    except ImportError as error:
        hint = "pip install 'rewardsmith[docker]'"
        raise MissingExtra(f"the Python package {error.name} is not installed", hint=hint) from None
    where = os.environ.get("DOCKER_HOST") or "the default socket"
    try:
        client: Any = docker.from_env(timeout=_PATIENCE_S)
        try:
            told = client.version()
        finally:
            client.close()
    except (DockerException, RequestException, OSError) as error:
        raise IsolationUnavailable(
            f"no engine answers at {where}: {_why(error) or one_line(str(error), 120)}",
            hint="start the Docker engine, or say where it is by DOCKER_HOST",
        ) from error
    return f"{told['Version']} at {where}"


def _why(error: object) -> str:
    """What the operating system said, which the client wraps several times."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    if not isinstance(error, BaseException):
        return ""
    inner = (error.__cause__, error.__context__, *error.args)
    return next((why for each in inner if each is not error and (why := _why(each))), "")
