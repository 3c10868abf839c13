"""Hostile project files."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

from hostile.case import PROJECT, Case, table
from hostile.damage import DEEP, ESCAPES, HUGE, deep, mutants

Text = bytes | str | Callable[[], bytes | str]

CHECK = ("release", "check", "dev")


def line(text: str) -> str:
    return f"{PROJECT}{text}\n"


def key(name: str) -> str:
    """A key of [project] as a quoted TOML text."""
    return PROJECT.replace("[data]", f"{json.dumps(name)} = 1\n[data]")


def value(text: str) -> str:
    return PROJECT.replace('"train.csv"', json.dumps(text))


TOML: dict[str, Text] = {
    "empty": "",
    "zeros": bytes(10_000),
    "random bytes": bytes(range(256)) * 100,
    "UTF-16": PROJECT.encode("utf-16"),
    "byte order mark": "\ufeff" + PROJECT,
    "Latin-1": PROJECT.encode() + b'x = "\xe4"\n',
    "carriage returns": PROJECT.replace("\n", "\r"),
    "json": '{"project": {"name": "bikes"}}',
    "yaml": "project:\n  name: bikes\n",
    "cut": PROJECT[:-20],
    "merge conflict": PROJECT.replace("[data]", "<<<<<<< HEAD\n[data]"),
    "two projects": PROJECT + PROJECT,
    "key twice": PROJECT.replace('name = "bikes"', 'name = "bikes"\nname = "wine"'),
    "dotted key 100 KB deep": lambda: line("a" + ".a" * 50_000 + " = 1"),
    "dotted key 1,500 deep": line("a" + ".a" * DEEP + " = 1"),
    "dotted table 100 KB deep": lambda: line("[a" + ".a" * 50_000 + "]"),
    "dotted table 1,500 deep": line("[a" + ".a" * DEEP + "]"),
    "dotted keys many": lambda: line("\n".join(f"a.b{n}.c{n}.d = 1" for n in range(5_000))),
    "tables many": lambda: line("\n".join(f"[t{n}]" for n in range(20_000))),
    "keys many": lambda: line("\n".join(f"k{n} = 1" for n in range(20_000))),
    "inline tables 1,500 deep": line("a = " + deep("{a=", "}", "1")),
    "inline tables 50,000 deep": lambda: line("a = " + deep("{a=", "}", "1", 50_000)),
    "lists 1,500 deep": line("a = " + deep("[", "]")),
    "lists a million deep": lambda: line("a = " + "[" * 1_000_000),
    "5,000 digits": line(f"a = {HUGE}"),
    "num_round of 5,000 digits": PROJECT.replace("num_round = 2", f"num_round = {HUGE}"),
    "num_round 1e400": PROJECT.replace("num_round = 2", "num_round = 1e400"),
    "num_round NaN": PROJECT.replace("num_round = 2", "num_round = nan"),
    "num_round infinite": PROJECT.replace("num_round = 2", "num_round = inf"),
    "golden_rows negative": PROJECT.replace("golden_rows = 2", "golden_rows = -2"),
    "golden_rows huge": PROJECT.replace("golden_rows = 2", "golden_rows = 9223372036854775807"),
    "golden_rows true": PROJECT.replace("golden_rows = 2", "golden_rows = true"),
    "golden_rows a date": PROJECT.replace("golden_rows = 2", "golden_rows = 2026-01-01"),
    "a quote never closed": PROJECT + 'x = "' + "a" * 1_000_000,
    "a comment of a megabyte": line("# " + "c" * 1_000_000 + "\nx = 1"),
    "a list of a million": lambda: line("a = [" + "1," * 1_000_000 + "]"),
    "everything of a wrong type": "project = 1\ndata = []\nhyperparameters = true\nenvironments = 2026-01-01\n",
    "environments a list": PROJECT.replace("[environments.dev]", "[[environments.dev]]"),
    "environments of any name": line("[environments.evil]\naccount = '1'"),
    "environment of a control character": line('[environments."\\u001b[2J"]\naccount = "1"'),
    "no data": PROJECT.replace('train = "train.csv"\n', ""),
    "train is a device": value("/dev/zero"),
    "train is random": value("/dev/random"),
    "train is the whole disk": value("/proc"),
    "train is a process": value("/proc/self/mem"),
    "train climbs": value("../../../../etc/passwd"),
    "train with NUL": PROJECT.replace('"train.csv"', '"a\\u0000b"'),
    "train of a megabyte": value("A" * 1_000_000),
    "train is a list": PROJECT.replace('"train.csv"', "[1, 2]"),
    "account with a blank": PROJECT.replace("111122223333", "1111 2222 3333"),
    "account of other digits": PROJECT.replace("111122223333", "\u0661" * 12),
    "region of a path": PROJECT.replace("us-east-1", "../../x"),
    "region of a host": PROJECT.replace("us-east-1", "evil.example/"),
    "promotes in a circle": line(
        "[environments.prod]\naccount = '777788889999'\nregion = 'us-east-1'\npromotes_from = 'prod'"
    ),
    "hyperparameters many": PROJECT.replace(
        "num_round = 2", "num_round = 2\n" + "\n".join(f"p{n} = 1" for n in range(5_000))
    ),
    "hyperparameter of a megabyte": PROJECT.replace("num_round = 2", f'num_round = "{"9" * 1_000_000}"'),
    "tags with escapes": line('[tags]\n"\\u001b[2J" = "\\u202e"'),
    "tags many": lambda: line("[tags]\n" + "\n".join(f"t{n} = 'x'" for n in range(5_000))),
    "gates evil": line('[gates]\nmetrics = ["\\u001b[2J < 1"]'),
    "gates deep": line("[gates]\nmetrics = " + deep("[", "]", '"a"', 500)),
    "schedule evil": PROJECT.replace("[data]", '[training]\nschedule = "cron(\\u001b[2J)"\n[data]'),
    "schedule of a megabyte": PROJECT.replace("[data]", f'[training]\nschedule = "cron({"*" * 1_000_000})"\n[data]'),
    "columns many": PROJECT.replace("[data]", "[data]\ncolumns = [" + ",".join(f'"c{n}"' for n in range(50_000)) + "]"),
    **{f"key {name}": key(text) for name, text in ESCAPES.items()},
    **{f"value {name}": value(text) for name, text in ESCAPES.items()},
    **{f"table {name}": line(f"[{json.dumps(text)}]\nx = 1") for name, text in ESCAPES.items()},
    **{
        f"hyperparameter {name}": PROJECT.replace(
            "num_round = 2", f"num_round = 2\n{json.dumps(text)} = {json.dumps(text)}"
        )
        for name, text in ESCAPES.items()
    },
    **{f"raw {name}": line(f"x = '{text}'") for name, text in ESCAPES.items()},
}
TOML_RIGHT = ("no data", "byte order mark", "golden_rows huge", "train is a device", "train climbs")


def cases(seed: int, count: int) -> Iterator[Case]:
    for case in table(
        "toml",
        CHECK,
        {**TOML, **mutants(PROJECT.encode(), count, seed)},
        lambda stage, text: stage.put("kickstand.toml", text),
    ):
        accepted = case.name in TOML_RIGHT or case.name.startswith("mutant")
        yield Case(case.kind, case.name, case.words, case.put, accepted)
    for name in (
        "train is a device",
        "train is random",
        "train is the whole disk",
        "train is a process",
        "train climbs",
        "golden_rows huge",
    ):
        yield from table(
            "toml",
            ("upload", "dev"),
            {f"upload: {name}": TOML[name]},
            lambda stage, text: stage.put("kickstand.toml", text),
        )
