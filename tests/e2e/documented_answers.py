"""A page whose commands stand beside their answers: whether what was said now is what the page shows."""

from __future__ import annotations

import re
from pathlib import Path

_CHANGING = (
    # What differs between two runs of the same story: times, digests, the names of a job and of a role, measurements.
    (r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d)?(Z|[+-]\d\d:\d\d| UTC)", "TIME"),
    (r"-\d{8}-\d{6}-[0-9a-f]{4}\b", "-JOB"),
    (r"[0-9A-F]{8}-[0-9A-F]{13}\b", "ID"),
    (r"[0-9A-F]{8}-[0-9A-Z]{12}\b", "ID"),
    (r"\b[0-9a-f]{12,}\b", "HEX"),
    (r"\d+ billable seconds?", "SECONDS"),
    (r", \d+ days old", ""),  # said of old prices alone, and every price is old one day
    (r"\b\d+(\.\d+)? ms\b", "LATENCY"),  # a busy machine's may be a whole number
    (r"\d+\.\d+", "NUMBER"),
)


def answers(page: Path) -> dict[str, list[str]]:
    """Each command of the page, with the pieces of the answer that the page shows; `…` stands for what is left out."""
    found = re.findall(r"```sh\n(kickstand [^\n]+)\n```\n\n```text\n(.*?)```", page.read_text("utf-8"), re.DOTALL)
    return {
        command: [piece for piece in re.split(r"^ *…\n", text, flags=re.MULTILINE) if piece] for command, text in found
    }


def shape(text: str) -> str:
    """A text without what another run has otherwise, and without where its lines end."""
    for pattern, name in _CHANGING:
        text = re.sub(pattern, name, text)
    return " ".join(text.split())
