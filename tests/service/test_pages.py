"""The pages in a real browser: what a person does there, what strangers wrote, and whether everybody can read it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from browsing import CHROMIUM, Visitor, chromium
from evil import EVIL, spoilt
from playwright.sync_api import Browser, expect
from service_server import TINY, Server
from told_run import SPEC, raced, warned

from rewardsmith.domain.events import Event, RunStarted, Screened
from rewardsmith.store.artifacts import RunFolder
from rewardsmith.store.leases import Owner
from rewardsmith.store.store import Store

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium: apt-get install chromium"),
]
LINE = "# " + "x" * 1_000_000
WALKED, SPOILT = "walked-1", SPEC.run
PAGES = ("", "/candidates/g1c00", "/candidates/g1c01", "/candidates/g2c00", "/candidates/g2c01", "/candidates/g2c02")
PLACES = (
    "/",
    "/?status=failed",
    "/new?task=cartpole",
    "/tasks",
    "/tasks/cartpole",
    "/compare",
    f"/compare?run={WALKED}&run={SPOILT}",
    f"/compare?run={WALKED}&run={WALKED}&a=g1c02&b=g2c00",
    "/login",
    "/runs/nobody",
    *(f"/runs/{WALKED}{page}" for page in PAGES),
    *(f"/runs/{SPOILT}{page}" for page in PAGES),
)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture
def visit(browser: Browser, server: Server) -> Iterator[Any]:
    """Opens tabs; none may have met a fault in the end."""
    tabs: list[Visitor] = []

    def visiting(**options: Any) -> Visitor:
        tabs.append(Visitor(browser, str(server.client.base_url), **options))
        return tabs[-1]

    yield visiting
    for tab in tabs:
        tab.context.close()
        assert tab.faults == []


def lengthened(event: Event) -> Event:
    """The event; g2c00's source has a line of a megabyte."""
    if not isinstance(event, Screened) or event.candidate.id != "g2c00":
        return event
    longer = {"source": f"{event.candidate.source}\n{LINE}"}
    return Screened(candidate=event.candidate.model_copy(update=longer))


def renamed(event: Event) -> Event:
    """The event, of the run `WALKED`."""
    if not isinstance(event, RunStarted):
        return event
    return event.model_copy(update={"spec": SPEC.model_copy(update={"run": WALKED})})


@pytest.fixture(scope="module")
def told(server: Server) -> None:
    """Two runs in the server's database: one as it should be, and one that goes on and is evil wherever it can be."""
    store = Store.open(server.folder / "runs" / "rewardsmith.db")
    calm = [
        e.model_copy(update={"spec": SPEC.model_copy(update={"run": WALKED})}) if e.kind == "run_started" else e
        for e in raced()
    ]
    for name, events in ((WALKED, calm), (SPOILT, [lengthened(each) for each in spoilt(warned())][:-1])):
        store.create(name)
        lease = store.claim(name, owner=Owner.current())
        store.append(lease, events)
        store.release(lease)
    store.close()
    folder = RunFolder(server.folder / "runs", SPOILT)
    for name in ("prompt.md", "response.md"):
        folder.write_text(folder.candidate("g2c00") / name, f"{EVIL}\n{LINE}\n{EVIL}")


def test_a_person_walks_from_the_form_to_the_code(server, visit):
    tab = visit(permissions=["clipboard-read", "clipboard-write"])
    page = tab.page
    page.goto("/")
    page.get_by_role("link", name="New run").last.click()
    page.get_by_label("Task").select_option("cartpole")
    page.get_by_label("Generations").fill("1")
    page.get_by_label("Candidates each").fill("1")
    page.get_by_text("Limits, baselines, name").click()
    page.get_by_label("Steps per training").fill("500")
    for box in page.get_by_role("group").get_by_role("checkbox").all():
        box.uncheck()
    page.get_by_label("Name").fill("by-hand")
    expect(page.locator("#estimate")).to_contain_text("4 trainings of 500")
    page.get_by_role("button", name="Start the run").click()
    page.wait_for_url("**/runs/by-hand")
    page.evaluate("window.here = true")
    expect(page.locator("#climb canvas")).to_be_visible()
    expect(page.locator("#card-g1c00")).to_contain_text(re.compile("confirm(ing|ed)"))
    expect(page.locator(".pill.running, .pill.done").first).to_be_visible()
    best = page.locator(".u-legend tr", has_text="best so far").locator(".u-value")
    expect(best).to_have_text(page.locator("#card-g1c00 .value").inner_text())
    assert page.evaluate("window.here"), "it was told of everything without being loaded again"
    page.locator(".facts").get_by_role("link", name="g1c00").click()
    page.evaluate("window.setTimeout = () => 0")  # "Copied" goes after two seconds, which may be sooner than we look
    page.get_by_role("button", name="Copy").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    told = server.client.get("/v1/runs/by-hand/candidates/g1c00").json()["candidate"]["source"]
    assert page.evaluate("navigator.clipboard.readText()") == told
    server.client.post("/v1/runs/by-hand/cancel")


