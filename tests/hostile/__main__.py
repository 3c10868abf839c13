"""Run the cases; see the package."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections import Counter
from pathlib import Path

from hostile.case import Stage
from hostile.confinement import Outcome, run_case
from hostile.kinds import KINDS, cases


def main() -> int:
    options = argparse.ArgumentParser(prog="hostile")
    options.add_argument("--kind", action="append", choices=KINDS)
    options.add_argument("--name", default="", help="only inputs whose name has this in it")
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("--mutants", type=int, default=0, help="damaged copies of a good input, for each kind")
    options.add_argument("--suite", action="store_true", help="leave out what takes long, and some of what is alike")
    options.add_argument("--json", action="store_true", help="one outcome a line")
    given = options.parse_args()
    outcomes = []
    with tempfile.TemporaryDirectory(prefix="hostile-") as name:
        pattern = Stage.pattern(Path(name, "pattern"))
        _warm_up(pattern)
        for case in cases(given.kind or list(KINDS), seed=given.seed, mutants=given.mutants, suite=given.suite):
            if given.name not in case.name:
                continue
            with tempfile.TemporaryDirectory(dir=name) as base:
                outcome = run_case(case, pattern, Path(base))
            outcomes.append(outcome)
            if given.json:
                print(json.dumps(outcome.fields()), flush=True)  # noqa: T201
            elif outcome.faults:
                print(f"{outcome.kind}: {outcome.name}: {'; '.join(outcome.faults)}", flush=True)  # noqa: T201
            if given.name and not given.json:
                print(repr(outcome.screen[:3000]), f"code {outcome.code}")  # noqa: T201
    if not given.json:
        print(_figures(outcomes))  # noqa: T201
    return any(outcome.faults for outcome in outcomes)


def _figures(outcomes: list[Outcome]) -> str:
    count, bad = Counter(one.kind for one in outcomes), Counter(one.kind for one in outcomes if one.faults)
    lines = [f"{kind:<10} {number:>4} inputs, {bad[kind]} failed" for kind, number in count.items()]
    lines.append(f"{'all':<10} {len(outcomes):>4} inputs, {sum(bad.values())} failed")
    for what, key in (
        ("slowest", lambda one: one.seconds),
        ("largest", lambda one: one.memory),
        ("longest", lambda one: len(one.screen)),
    ):
        most = max(outcomes, key=key)
        lines.append(
            f"{what}: {most.kind}: {most.name}: {most.seconds:.1f} s, {most.memory >> 20} MB, "
            f"{len(most.screen.splitlines())} lines of {len(most.screen):,} characters"
        )
    return "\n".join(lines)


def _warm_up(pattern: Path) -> None:
    """Import what the commands import when they run, and run two, once for all cases: each then starts at once."""
    import contextlib
    import gc
    import importlib
    import io
    import pkgutil
    from functools import cache

    import boto3  # noqa: F401
    import jsonschema  # type: ignore[import-untyped]  # noqa: F401
    import memory_s3
    import pyarrow.compute  # noqa: F401
    import rich.live
    import rich.status
    import rich.table  # noqa: F401
    import typer.main

    import cli.commands
    import deployment
    import kickstand
    import promotion
    import review
    import training
    from cli.main import run

    memory_s3.model()
    typer.main.get_command = cache(typer.main.get_command)  # 0.1 s of CPU each time
    cli.commands.load_command = cache(cli.commands.load_command)
    for name in cli.commands.COMMANDS:
        cli.commands.load_command(name)
    for package in (kickstand, training, deployment, review, promotion):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not module.name.endswith("__main__"):
                importlib.import_module(module.name)
    with (
        contextlib.chdir(pattern),
        contextlib.redirect_stdout(io.StringIO()),
        contextlib.redirect_stderr(io.StringIO()),
    ):
        for words in (["release", "show", "dev"], ["release", "check", "nowhere"]):
            sys.argv = ["kickstand", *words]
            run()
    gc.freeze()  # what is there by now is shared with the cases, as long as nobody touches it


if __name__ == "__main__":
    sys.exit(main())
