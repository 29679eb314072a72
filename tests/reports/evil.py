"""Runs in which every field that takes any text holds something evil."""

from __future__ import annotations

import json

from rewardsmith.domain.events import EVENT, Event

EVIL = (
    "</title></style></pre></textarea><script>window.hacked = 1</script>"
    "\"'><img src=http://127.0.0.1:9/x onerror=hacked=1> {{ 7 * 7 }} {% raw %} &lt;b&gt; ]]> -->"
    "<svg onload=hacked=1><a href='javascript:hacked=1'>x</a> \x1b[31m\u202e|`\n"
)
PLACES = {"kind", "subject", "winner", "leaders", "best", "best_overall", "twin", "parents", "candidate", "run"}
"""Keys whose values are places in the run, which rewardsmith gives."""


def spoilt(events: list[Event]) -> list[Event]:
    """The events with something evil in every field that takes any text."""
    return [
        EVENT.validate_python(_spoilt(event.model_dump(mode="json"), event.model_dump(mode="json"), ()))
        for event in events
    ]


def _spoilt(whole, here, path):
    if isinstance(here, dict) and path[-1:] == ("evidence",):
        return {name + EVIL: value for name, value in here.items()}
    if isinstance(here, dict):
        for key in list(here):
            if key not in PLACES or isinstance(here[key], dict):
                here[key] = _spoilt(whole, here[key], (*path, key))
        return here
    if isinstance(here, list):
        return [_spoilt(whole, each, (*path, i)) for i, each in enumerate(here)]
    if not isinstance(here, str) or not _takes(whole, path):
        return here
    return (EVIL if path[-1] == "source" else "") + here + EVIL


def _takes(whole, path) -> bool:
    """Whether the field at `path` takes any text."""
    tried = json.loads(json.dumps(whole))
    inner = tried
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = str(inner[path[-1]]) + EVIL
    try:
        EVENT.validate_python(tried)
    except ValueError:
        return False
    return True
