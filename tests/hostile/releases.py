"""Hostile JSON of our own, and hostile releases."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from hostile.case import Case, Stage, table
from hostile.damage import ESCAPES, HUGE, deep, mutants

Text = bytes | str | Callable[[], bytes | str]

CHECK = ("release", "check", "dev")

JSON_TEXTS: dict[str, Text] = {
    "empty": "",
    "zeros": bytes(10_000),
    "null": "null",
    "true": "true",
    "a number": "1",
    "a text": '"x"',
    "a list": "[]",
    "an object": "{}",
    "UTF-16": '{"schema_version": 3}'.encode("utf-16"),
    "byte order mark": b'\xef\xbb\xbf{"schema_version": 3}',
    "not UTF-8": b'{"a": "\xff"}',
    "lists 1,500 deep": deep("[", "]"),
    "objects 1,500 deep": deep('{"a":', "}", "1"),
    "lists a million deep": lambda: "[" * 1_000_000,
    "objects 300,000 deep": lambda: deep('{"a":', "}", "1", 300_000),
    "5,000 digits": f'{{"schema_version": {HUGE}}}',
    "5,000 digits in a text": f'{{"schema_version": "{HUGE}"}}',
    "NaN": '{"schema_version": NaN}',
    "Infinity": '{"schema_version": -Infinity}',
    "1e400": '{"schema_version": 1e400}',
    "version negative": '{"schema_version": -1}',
    "version true": '{"schema_version": true}',
    "version a fraction": '{"schema_version": 3.0}',
    "version far": '{"schema_version": 9223372036854775808}',
    "version an escape": json.dumps({"schema_version": "\x1b[2J"}, ensure_ascii=False),
    "name twice": '{"schema_version": 3, "schema_version": 3}',
    "name with an escape twice": '{"\\u001b[2J": 1, "\\u001b[2J": 2}',
    "name of a megabyte twice": lambda: f'{{"{"A" * 1_000_000}": 1, "{"A" * 1_000_000}": 2}}',
    "lone surrogate": '{"schema_version": 3, "a": "\\ud800"}',
    "comments": '{"schema_version": 3 /* x */}',
    "trailing comma": '{"schema_version": 3,}',
    "garbage behind": '{"schema_version": 3} x',
    "escape behind": '{"schema_version": 3} \x1b[2J',
    "a hundred thousand names": lambda: json.dumps({"schema_version": 3, **{f"n{n}": 1 for n in range(100_000)}}),
    "a name a megabyte long": lambda: json.dumps({"schema_version": 3, "A" * 1_000_000: 1}),
    "twenty megabytes of blanks": lambda: " " * 20_000_000,
    "ten megabytes of a text": lambda: json.dumps({"schema_version": 3, "a": "x" * 10_000_000}),
    "control characters raw": '{"schema_version": 3, "a": "\x01\x1b"}',
    **{
        f"unknown field {name}": json.dumps({"schema_version": 3, text: text}, ensure_ascii=False)
        for name, text in ESCAPES.items()
    },
}


def _field(path: str, new: Any) -> Callable[[Stage], None]:
    def put(stage: Stage) -> None:
        fields = stage.release_fields()
        *way, last = path.split(".")
        here: Any = fields
        for step in way:
            here = here[int(step) if isinstance(here, list) else step]
        here[int(last) if isinstance(here, list) else last] = new
        stage.seal(**fields)

    return put


RELEASE_FIELDS: dict[str, tuple[str, Any]] = {
    "size negative": ("artifact.size", -1),
    "size huge": ("artifact.size", 10**30),
    "size a text": ("artifact.size", "300000"),
    "size a fraction": ("artifact.size", 0.5),
    "digest short": ("artifact.sha256", "ab"),
    "digest of no hex": ("artifact.sha256", "z" * 64),
    "place climbs": ("artifact.s3_uri", "s3://b/../../etc/passwd"),
    "place no S3": ("artifact.s3_uri", "file:///etc/passwd"),
    "channels none": ("channels", []),
    "channels a text": ("channels", "train"),
    "channels twice": ("channels.1.name", "train"),
    "rows negative": ("channels.0.rows", -5),
    "columns zero": ("channels.0.columns", 0),
    "golden rows of words": ("golden_rows.rows", ["hello", "\x1b[2J"]),
    "golden rows of another width": ("golden_rows.rows", ["1,2", "3"]),
    "predictions too few": ("golden_rows.predictions", [1.0]),
    "predictions of text": ("golden_rows.predictions", ["1", "2"]),
    "metrics a list": ("metrics", [1, 2]),
    "metric a text": ("metrics", {"train:rmse": "low"}),
    "billable negative": ("training_job.billable_seconds", -60),
    "billable huge": ("training_job.billable_seconds", 10**40),
    "instances zero": ("training_job.instance_count", 0),
    "time no time": ("training_job.created", "yesterday"),
    "time far": ("training_job.created", "99999-01-01T00:00:00Z"),
    "time with an escape": ("training_job.created", "\x1b[2J"),
    "schema 1 with fields of another": ("schema_version", 1),
    "schema 2 with fields of another": ("schema_version", 2),
    "account a number": ("account", 111122223333),
    "image of somebody": ("algorithm.image_uri", "evil.example/x:1"),
    "version unknown": ("algorithm.version", "99.9-9"),
    "hyperparameters a list": ("hyperparameters", []),
    "hyperparameter a number": ("hyperparameters", {"num_round": 2}),
    "hyperparameters many": ("hyperparameters", {f"p{n}": "1" for n in range(20_000)}),
    "promoted from itself": ("promoted_from", {"environment": "dev"}),
    "promoted from a text": ("promoted_from", "dev"),
    "deep metrics": ("metrics", {"a": json.loads(deep("[", "]", depth=400))}),
}


def cases(seed: int, count: int) -> Iterator[Case]:
    def put(stage: Stage, content: bytes | str) -> None:
        stage.put("releases/dev.json", content)

    yield from table("release", CHECK, JSON_TEXTS, put)
    for name, (path, new) in RELEASE_FIELDS.items():
        yield Case("release", name, CHECK, _field(path, new))
    for name, text in ESCAPES.items():
        for path in ("project", "training_job.name", "channels.0.name", "artifact.s3_uri", "algorithm.version"):
            yield Case("release", f"{path} {name}", CHECK, _field(path, text))
        for words in (
            ("release", "show", "dev"),
            ("gate", "dev", "--only", "approval"),
            ("promote", "dev", "staging", "--dry-run"),
            ("verify", "dev"),
        ):
            yield Case(
                "release",
                f"{' '.join(words)}: metric {name}",
                words,
                _field("metrics", {f"train:{text}": 0.5}),
                accepted=True,
            )
            yield Case(
                "release", f"{' '.join(words)}: commit {name}", words, _field("source_commit", text), accepted=True
            )
    for path in ("null", "train.csv"):
        yield Case("release", f"link to {path}", CHECK, partial(_link, to=path))
    for name in ("lists a million deep", "5,000 digits", "NaN", "unknown field escape"):
        for words in (
            ("release", "show", "dev"),
            ("promote", "dev", "staging"),
            ("gate", "staging"),
            ("verify", "dev"),
            ("deploy", "dev", "--yes"),
            ("release", "sign", "dev"),
        ):
            yield from table("release", words, {f"{' '.join(words)}: {name}": JSON_TEXTS[name]}, put)

    def damaged(number: int) -> Callable[[Stage], None]:
        def damage(stage: Stage) -> None:
            good = (stage.folder / "releases" / "dev.json").read_bytes()
            stage.put("releases/dev.json", mutants(good, count, seed)[f"mutant {number}"])

        return damage

    for number in range(count):
        yield Case("release", f"mutant {number}", CHECK, damaged(number))


def _link(stage: Stage, to: str) -> None:
    file = stage.folder / "releases" / "dev.json"
    file.unlink()
    file.symlink_to("/dev/zero" if to == "null" else stage.folder / to)
