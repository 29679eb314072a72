"""Logging in and out in a real browser."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from browsing import CHROMIUM, Visitor, chromium
from playwright.sync_api import Browser, expect

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium: apt-get install chromium"),
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture
def tab(browser: Browser, keyed) -> Iterator[Visitor]:
    opened = Visitor(browser, str(keyed.server.client.base_url))
    yield opened
    opened.context.close()


def log_in(tab: Visitor, secret: str) -> None:
    tab.page.get_by_label("Key").fill(secret)
    tab.page.get_by_role("button", name="Log in").click()


def test_a_person_logs_in_looks_and_logs_out(tab, keyed):
    page = tab.page
    page.goto("/runs/anns")
    log_in(tab, "rsk_wrong")
    expect(page.get_by_role("alert")).to_contain_text("unknown, or was revoked")
    log_in(tab, keyed.secrets["ann"])
    expect(page).to_have_url(f"{keyed.server.client.base_url}/runs/anns".replace("//runs", "/runs"))
    expect(page.get_by_role("heading", name="anns")).to_be_visible()
    assert page.evaluate("document.cookie") == ""
    page.goto("/login?next=/runs/anns")
    page.get_by_role("link", name="Go on").click()
    expect(page.get_by_role("heading", name="anns")).to_be_visible()
    page.get_by_role("link", name="key").click()
    page.get_by_role("button", name="Log out").click()
    page.goto("/")
    expect(page.get_by_role("button", name="Log in")).to_be_visible()
    assert tab.faults == []


def test_an_open_page_is_led_to_the_login_when_its_key_is_revoked(tab, keyed):
    keyed.add("brief", "read")
    tab.page.goto("/")
    log_in(tab, keyed.secrets["brief"])
    expect(tab.page.get_by_role("heading", name="Runs")).to_be_visible()
    keyed.store.keys.revoke("brief")
    expect(tab.page.get_by_role("button", name="Log in")).to_be_visible()
