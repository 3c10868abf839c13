"""Make `docs/review-1280.png` and `docs/review-400.png` anew: a review of a real change in the local cloud.

A first model is fitted and deployed; then fewer rounds are asked for, and a larger instance; the second model is
fitted, and what its deployment would change is reviewed. Needs Chromium (Debian: apt-get install chromium).
"""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image

REPOSITORY = Path(__file__).resolve().parents[1]
COMMAND = REPOSITORY / ".venv/bin/kickstand"
SIZES = ((1280, 3900), (400, 2600))
LARGEST = 400_000
"""Bytes of a picture in the documentation."""
AS_OF = "2026-11-23"
EDITS = (("num_round = 150", "num_round = 40"), ('instance_type = "ml.m5.large"', 'instance_type = "ml.m5.xlarge"'))


def main() -> None:
    """Review, then draw what the browser shows of it."""
    with tempfile.TemporaryDirectory(prefix="review-screenshots-") as folder:
        page = reviewed(Path(folder))
        if len(sys.argv) > 1:
            shutil.copytree(page.parent, sys.argv[1], dirs_exist_ok=True)
        for width, height in SIZES:
            draw(page, width, height, REPOSITORY / f"docs/review-{width}.png")


def reviewed(folder: Path) -> Path:
    """The page of the review of a second model and a larger instance, in a local cloud that ends with it."""
    project, toml = folder / "bikes", folder / "bikes/kickstand.toml"
    shutil.copytree(REPOSITORY / "data", project / "data", ignore=shutil.ignore_patterns("__pycache__", "*.py"))
    shutil.copy(REPOSITORY / "kickstand.toml", toml)
    state = folder / "state"

    def kickstand(*words: str) -> None:
        print("kickstand --local", *words, flush=True)
        variables = {**os.environ, "KICKSTAND_LOCAL_STATE": str(state), "COLUMNS": "80"}
        subprocess.run([COMMAND, "--local", "--config", toml, *words], check=True, env=variables, cwd=project)

    try:
        kickstand("deploy", "dev", "--yes")
        kickstand("fit", "dev")
        kickstand("deploy", "dev", "--yes")
        text = toml.read_text("utf-8")
        for before, after in EDITS:
            assert text.count(before) == 1, before
            text = text.replace(before, after)
        toml.write_text(text, "utf-8")
        kickstand("fit", "dev")
        kickstand("review", "dev", "--as-of", AS_OF, "-o", str(folder / "review"))
    finally:
        kickstand("local", "stop")
    return folder / "review/index.html"


def draw(page: Path, width: int, height: int, picture: Path) -> None:
    """The page as it is on the first screens, in few colours.

    It stands in a frame of that width: a window without a screen is never narrower than 500 pixels.
    """
    around = page.with_name(f"around-{width}.html")
    frame = f'<iframe src="{page.name}" style="border:0;width:{width}px;height:{height}px"></iframe>'
    around.write_text(f'<!doctype html><meta charset="utf-8"><body style="margin:0">{frame}', "utf-8")
    shot = page.with_name(f"{width}.png")
    chromium = shutil.which("chromium")
    if chromium is None:
        sys.exit("Chromium is not installed (Debian: apt-get install chromium).")
    words = ("--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run")
    with tempfile.TemporaryDirectory() as home:
        subprocess.run(
            [
                chromium,
                *words,
                f"--user-data-dir={home}",
                f"--window-size={max(width, 500)},{height + 200}",
                f"--screenshot={shot}",
                around.as_uri(),
            ],
            check=True,
            capture_output=True,
            timeout=90,
        )
    drawn = Image.open(shot).convert("RGB").crop((0, 0, width, height))
    few = drawn.quantize(128, dither=Image.Dither.NONE)
    out = io.BytesIO()
    few.save(out, format="PNG", optimize=True)
    if len(out.getvalue()) > LARGEST:
        sys.exit(f"{picture} would be larger than {LARGEST:,} bytes.")
    picture.write_bytes(out.getvalue())


if __name__ == "__main__":
    main()
