from __future__ import annotations

import sys
import warnings

from rewardsmith.models.provider import load_litellm

SLOW = """
import threading
import time

from rewardsmith.models.provider import load_litellm

prices = []
second = threading.Thread(target=lambda: prices.append(load_litellm().model_cost))
second.start()
time.sleep(0.2)
model_cost = {}
"""
"""A package that somebody else wants before it is loaded, as for the next candidate's answer."""


def test_threads_load_litellm_one_after_the_other_and_leave_warnings_as_they_were(tmp_path, monkeypatch):
    (tmp_path / "litellm.py").write_text(SLOW)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(sys.modules, "litellm", None)
    del sys.modules["litellm"]
    before = [*warnings.filters]
    loaded = load_litellm()
    loaded.second.join()
    assert loaded.prices == [{}]
    assert warnings.filters == before
