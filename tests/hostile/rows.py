"""Rows for an endpoint, and what an endpoint of somebody else answers."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from hostile.case import ROWS, Case, Stage, table
from hostile.damage import HUGE, mutants
from hostile.data_files import CSV

ANSWERS: dict[str, bytes] = {
    "nothing": b"",
    "escapes": b"\x1b[2J\n",
    "bidi": "\u202e1.0\n".encode(),
    "not UTF-8": b"\xff\xfe\n",
    "5,000 digits": HUGE.encode() + b"\n",
    "NaN": b"nan\n",
    "infinite": b"inf\n",
    "1e400": b"1e400\n",
    "9.9e42": b"9.9e42\n",
    "a megabyte": b"A" * 1_000_000 + b"\n",
    "a million rows": b"1\n" * 1_000_000,
    "lists deep": b"[" * 100_000,
    "html": b"<html>\x1b[2J</html>",
    "one row for all": b"1.0\n",
    "commas": b"1,2,3,4,5,6,7,8,9,10,11,12\n",
}
"""Of an endpoint that somebody else made."""


def cases(seed: int, count: int) -> Iterator[Case]:
    """Rows for an endpoint, and what an endpoint answers."""
    chosen = {name: content for name, content in CSV.items() if not name.startswith("fifty") and "million" not in name}
    for command, more in (("predict", ()), ("transform", ("-o", "answers.csv"))):
        words = (command, "dev", "rows.csv", *more)
        for case in table(
            "rows",
            words,
            {**chosen, **mutants(ROWS.encode(), count, seed)},
            lambda stage, content: stage.put("rows.csv", content),
        ):
            yield Case("rows", f"{command}: {case.name}", case.words, case.put, accepted=True)
    for command, words in (
        ("predict", ("predict", "dev", "rows.csv", "-o", "answers.csv")),
        ("original units", ("predict", "dev", "rows.csv", "--original-units")),
        ("evaluate", ("evaluate", "dev", "-o", "evaluation")),
        ("verify", ("verify", "dev")),
    ):
        for name, answer in ANSWERS.items():
            yield Case("answers", f"{command}: {name}", words, partial(_answered, answer=answer), accepted=True)


def _answered(stage: Stage, answer: bytes) -> None:
    stage.project(lambda text: text.replace("[data]", '[data]\ntarget_transform = "log1p"'))
    stage.put("rows.csv", "0.5,2,3\n")
    stage.account.answer = answer
