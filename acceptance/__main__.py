"""Read the command line, say what a run costs, wait for a yes, run, and write the report.

Exit codes: 0 every step is proven, or says why it does not apply here, and nothing is left; 1 something is corrected,
unanswered or left, or the run was interrupted; 2 what was given is wrong, or nobody answered the question.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from acceptance.estimate import cost, estimate
from acceptance.project import HOSTING, TRAINING, Plan, run_id, write_project
from acceptance.report import Facts, counts, report
from acceptance.run import Ended, EndedEarly, alone, clear, environment_is_local, run
from acceptance.step import Verdict
from acceptance.steps import STEPS
from cli.options import REPOSITORY, default_config
from kickstand import __version__
from kickstand.aws.errors import AWS_FAILURES, aws_error
from kickstand.aws.prices import price_table
from kickstand.config.load import load_project
from kickstand.config.model import Environment, Project
from kickstand.console import show_error
from kickstand.errors import InputError, KickstandError, Problem
from localcloud.cloud import LocalCloud


@dataclass(frozen=True, slots=True)
class Options:
    """The command line."""

    env: str
    to: str
    local: bool
    yes: bool
    remove: bool
    report: Path | None
    config: Path
    folder: Path
    show_accounts: bool
    hosting: str
    training: str


def read_options(words: Sequence[str]) -> Options:
    parser = argparse.ArgumentParser(prog="python -m acceptance", description="Kickstand on a real account, proven.")
    parser.add_argument("env", metavar="ENV", help="the environment whose account and region are used")
    parser.add_argument("--to", default="", metavar="ENV", help="an environment of another account, to promote into")
    parser.add_argument("--local", action="store_true", help="run against a local cloud of its own")
    parser.add_argument("--yes", action="store_true", help="begin without the question whether to go on")
    parser.add_argument("--remove", action="store_true", help="only remove what earlier runs have left")
    parser.add_argument("--report", type=Path, metavar="FILE", help="where the report goes")
    parser.add_argument("--config", type=Path, default=None, metavar="FILE", help="the project file")
    parser.add_argument("--folder", type=Path, default=None, metavar="DIR", help="where the run works")
    parser.add_argument("--show-accounts", action="store_true", help="write account ids whole into the report")
    parser.add_argument("--hosting", default=HOSTING, metavar="TYPE", help="instance type of the endpoints")
    parser.add_argument("--training", default=TRAINING, metavar="TYPE", help="instance type of the jobs")
    given = parser.parse_args(words)
    folder = (given.folder or REPOSITORY / ".kickstand" / "acceptance").resolve()
    return Options(**{**vars(given), "config": given.config or default_config(), "folder": folder})


def main(words: Sequence[str]) -> int:
    options = read_options(words)
    try:
        return accept(options)
    except KickstandError as error:
        show_error(error)
        return error.exit_code
    except AWS_FAILURES as error:
        show_error(aws_error(error, "running the acceptance"))
        return 1
    except EndedEarly as early:
        say_left(early.ended, options)
        cause = early.__cause__
        if not isinstance(cause, Exception):
            sys.stderr.write("Interrupted.\n")
            return 1
        shown = cause if isinstance(cause, KickstandError) else aws_error(cause, "beginning the run")
        show_error(shown)
        return shown.exit_code
    except KeyboardInterrupt:
        sys.stderr.write("\nInterrupted. Whatever was made is removed by the next run, or by --remove.\n")
        return 1


def accept(options: Options) -> int:
    """One run from the question to the report."""
    project = load_project(options.config)
    source = environment(project, options.env)
    target = environment(project, options.to) if options.to else source
    profiles = options.local and source.account != target.account
    plan = Plan(source, target, run_id(datetime.now(UTC)), options.hosting, options.training, profiles=profiles)
    folder = options.folder / plan.name
    expected = estimate(plan, price_table())
    if not options.remove:
        say(f"Acceptance in account {source.account}, {source.region}, as the project {plan.name}.")
        say(f"{expected.sentence()}{' The local cloud bills nothing and takes minutes.' if options.local else ''}")
        for line in expected.lines():
            say(f"  {line}")
        if not options.local:
            confirm(options)
    if options.local:
        enter(LocalCloud(options.folder / "cloud"), plan, folder)
    try:
        with alone(folder, say) as lock:
            clear(folder, plan, say, now=datetime.now(UTC), whatever=options.remove or options.local)
            if options.remove:
                say("Nothing is left.")
                return 0
            ended = run(folder, plan, STEPS, say, lock=lock.fileno(), bootstrap=options.local)
    finally:
        if options.local:
            LocalCloud(options.folder / "cloud").stop()
    file = write_report(options, plan, ended)
    say_left(ended, options)
    say(f"{counts(ended.outcomes)}. The report: {file}")
    good = not ended.left and not any(one.unanswered or one.verdict is Verdict.CORRECTED for one in ended.outcomes)
    if good and options.local:
        LocalCloud(options.folder / "cloud").reset()
    return 0 if good else 1


def environment(project: Project, name: str) -> Environment:
    """An environment by its name. InputError lists those that there are."""
    found = {str(key): value for key, value in project.environments.items()}.get(name)
    if found is None:
        known = ", ".join(project.environments)
        raise InputError(Problem(f"There is no environment {name!r}; the project has {known}.", str(project.file)))
    return found


def confirm(options: Options) -> None:
    """Ask before anything is made. InputError: nobody is there to answer, or the answer is no."""
    if options.yes:
        return
    if not sys.stdin.isatty():
        raise InputError(
            Problem(
                "Nothing was made: the run costs money, and there is no terminal for a yes or no.",
                fix="Add --yes (make: YES=1).",
            )
        )
    if input("Go on? [y/N] ").strip().lower() not in ("y", "yes"):
        raise InputError(Problem("Nothing was made."))


def enter(cloud: LocalCloud, plan: Plan, folder: Path) -> None:
    """Start a local cloud of the run's own and point this process at it."""
    file = write_project(folder / "look", plan, {})
    cloud.start(0, project=load_project(file))
    cloud.enter(plan.source.account, plan.source.region)
    if plan.profiles:  # each account has a profile of its own, and it alone is to be used
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            os.environ.pop(name, None)


