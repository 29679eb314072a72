"""What a check found, for those who read it: a terminal, a page of Markdown, JUnit's XML, GitHub's annotations."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from xml.etree import ElementTree as Xml

from rewardsmith.domain.regression import CheckResult, TierResult

_MARKS = {"passed": "✅", "regressed": "❌", "undecided": "❔", "skipped": "⚪"}
_BAD = {"regressed": "error", "undecided": "warning"}
"""Verdicts that are no pass, and GitHub's word for them."""
_ESCAPED = {"%": "%25", "\r": "%0D", "\n": "%0A"}


def text(results: Sequence[CheckResult]) -> str:
    """Lines for a terminal."""
    return "\n".join(line for result in results for line in _lines(result))


def markdown(results: Sequence[CheckResult]) -> str:
    """A table of rewards and tiers, and below it what was found and what has changed."""
    tiers = list(dict.fromkeys(tier.tier for result in results for tier in result.tiers))
    lines = ["# Kept rewards", "", f"| reward | {' | '.join(tiers)} |", f"|---|{'---|' * len(tiers)}"]
    for result in results:
        marks = {tier.tier: f"{_MARKS[tier.verdict]} {tier.verdict}" for tier in result.tiers}
        lines.append(f"| {_cell(result.reward)} | {' | '.join(marks.get(tier, '') for tier in tiers)} |")
    for result in results:
        if result.verdict != "passed":
            lines += ["", f"## {_cell(result.reward)}", "", *(f"- {_cell(words)}" for words in found(result))]
            for change in result.changes:
                lines += ["", f"Changed: {change.what}, {_cell(change.words)}"]
                lines += ["", *(f"    {line}" for line in change.diff)] if change.diff else []
    return "\n".join(lines) + "\n"


def junit(results: Sequence[CheckResult]) -> bytes:
    """A suite for each reward, a case for each tier; what regressed or cannot be decided is a failure of that type."""
    suites = Xml.Element("testsuites", name="rewardsmith check")
    for result in results:
        verdicts = [tier.verdict for tier in result.tiers]
        suite = Xml.SubElement(suites, "testsuite", name=result.reward, tests=str(len(verdicts)), errors="0")
        suite.set("failures", str(sum(verdict in _BAD for verdict in verdicts)))
        suite.set("skipped", str(verdicts.count("skipped")))
        for tier in result.tiers:
            case = Xml.SubElement(suite, "testcase", name=tier.tier, classname=result.reward)
            if tier.verdict in _BAD:
                words = _of(tier)
                failure = Xml.SubElement(case, "failure", type=tier.verdict, message=_xml(words[0]))
                failure.text = _xml("\n".join([*words, *_changed(result)]))
            elif tier.verdict == "skipped":
                Xml.SubElement(case, "skipped", message=_xml(tier.reason))
    return bytes(Xml.tostring(suites, encoding="utf-8", xml_declaration=True))


def github(results: Sequence[CheckResult]) -> str:
    """A line of GitHub's workflow commands for everything that was found."""
    lines = [
        f"::{_BAD[tier.verdict]} file={_property(result.reward)},title={_property('rewardsmith check')}::{_data(words)}"
        for result in results
        for tier in _bad(result)
        for words in _of(tier)
    ]
    return "\n".join(lines)


def found(result: CheckResult) -> Iterator[str]:
    """Everything that was found, a line each."""
    return (words for tier in _bad(result) for words in _of(tier))


def _bad(result: CheckResult) -> Iterator[TierResult]:
    """The tiers that nobody should pass over."""
    return (tier for tier in result.tiers if tier.verdict in _BAD)


def _lines(result: CheckResult) -> Iterator[str]:
    yield f"{result.verdict:9}  {result.reward}"
    for tier in result.tiers:
        yield f"  {tier.verdict:9}  {tier.tier}" + (f": {tier.reason}" if tier.reason else "")
        for finding in tier.findings:
            yield f"             {finding.what}: {finding.words}"
    for line in _changed(result):
        yield f"  {line}"


def _of(tier: TierResult) -> list[str]:
    if tier.verdict == "undecided":
        return [f"{tier.tier}: {tier.reason}"]
    return [f"{tier.tier}: {finding.what}: {finding.words}" for finding in tier.findings]


def _changed(result: CheckResult) -> Iterator[str]:
    for change in result.changes:
        yield f"changed    {change.what}: {change.words}"
        for line in change.diff:
            yield f"           {line}"


def _cell(words: str) -> str:
    return words.replace("|", "\\|").replace("<", "&lt;")


def _xml(words: str) -> str:
    """Without the characters that XML cannot hold."""
    return "".join(c for c in words if c.isprintable() or c == "\n")


def _data(words: str) -> str:
    return "".join(_ESCAPED.get(c, c) for c in words)


def _property(words: str) -> str:
    return _data(words).replace(":", "%3A").replace(",", "%2C")
