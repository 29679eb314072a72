"""The HTML page: whole, self-contained, and never more than text where others wrote."""

from __future__ import annotations

import re
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path

import pytest
from evil import EVIL, spoilt
from told_run import SPEC, beginning, fold, raced, report, result, warned, whole

from rewardsmith.domain.events import AttemptEnded, Completed, RunStarted, Screened, StatusChanged
from rewardsmith.domain.judgement import Judgement
from rewardsmith.domain.report import ComponentPoint, ComponentStatistics, Failure
from rewardsmith.domain.run import Run
from rewardsmith.reports.authors import author_rows
from rewardsmith.reports.files import write_report
from rewardsmith.reports.page import page
from rewardsmith.reports.story import story
from rewardsmith.search.results import result as result_of
from rewardsmith.store.artifacts import RunFolder

VOID = {"meta", "br", "img", "link", "input", "hr", "base", "source", "embed"}
HARMLESS = {
    *("html", "head", "meta", "title", "style", "body", "header", "main", "section", "nav", "h1", "h2", "h3", "p", "a"),
    *("blockquote", "strong", "small", "code", "pre", "span", "br", "dl", "dt", "dd", "div", "figure", "figcaption"),
    *("table", "thead", "tbody", "tr", "th", "td", "ul", "li", "details", "summary", "meter"),
    *("svg", "g", "line", "text", "path", "polygon", "circle", "rect"),
}