def write_report(options: Options, plan: Plan, ended: Ended) -> Path:
    """Write the report; its path. By default it is one to be committed, but not from a run against the local cloud."""
    local = environment_is_local()
    spent, how = cost(ended.used, plan.source.region, price_table(), on=ended.began.date())
    facts = Facts(
        plan, ended.began, ended.ended, spent, how, __version__, commit(), local, show_accounts=options.show_accounts
    )
    file = options.report or (
        options.folder / "REPORT-local.md"
        if local
        else REPOSITORY / "acceptance" / f"REPORT-{plan.source.name}-{plan.source.region}.md"
    )
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(report(facts, ended.outcomes, ended.left, ended.problems), encoding="utf-8")
    return file


def commit() -> str:
    """The repository's commit, short; `unknown` outside git."""
    words = ["git", "-C", str(REPOSITORY), "describe", "--always", "--dirty", "--exclude", "*"]
    done = subprocess.run(words, capture_output=True, encoding="utf-8", errors="replace", check=False)
    return done.stdout.strip() or "unknown"


def say_left(ended: Ended, options: Options) -> None:
    """What could not be removed, each with the command that does; nothing where nothing is left."""
    for problem in ended.problems:
        say(f"not removed at once: {problem}")
    if not ended.left:
        say("Nothing is left.")
        return
    say(f"Left behind; the next run removes it first, and so does: python -m acceptance {options.env} --remove")
    for one in ended.left:
        say(f"  {one.line()}\n    {one.command}")


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
