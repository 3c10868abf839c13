"""The console in a browser: every view at a desk and on a telephone, live, by keyboard, and from another origin."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from browser import MEASURE, NEEDS_CHROMIUM, SMALLEST
from console_world import Clients
from devtools import Browser, Page
from sample_cloud import JOB, SampleCloud, rounds
from samples import release
from workspaces import workspace

from console.server import VIEWS, ConsoleServer, listen
from kickstand.release.file import write_release

pytestmark = NEEDS_CHROMIUM
REPOSITORY = Path(__file__).resolve().parents[2]
AXE = REPOSITORY / "node_modules/axe-core/axe.min.js"
PATHS = (*(view.name for view in VIEWS), f"jobs/{JOB}")
SIZES = ((1280, 900, False), (400, 800, True))
MARKUP = '<img src="x" onerror="document.title = 1"><script>document.title = 2</script>'
TAB, ENTER = ("Tab", 9), ("Enter", 13)


@dataclass
class Shown:
    """A console that is served, over a cloud that a test moves."""

    server: ConsoleServer
    cloud: SampleCloud
    clients: Clients

    def __truediv__(self, path: str) -> str:
        return self.server.address + path


@contextlib.contextmanager
def shown(folder: Path, cloud: SampleCloud) -> Iterator[Shown]:
    write_release(folder / "releases" / "dev.json", release())
    clients = cloud.clients()
    opened = workspace(clients, folder / "releases")
    with listen(0) as listener:
        server = ConsoleServer(listener, opened, lambda: opened, folder / "review")
        ready = threading.Event()
        thread = threading.Thread(target=server.run, args=(ready.set,))
        thread.start()
        assert ready.wait(20)
        try:
            yield Shown(server, cloud, clients)
        finally:
            server.end()
            thread.join(20)
            assert not thread.is_alive()


@pytest.fixture
def console(tmp_path: Path) -> Iterator[Shown]:
    with shown(tmp_path, SampleCloud()) as found:
        yield found


def violations(page: Page) -> list[Any]:
    """What axe-core finds, by its rules for WCAG 2.2 A and AA and its best practices."""
    page.run(AXE.read_text("utf-8"))
    found = page.run("axe.run(document).then((found) => JSON.stringify(found.violations))")
    return [(one["id"], [node["html"][:120] for node in one["nodes"]]) for one in json.loads(found)]


@pytest.mark.parametrize("path", PATHS)
def test_a_view_is_legible_and_accessible(path: str, console: Shown, page: Page) -> None:
    console.cloud.step, console.cloud.active = "Baking for 300 seconds (TerminationWaitInSeconds)", 1
    for width, height, dark in SIZES:
        page.show(width=width, height=height, dark=dark)
        assert page.open(console / path) == 200
        page.wait_for("document.getElementById('state').textContent === 'Live.'")
        found = page.run(f"{MEASURE.read_text('utf-8')}; measured(window, document)")
        assert found["scrollWidth"] <= width, (width, found["wide"])
        assert found["smallest"][0] >= SMALLEST, (width, found["smallest"])
        assert violations(page) == []
    assert page.console == []


@pytest.mark.parametrize("path", PATHS)
def test_a_view_is_whole_without_scripts(path: str, console: Shown, page: Page) -> None:
    page.show(width=400, height=800, scripts=False)
    assert page.open(console / path) == 200
    page.show(width=400, height=800)
    assert page.run("document.querySelectorAll('#view section').length") >= 1
    assert page.run("document.querySelectorAll('#refused').length") == 0
    said = "As it was when the page was opened: reload it to read again."
    assert page.run("document.getElementById('state').textContent") == said


def test_an_update_moves_on_a_page_that_stays_open(console: Shown, page: Page) -> None:
    page.open(console / "endpoint")
    page.wait_for("document.getElementById('state').textContent === 'Live.'")
    page.run("window.same = true")
    console.cloud.step = "Creating Launching 3 instance(s)."
    page.wait_for("document.getElementById('verdict').textContent.includes('0 of 3 new instances')")
    assert page.run("document.querySelectorAll('#update').length") == 1
    console.cloud.step, console.cloud.active = "Baking for 300 seconds (TerminationWaitInSeconds)", 1
    page.wait_for("document.getElementById('verdict').textContent.includes('1 of 3 new instances')")
    shares = "[...document.querySelectorAll('td progress')].map((one) => one.value)"
    assert page.run(shares) == [67, 33]
    assert "1 of 3 new instances answer requests" in page.run("document.getElementById('spoken').textContent")
    console.cloud.step = ""
    page.wait_for("document.getElementById('verdict').textContent.includes('It is InService')")
    assert page.run("document.querySelectorAll('#update').length") == 0
    assert page.run("window.same") is True
    assert page.console == []


def test_rounds_and_curves_of_a_job_grow_and_the_focus_stays(console: Shown, page: Page) -> None:
    page.open(console / "jobs")
    page.wait_for("document.querySelector('#now progress').value === 3")
    page.run("document.querySelector('#now a').focus()")
    before = page.run("document.querySelector('polyline').getAttribute('points')")
    console.cloud.log += rounds(3, 4, 5, 6)
    page.wait_for("document.querySelector('#now progress').value === 7")
    after = page.run("document.querySelector('polyline').getAttribute('points')")
    assert (len(before.split()), len(after.split())) == (3, 7)
    assert page.run("document.activeElement.textContent") == JOB
    page.press(*ENTER)
    page.wait_for(f"document.querySelector('h2') && document.querySelector('h2').textContent === '{JOB}'")
    console.cloud.training, console.cloud.text = False, "it ran out of disk"
    page.wait_for("document.getElementById('verdict').textContent.includes('It is Failed: it ran out of disk')")


def test_the_keyboard_reaches_everything(console: Shown, page: Page) -> None:
    page.open(console / "cost")
    page.press(*TAB)
    assert page.run("document.activeElement.textContent") == "To the view"
    assert page.run("getComputedStyle(document.activeElement).left") == "0px"
    page.press(*ENTER)
    page.wait_for("document.activeElement.id === 'main'")
    page.press(*TAB)
    assert page.run("document.activeElement.localName") == "summary"
    page.press(*ENTER)
    assert page.run("document.querySelector('details').open") is True
    page.open(console / "endpoint")
    names = []
    for _ in range(1 + len(VIEWS)):
        page.press(*TAB)
        names.append(page.run("document.activeElement.textContent"))
    assert names == ["To the view", *(view.title for view in VIEWS)]
    page.press(*ENTER)
    page.wait_for("document.querySelector('h1') && document.querySelector('h1').textContent === 'Cost'")


def test_markup_of_aws_shows_as_text_and_runs_nothing(tmp_path: Path, page: Page) -> None:
    with shown(tmp_path, SampleCloud(text=MARKUP, training=False)) as console:
        for path in PATHS:
            page.open(console / path)
            page.wait_for("document.getElementById('state').textContent === 'Live.'")
            assert page.run("document.querySelectorAll('main img, main script').length") == 0
            assert page.run("document.title.length") > 3
        assert page.run("document.getElementById('verdict').textContent").count(MARKUP) == 1
        assert page.console == []


def test_a_page_goes_on_when_the_credentials_are_back(
    console: Shown, page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID", raising=False)
    page.open(console / "endpoint")
    page.wait_for("document.getElementById('state').textContent === 'Live.'")
    console.cloud.expired = True
    page.wait_for("document.getElementById('refused') !== null")
    assert "Sign in again (aws sso login" in page.run("document.getElementById('refused').textContent")
    assert violations(page) == []
    assert page.open(console / "releases") == 200
    assert page.run("document.querySelectorAll('#refused').length") == 0
    page.open(console / "endpoint")
    console.cloud.expired = False
    page.wait_for("document.getElementById('serving') !== null")
    assert page.run("document.getElementById('refused')") is None


def test_nobody_looks_nothing_is_read(console: Shown, page: Page, browser: Browser) -> None:
    page.open(console / "endpoint")
    page.wait_for("document.getElementById('state').textContent === 'Live.'")
    other = browser.new_page()
    page.wait_for("document.getElementById('state').textContent === 'Paused while nobody looks.'")
    other.call("Page.close")
    page.call("Page.bringToFront")
    page.wait_for("document.getElementById('state').textContent === 'Live.'")


def test_the_end_of_the_console_is_said(tmp_path: Path, page: Page) -> None:
    with shown(tmp_path, SampleCloud()) as console:
        page.open(console / "endpoint")
        page.wait_for("document.getElementById('state').textContent === 'Live.'")
    page.wait_for("document.getElementById('state').textContent.startsWith('The console does not answer')")


ELSEWHERE = """<!doctype html><title>elsewhere</title><body><script>
const address = ADDRESS;
const seen = {};
const kept = (name, promise) => promise.then((value) => { seen[name] = value; }, (error) => { seen[name] = error.name; });
const loaded = (name, element) => kept(name, new Promise((done) => {
  element.onload = () => done("loaded"); element.onerror = () => done("refused");
  document.body.append(element);
}));
const made = (tag, more) => Object.assign(document.createElement(tag), more);
window.done = Promise.all([
  kept("fetch", fetch(address + "endpoint").then((answer) => answer.text())),
  kept("with credentials", fetch(address, { credentials: "include" }).then((answer) => answer.text())),
  kept("opaque", fetch(address + "endpoint", { mode: "no-cors" }).then((answer) => answer.text())),
  kept("post", fetch(address, { method: "POST", mode: "no-cors", body: "x" }).then((answer) => answer.type)),
  loaded("script", made("script", { src: address + "console.js" })),
  loaded("style", made("link", { rel: "stylesheet", href: address + "console.css" })),
  loaded("image", made("img", { src: address + "icon.svg" })),
  kept("events", new Promise((done) => {
    const source = new EventSource(address + "live/endpoint");
    source.addEventListener("view", (event) => done(event.data));
    source.onerror = () => { source.close(); done("refused"); };
  })),
  kept("frame", new Promise((done) => {
    const frame = made("iframe", { src: address + "endpoint" });
    frame.onload = () => { try { done(frame.contentDocument ? frame.contentDocument.title : "closed"); } catch (error) { done(error.name); } };
    document.body.append(frame);
  })),
]).then(() => seen);
</script></body>"""  # noqa: E501


def test_a_page_of_another_origin_gets_nothing(console: Shown, page: Page) -> None:
    """Not even one that knows the token: on another port of the same host, and on another host."""

    class Elsewhere(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = ELSEWHERE.replace("ADDRESS", json.dumps(console.server.address)).encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Requests are no output of a test."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Elsewhere) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            for host in ("127.0.0.1", "localhost"):
                page.open(f"http://{host}:{server.server_port}/")
                seen = page.run("window.done")
                assert seen == {
                    "fetch": "TypeError",
                    "with credentials": "TypeError",
                    "opaque": "TypeError",
                    "post": "TypeError",
                    "script": "refused",
                    "style": "refused",
                    "image": "refused",
                    "events": "refused",
                    "frame": "closed",
                }
                # A link there opens nothing either: the browser says where it was followed.
                page.run(f"location.href = {json.dumps(console / 'endpoint')}")
                page.wait_for("document.body && document.body.innerText.includes('A page of another origin')")
        finally:
            server.shutdown()
            thread.join()
    assert console.clients.calls == []
