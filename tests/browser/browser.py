"""Chromium without a window, from the command line: it opens a page at a width, measures it and tells its console."""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome")
SECONDS = 90
_CONSOLE = re.compile(r"CONSOLE[:(]\d+\)?\] \"(.*)")
_MEASURED = re.compile(r'<script type="text/plain" id="measured">(.*?)</script>', re.DOTALL)

# The page stands in a frame, whose width a window without a screen would not go below. Its policy forbids scripts of
# its own; this one is of the page around it, from the same place.
_AROUND = """<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,">
<style>body {{ margin: 0 }} iframe {{ border: 0; width: {width}px; height: {height}px }}</style>
<iframe src="{page}"></iframe><script type="text/plain" id="measured"></script>
<script>{measure}
addEventListener("load", () => {{
  const frame = document.querySelector("iframe").contentWindow;
  document.getElementById("measured").textContent =
    btoa(unescape(encodeURIComponent(JSON.stringify(measured(frame, frame.document)))));
}});
</script>"""


@dataclass(frozen=True)
class Opened:
    """A page as Chromium shows it. measured: what `measure.js` found. console: what stands in its console."""

    measured: dict[str, Any]
    console: tuple[str, ...]


def chromium() -> str | None:
    """The program; None where it is not installed."""
    return next((found for name in NAMES if (found := shutil.which(name))), None)


def opened(page: Path, *, width: int, height: int) -> Opened:
    """Open a page (its folder is served on the loopback address meanwhile) and measure it."""
    measure = (Path(__file__).parent / "measure.js").read_text()
    around = page.with_name(f"around-{width}.html")
    around.write_text(_AROUND.format(width=width, height=height, page=page.name, measure=measure))
    with _served(page.parent) as place:
        ended = _run("--enable-logging=stderr", "--dump-dom", f"--window-size={width},{height}", place + around.name)
    found = _MEASURED.search(ended.stdout)
    assert found is not None and found[1], f"{ended.stdout[-2000:]}\n{ended.stderr[-2000:]}"
    return Opened(json.loads(base64.b64decode(found[1])), tuple(_CONSOLE.findall(ended.stderr)))


def _run(*words: str) -> subprocess.CompletedProcess[str]:
    program = chromium()
    assert program is not None
    with tempfile.TemporaryDirectory(prefix="chromium-") as home:
        return subprocess.run(
            [
                program,
                "--headless=new",
                "--no-sandbox",  # it cannot have one where the tests run as root, and opens only pages of ours
                "--disable-gpu",
                "--hide-scrollbars",  # a telephone's take no room
                "--disable-dev-shm-usage",
                "--disable-extensions",
                "--disable-background-networking",
                "--disable-component-update",
                "--no-first-run",
                f"--user-data-dir={home}",
                *words,
            ],
            capture_output=True,
            text=True,
            timeout=SECONDS,
            env={**os.environ, "HOME": home},
        )


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Requests are no output of a test."""


@contextmanager
def _served(folder: Path) -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=folder)) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()
