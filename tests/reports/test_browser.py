"""The HTML page in a real browser."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from evil import EVIL, spoilt
from told_run import SPEC, fold, warned

from rewardsmith.reports.files import write_report
from rewardsmith.search.results import result
from rewardsmith.store.artifacts import RunFolder

FRAME = """<!doctype html>
<iframe id="frame" src="{page}" style="width: {width}px; height: 900px; border: 0"></iframe>
<output></output>
<script>
frame.onload = () => {{
  const found = frame.contentDocument, all = found.documentElement;
  const drawn = [...found.querySelectorAll("figure svg:not(svg svg)")];
  const pictures = drawn.map(each => each.getBoundingClientRect().width);
  found.querySelectorAll("details").forEach(each => each.open = true);
  const told = {{hacked: frame.contentWindow.hacked ?? null, title: found.title, wide: all.scrollWidth, pictures}};
  document.querySelector("output").textContent = JSON.stringify(told);
}};
</script>
"""


class Listener:
    """A server on loopback that remembers what it was asked for."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        asked = self.asked

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                asked.append(self.path)
                self.send_error(404)

            def log_message(self, *args: object) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}/"
        self.thread = threading.Thread(target=self.http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self.thread.start()


@pytest.fixture
def listener() -> Iterator[Listener]:
    found = Listener()
    yield found
    found.http.shutdown()
    found.http.server_close()
    found.thread.join()


@pytest.mark.slow
@pytest.mark.browser
@pytest.mark.skipif(shutil.which("chromium") is None, reason="no Chromium: apt-get install chromium")
@pytest.mark.parametrize("width", [400, 1200])
@pytest.mark.parametrize("policy", [True, False], ids=["policy", "escapes-alone"])
def test_nothing_runs_nothing_is_fetched_and_nothing_is_too_wide(tmp_path, listener, width, policy):
    folder = RunFolder(tmp_path, SPEC.run)
    answer = EVIL.replace("http://127.0.0.1:9/", listener.url) + f"<script src={listener.url}y></script>"
    folder.write_text(folder.candidate("g2c00") / "response.md", answer)
    page, _ = write_report(fold(spoilt(warned())), result(fold(warned()), None, folder), None, folder)
    if not policy:
        text, removed = re.subn(r"<meta http-equiv=[^>]*>", "", page.read_text())
        assert removed == 1
        page.write_text(text)
    frame = tmp_path / "frame.html"
    frame.write_text(FRAME.format(page=page.as_uri(), width=width))
    line = ["chromium", "--headless=new", "--no-sandbox", "--disable-gpu", "--allow-file-access-from-files"]
    line += [f"--user-data-dir={tmp_path / 'profile'}", "--virtual-time-budget=3000", "--window-size=1300,1000"]
    done = subprocess.run([*line, "--dump-dom", frame.as_uri()], capture_output=True, text=True, timeout=500)
    found = re.search(r"<output>(.+?)</output>", done.stdout, re.S)
    assert found is not None, done.stderr
    said = json.loads(html.unescape(found[1]))
    assert said["hacked"] is None
    assert said["title"].startswith("Walk: forward</title></style>")
    assert said["wide"] <= width
    assert len(said["pictures"]) >= 5
    assert max(said["pictures"]) > 200, "they have been drawn"
    assert listener.asked == []
