"""What a check found, as its readers get it: every word of it escaped as they need it."""

from __future__ import annotations

from xml.etree import ElementTree as Xml

import pytest

from rewardsmith.checking import formats
from rewardsmith.domain.regression import Change, CheckResult, Finding, TierResult

HOSTILE = "</testcase>|::error::\r\n%0A<b>,:\x00\x1b[31m&"


@pytest.fixture
def results() -> list[CheckResult]:
    bad = TierResult(tier="replay", verdict="regressed", findings=(Finding(what="total", words=HOSTILE),))
    skipped = TierResult(tier="ranking", verdict="skipped", reason="too few")
    change = Change(what="reward", words="its source is another", diff=("-a", f"+{HOSTILE}"))
    good = TierResult(tier="static", verdict="passed")
    return [
        CheckResult(reward="a,b.py", verdict="regressed", tiers=(good, bad, skipped), changes=(change,)),
        CheckResult(reward="c.py", verdict="passed", tiers=(good,)),
    ]


def test_junit_has_a_suite_for_each_reward_and_a_case_for_each_tier(results: list[CheckResult]) -> None:
    suites = Xml.fromstring(formats.junit(results))
    assert [(s.get("name"), s.get("tests"), s.get("failures"), s.get("skipped")) for s in suites] == [
        ("a,b.py", "3", "1", "1"),
        ("c.py", "1", "0", "0"),
    ]
    failure = suites[0][1].find("failure")
    assert failure is not None
    assert "its source is another" in (failure.text or "")
    assert "</testcase>|" in (failure.get("message") or "")
    assert suites[0][2].find("skipped") is not None


def test_an_annotation_is_one_line_whatever_was_found(results: list[CheckResult]) -> None:
    line = formats.github(results)
    assert line.startswith("::error file=a%2Cb.py,title=rewardsmith check::replay: total: </testcase>|")
    assert len(line.splitlines()) == 1
    assert "%250A" in line


def test_nothing_found_is_no_annotation(results: list[CheckResult]) -> None:
    assert formats.github(results[1:]) == ""


def test_the_summary_has_a_row_for_each_reward(results: list[CheckResult]) -> None:
    page = formats.markdown(results)
    assert "| reward | static | replay | ranking |" in page
    assert "| c.py | ✅ passed |  |  |" in page
    assert "<b>" not in page.partition("Changed")[0]


def test_the_terminal_sees_every_finding(results: list[CheckResult]) -> None:
    told = formats.text(results)
    assert "regressed  a,b.py" in told
    assert "  skipped    ranking: too few" in told


def test_what_cannot_be_decided_is_no_pass_anywhere() -> None:
    full = TierResult(tier="full", verdict="undecided", reason="these seeds cannot tell")
    results = [CheckResult(reward="c.py", verdict="undecided", tiers=(full,))]
    assert formats.github(results).startswith(
        "::warning file=c.py,title=rewardsmith check::full: these seeds cannot tell"
    )
    failure = Xml.fromstring(formats.junit(results))[0][0].find("failure")
    assert failure is not None
    assert failure.attrib == {"type": "undecided", "message": "full: these seeds cannot tell"}
    assert "| c.py | ❔ undecided |" in formats.markdown(results)
    assert "- full: these seeds cannot tell" in formats.markdown(results)
    assert "undecided  full: these seeds cannot tell" in formats.text(results)