class Page(HTMLParser):
    """Reads a page strictly: every element must be closed in its turn."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: Counter[str] = Counter()
        self.lines: list[dict[str, str]] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.text = ""
        self.stack: list[str] = []
        self.feed(text)
        self.close()
        assert self.stack == [], "an element was not closed"

    def handle_starttag(self, tag, attributes):
        self.tags[tag] += 1
        self.lines += [dict(attributes)] if tag == "path" else []
        self.attributes += [(tag, name, value or "") for name, value in attributes]
        if tag not in VOID:
            self.stack.append(tag)

    def handle_endtag(self, tag):
        assert self.stack.pop() == tag

    def handle_data(self, data):
        self.text += data

    def of(self, name: str) -> list[str]:
        return [value for _, attribute, value in self.attributes if attribute == name]


def read(run: Run, tmp_path: Path) -> Page:
    folder = RunFolder(tmp_path, SPEC.run)
    return Page(page(run, result_of(run, None, folder), None, folder))


def check_harmless(found: Page) -> None:
    """No element, address or attribute that runs or fetches anything."""
    assert set(found.tags) <= HARMLESS
    assert not [
        name for _, name, _ in found.attributes if name.startswith("on") or name in ("src", "srcset", "xlink:href")
    ]
    assert all(value.startswith("#") for value in found.of("href"))
    assert not [value for value in found.of("style") if "url" in value]
    (policy,) = [value for value in found.of("content") if value.startswith("default-src")]
    assert policy.startswith("default-src 'none'; style-src 'unsafe-inline'")


def check_anchors(found: Page) -> None:
    """Every link leads somewhere, and every id stands once."""
    ids = found.of("id")
    assert len(ids) == len(set(ids))
    assert {value[1:] for value in found.of("href")} <= set(ids)


def test_everything_that_a_run_has_stands_on_the_page(tmp_path):
    found = read(fold(warned()), tmp_path)
    check_harmless(found)
    check_anchors(found)
    for words in (
        "Walk: forward",
        "Make it walk forward.",
        "Best so far",
        "Learning curves",
        "Lineage",
        "Components over training",
        "0.00 above the confirmed mean",
        "chance to beat human",
        "The winner: g2c00",
        "What changed since g1c02",
        "`alive` is all.",
        "Repaired at contract: unknown_signal",
        "the same reward as g1c00",
        "What was asked",
    ):
        assert words in found.text, words
    assert found.tags["svg"] >= 2 * 5, "a picture and its area each, and the tree"
    assert {"g1c00", "g1c01", "g1c02", "g2c00", "g2c01", "g2c02"} <= set(found.of("id"))


def test_whatever_others_wrote_is_text(tmp_path):
    folder = RunFolder(tmp_path, SPEC.run)
    for name in ("g1c00", "g2c00"):
        folder.write_text(folder.candidate(name) / "prompt.md", EVIL)
        folder.write_text(folder.candidate(name) / "response.md", EVIL * 2)
    run = fold(spoilt([*warned(), StatusChanged(status="done", reason="said")]))
    assert run.spec is not None
    assert EVIL in run.spec.task.title
    assert EVIL in run.candidates["g2c00"].source
    assert EVIL in run.warnings["g1c00"][0].sentence
    told = result_of(run, None, folder)
    best = told.best.model_copy(update={"file": EVIL})
    found = Page(page(run, told.model_copy(update={"best": best, "folder": EVIL, "run": EVIL}), None, folder))
    check_harmless(found)
    check_anchors(found)
    assert found.text.count("<script>window.hacked = 1</script>") > 40
    assert "{{ 7 * 7 }}" in found.text
    assert "\x1b" not in found.text
    assert "\u202e" not in found.text
    assert r"\x1b[31m\u202e" in found.text


def test_a_component_may_have_any_name(tmp_path):
    point = ComponentPoint(steps=1000, mean=1e6, std=0.0, low=0.0, high=1.0, share=1.0)
    spoilt = ComponentStatistics(name=EVIL, points=(point, point))
    events = [
        event.model_copy(update={"report": event.report.model_copy(update={"components": (spoilt,)})})
        if isinstance(event, AttemptEnded) and event.report
        else event
        for event in whole()
    ]
    found = read(fold(events), tmp_path)
    check_harmless(found)
    assert "<script>window.hacked = 1</script>" in found.text


@pytest.mark.parametrize("length", range(1, len(whole()) + 1))
def test_a_run_may_have_come_as_far_as_it_likes(tmp_path, length):
    found = read(fold(whole()[:length]), tmp_path)
    check_harmless(found)
    check_anchors(found)


def test_a_run_without_a_candidate_says_so(tmp_path):
    found = read(fold([whole()[0], StatusChanged(status="failed", reason="the provider is down")]), tmp_path)
    assert "No candidate has been scored yet" in found.text
    assert "the provider is down" in found.text


def test_a_run_in_which_everything_failed_shows_why(tmp_path):
    failed = [event for event in beginning() if isinstance(event, RunStarted | StatusChanged)]
    failed += [event for event in whole() if isinstance(event, Screened) and event.candidate.failure]
    found = read(fold(failed), tmp_path)
    assert "No candidate has been scored yet" in found.text
    assert "Failed at parse: no_code. The answer holds no Python code." in re.sub(r"\s+", " ", found.text)
    assert "def compute_reward(torso_linear_velocity, *, speed_weight=22.0):" in found.text, "the line of the failure"


def test_a_training_that_was_stopped_is_drawn_to_where_it_came(tmp_path):
    found = read(fold(raced()), tmp_path)
    assert "stopped after 500 steps, its chance to lead was 3%" in found.text
    (line,) = [each for each in found.lines if each["class"] == "line stopped"]
    along = [float(place[:-1]) for place in re.findall(r"[0-9.]+,", line["d"])]
    assert along == [52 + share * (520 - 52 - 130) for share in (0.25, 0.5)], "of the width between the margins"
    assert not [value for value in read(fold(whole()), tmp_path).of("class") if "stopped" in value]


@pytest.mark.parametrize(
    "values", [(0.0, 0.0, 0.0), (1e100, -1e100, 0.0), (1e-300, 1e-300, 1e-300), (5.0, 5.0, 5.0000001)]
)
def test_scores_may_be_constant_huge_or_tiny(tmp_path, values):
    events, dealt = [], iter(values * 10)
    for event in whole():
        if isinstance(event, AttemptEnded) and event.report:
            event = event.model_copy(update={"report": report(next(dealt), event.report.seed)})
        events.append(event)
    found = read(fold(events), tmp_path)
    numbers = " ".join(value for name in ("d", "cx", "cy", "points", "y1") for value in found.of(name))
    assert numbers
    assert not re.search(r"nan|inf", numbers)


def test_what_the_archive_said_stands_on_the_page_and_in_the_markdown(tmp_path):
    doubt = Failure(gate="archive", kind="misranks", message=f"It pays the worst most. {EVIL}")
    said = {
        "g1c00": Judgement(episodes=12, correlation=0.75, threshold=0.5),
        "g1c02": Judgement(episodes=12, correlation=-0.25, threshold=0.5, doubt=doubt),
    }
    events = [
        event.model_copy(
            update={"candidate": event.candidate.model_copy(update={"judgement": said[event.candidate.id]})}
        )
        if isinstance(event, Screened) and event.candidate.id in said
        else event
        for event in whole()
    ]
    run, folder = fold(events), RunFolder(tmp_path, SPEC.run)
    found = read(run, tmp_path)
    check_harmless(found)
    check_anchors(found)
    for words in (
        "The archive as a judge",
        "judged: 2 candidates",
        "+0.75",
        "-0.25",
        "in doubt: It pays the worst most.",
    ):
        assert words in found.text, words
    told = story(run, result_of(run, None, folder))
    assert "- judged: 2 candidates" in told
    assert "The archive as a judge" not in read(fold(whole()), tmp_path).text


def test_a_film_is_part_of_the_page_while_it_is_small(tmp_path):
    assert "Nobody has filmed its policy: rewardsmith video" in read(fold(warned()), tmp_path).text
    file = RunFolder(tmp_path, SPEC.run).candidate("g2c00") / "video.mp4"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"\x00\x00\x00\x18ftypmp42")
    found = read(fold(warned()), tmp_path)
    assert found.of("src") == ["data:video/mp4;base64,AAAAGGZ0eXBtcDQy"]
    assert str(file) in found.text
    with file.open("r+b") as large:
        large.truncate(3 * 2**20)
    named = read(fold(warned()), tmp_path)
    check_harmless(named)
    assert f"Its film: {file}" in named.text


def test_several_models_stand_side_by_side(tmp_path):
    names = {"g1c00": f"openai:one{EVIL}", "g1c02": "offline", "g2c02": "offline"}
    events = []
    for event in whole():
        if isinstance(event, Screened) and event.candidate.id in names:
            changed = event.candidate.model_copy(update={"author": names[event.candidate.id]})
            event = event.model_copy(update={"candidate": changed})
        if isinstance(event, Completed):
            event = event.model_copy(update={"author": "offline", "tokens": 1000, "dollars": 0.5})
        events.append(event)
    run, folder = fold(events), RunFolder(tmp_path, SPEC.run)
    rows = {row[0]: row[1:3] for row in author_rows(run)}
    assert rows["offline"] == ["2", "50%"]
    assert len(rows) == 2
    assert author_rows(fold(whole())) == []
    found = read(run, tmp_path)
    check_harmless(found)
    check_anchors(found)
    assert "Models" in found.text
    assert "mutated by offline" in found.text or "proposed by offline" in found.text
    told = story(run, result_of(run, None, folder))
    assert "## Models" in told
    assert "| offline" in told


def test_a_prompt_that_several_were_asked_stands_once(tmp_path):
    folder = RunFolder(tmp_path, SPEC.run)
    for name in ("g1c00", "g1c02"):
        folder.write_text(folder.candidate(name) / "prompt.md", "Write a reward.")
    found = read(fold(whole()), tmp_path)
    assert found.text.count("Write a reward.") == 1
    assert "the same as for g1c00" in found.text
    check_anchors(found)


def test_what_was_asked_and_answered_for_the_winner_stands_in_the_markdown(tmp_path):
    folder = RunFolder(tmp_path, SPEC.run)
    folder.write_text(folder.candidate("g2c00") / "prompt.md", "Write.\n```\nfence")
    folder.write_text(folder.candidate("g2c00") / "response.md", "x" * 300_000)
    _, markdown = write_report(fold(whole()), result(), None, folder)
    text = markdown.read_text()
    assert "## Prompt of g2c00\n\n````\nWrite.\n```\nfence\n````" in text
    assert "... the rest is in response.md" in text
    assert len(text) < 250_000
