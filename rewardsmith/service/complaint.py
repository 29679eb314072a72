"""A fault that lasts, told to the log once, and its end."""

from __future__ import annotations

import logging

from rewardsmith.errors import RewardsmithError


class Complaint:
    """Watches one thing that is done again and again."""

    def __init__(self, log: logging.Logger, what: str) -> None:
        """Tell `log` of it, as `what` it is that cannot be done, such as `the log cannot be read`."""
        self._log = log
        self._what = what
        self._last: type[RewardsmithError] | None = None

    def failed(self, error: RewardsmithError) -> None:
        """It failed; told unless it failed of such an error the last time."""
        if self._last is not type(error):
            self._log.warning("%s: %s", self._what, error.message)
        self._last = type(error)

    def done(self) -> None:
        """It was done; told where it was not the last time."""
        if self._last is not None:
            self._log.warning("it is over: %s", self._what)
        self._last = None