def test_a_person_says_something_and_cancels(server, visit):
    run = server.submit(TINY | {"steps": 1_000_000, "name": "said-and-done"})
    page = visit().page
    page.goto(f"/runs/{run}")
    page.get_by_label("What did you see").fill("It tips over.")
    page.get_by_role("button", name="Send").click()
    expect(page.locator("#said")).to_contain_text("It tips over.")
    page.get_by_text("Cancel …").click()
    page.get_by_role("button", name="Cancel for good").click()
    expect(page.locator(".pill.cancelled").first).to_be_visible()
    expect(page.get_by_role("button", name="Send")).to_have_count(0)
    assert server.status(run) == "cancelled"


def test_a_form_that_asks_for_what_there_is_not_says_so(visit):
    tab = visit()
    tab.page.goto("/new?task=cartpole")
    expect(tab.page.locator("#estimate")).to_contain_text("What it takes")
    tab.page.get_by_label("Model").fill(EVIL[:150])
    expect(tab.page.get_by_role("alert")).to_contain_text("<script>")
    with tab.page.expect_navigation() as sent:
        tab.page.get_by_role("button", name="Start the run").click()
    assert sent.value is not None
    assert sent.value.status == 422
    assert tab.page.get_by_label("Model").input_value() == EVIL[:150].replace("\n", "")
    tab.faults = [each for each in tab.faults if "status of 422" not in each]


def test_a_form_says_that_no_estimate_came(visit):
    tab = visit()
    away = tab.page.get_by_role("alert")
    tab.page.goto("/new?task=cartpole")
    expect(tab.page.locator("#estimate")).to_contain_text("What it takes")
    tab.page.route("**/new", lambda route: route.fulfill(status=500))
    tab.page.get_by_label("Generations").fill("2")
    expect(away).to_have_text("The server answered with error 500. What you see here may be out of date.")
    tab.page.wait_for_timeout(500)
    expect(away).to_be_visible()
    tab.page.unroute("**/new")
    tab.page.get_by_label("Generations").fill("3")
    expect(away).to_be_hidden()
    tab.faults = [each for each in tab.faults if "status of 500" not in each]


def test_a_page_says_that_the_server_went_away_and_goes_on_when_it_is_back(browser, start):
    server = start()
    run = server.submit(TINY | {"steps": 1_000_000})
    tab = Visitor(browser, server.url)
    tab.page.goto(f"/runs/{run}")
    server.end()
    expect(tab.page.get_by_role("alert")).to_contain_text("The server cannot be reached.")
    server.start(port=urlsplit(server.url).port)
    expect(tab.page.locator("#away")).to_be_hidden()
    server.client.post(f"/v1/runs/{run}/cancel")
    expect(tab.page.locator(".pill.cancelled").first).to_be_visible()
    tab.context.close()


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.usefixtures("told")
def test_everybody_can_read_every_page(visit, dark):
    tab = visit(color_scheme="dark" if dark else "light", viewport={"width": 400, "height": 900})
    unfit: dict[str, list[str]] = {}
    for place in PLACES:
        answer = tab.page.goto(place)
        assert answer is not None
        assert "; script-src 'self'; " in answer.headers["content-security-policy"], place
        assert tab.width() <= 400, place
        heights = {link.bounding_box()["y"] for link in tab.page.locator(".top nav a").all()}
        assert len(heights) == 1, f"{place}: the links at the top take more than a line"
        if found := tab.violations():
            unfit[place] = found
        assert tab.page.evaluate("window.hacked ?? null") is None, place
        if SPOILT in place and "compare" not in place:
            assert "<script>window.hacked = 1</script>" in tab.page.locator("main").inner_text(), place
    assert unfit == {}
    tab.faults = [each for each in tab.faults if "status of 404" not in each]


@pytest.mark.usefixtures("told")
def test_pages_are_read_without_scripts_too(visit):
    page = visit(java_script_enabled=False).page
    page.goto("/")
    page.get_by_role("link", name=WALKED, exact=True).click()
    page.get_by_role("link", name="g2c00", exact=True).first.click()
    expect(page.locator("#source")).to_contain_text("def compute_reward")
    page.goto(f"/runs/{WALKED}/candidates/g2c02")
    expect(page.get_by_role("note")).to_contain_text("unknown_signal, line 1")
    expect(page.locator("#source .hll")).to_have_text(
        "def compute_reward(torso_linear_velocity, *, speed_weight=22.0):\n"
    )
