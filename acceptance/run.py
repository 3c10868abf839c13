"""One run: the leftovers of earlier ones, the steps in order, the removal of all that was made."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import signal
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import FrameType
from typing import IO

from acceptance.commands import Commands
from acceptance.estimate import CLEANING_MINUTES, LIMIT_MINUTES, Used
from acceptance.leftovers import Leftover, find, remove
from acceptance.own_stacks import make_key
from acceptance.project import ENVIRONMENTS, PREFIX, SOURCE, TARGET, Plan, started, write_project
from acceptance.step import NotReady, NotRun, Outcome, Step, Verdict, World, assembly_folder
from cli.context import workspace_of
from cli.options import REPOSITORY, Root
from deployment.cdk import CLI, bootstrap_words, is_bootstrapped, node, refuse_without_bootstrap, remove_output_folder
from kickstand.aws.errors import AWS_FAILURES, aws_error
from kickstand.config.load import load_project
from kickstand.errors import InputError, KickstandError, Problem
from kickstand.workspace import Workspace

Say = Callable[[str], None]
WAIT_SECONDS = 300.0
"""Longest wait for a command of an earlier run that was killed."""
_YOUNG = timedelta(minutes=LIMIT_MINUTES + CLEANING_MINUTES)


@dataclass(frozen=True, slots=True)
class Ended:
    """A run that came to its end. left: what could not be removed."""

    outcomes: tuple[Outcome, ...]
    used: tuple[Used, ...]
    left: tuple[Leftover, ...]
    problems: tuple[str, ...]
    began: datetime
    ended: datetime


@contextmanager
def alone(folder: Path, say: Say) -> Iterator[IO[str]]:
    """Hold the lock of a run's folder; also held by every command that a run has started, and is at work still."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("a+", encoding="utf-8") as lock:
        end, waiting = time.monotonic() + WAIT_SECONDS, False
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError:
                if time.monotonic() > end:
                    message = "Another run, or a command that one has started, is at work on this machine."
                    raise KickstandError(Problem(message, str(folder), "Wait for its end, then run again.")) from None
            if not waiting:
                say("Waiting for another run, or a command that one has started …")
                waiting = True
            time.sleep(1)
        yield lock


@contextmanager
def interruptible() -> Iterator[None]:
    """SIGTERM and a closed terminal end the run as Ctrl-C does: what was made is removed."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def workspaces_of(file: Path) -> list[Workspace]:
    """The environments of a run's project, opened."""
    project = load_project(file)
    return [workspace_of(Root(file, local=False), project, name) for name in ENVIRONMENTS]


def clear(folder: Path, plan: Plan, say: Say, *, now: datetime, whatever: bool = False) -> None:
    """Remove what earlier runs have left: of the plan's environments, and of those that the last run's project names.

    whatever: also what a run of another machine has made that may be at work still.
    Raises KickstandError where something is not removed, with the commands that remove it.
    """
    former = folder / "project" / "kickstand.toml"
    workspaces = workspaces_of(former) if former.exists() else []
    look = write_project(folder / "look", plan, {})
    known = {(one.environment.account, one.environment.region, one.names.prefix) for one in workspaces}
    here = former.exists()
    for workspace in workspaces_of(look):
        if (workspace.environment.account, workspace.environment.region, workspace.names.prefix) not in known:
            workspaces.append(workspace)
    left = [one for workspace in workspaces for one in find(workspace)]
    if left:
        say("An earlier run has left:")
        for one in left:
            say(f"  {one.line()}")
        young = [one for one in left if _may_be_at_work(one, now)]
        if young and not here and not whatever:
            message = (
                f"A run of another machine made this at {young[0].run} and may be at work still. Nothing was removed."
            )
            raise InputError(Problem(message, young[0].where, "Wait for its end, or remove it now: --remove"))
        problems = [problem for workspace in workspaces for problem in remove(workspace, say)]
        left = [one for workspace in workspaces for one in find(workspace)]
        if left:
            raise KickstandError(*(Problem(f"Not removed: {one.line()}.", fix=one.command) for one in left), *problems)
        say("It is removed.")
    for name in ("project", "look", "logs"):
        shutil.rmtree(folder / name, ignore_errors=True)


def _may_be_at_work(one: Leftover, now: datetime) -> bool:
    began = started(one.run)
    return began is not None and now - began < _YOUNG


def run(folder: Path, plan: Plan, steps: Sequence[Step], say: Say, *, lock: int, bootstrap: bool) -> Ended:
    """The steps, and the removal of all that they have made, whatever happens.

    bootstrap: whether accounts without the CDK's bootstrap stack get one (the local cloud's).
    Raises KeyboardInterrupt after the removal where it was interrupted.
    """
    began = datetime.now(UTC)
    end = time.monotonic() + LIMIT_MINUTES * 60
    project = folder / "project"
    commands = Commands(project, folder / "logs", say, lambda: end - time.monotonic(), lock)
    write_project(project, plan, {})
    world = World(plan, commands, {}, began)
    outcomes: list[Outcome] = []
    ended_early: BaseException | None = None
    used: tuple[Used, ...] = ()
    try:
        with interruptible():
            _set_up(world, bootstrap=bootstrap)
            for step in steps:
                outcomes.append(take(step, world, outcomes, over=time.monotonic() > end))
                say(f"  {outcomes[-1].verdict}: {step.title} ({outcomes[-1].seconds:.0f} s)")
            used = _used(world)
    except (KeyboardInterrupt, KickstandError, *AWS_FAILURES) as early:
        ended_early = early
        what = "Interrupted" if isinstance(early, KeyboardInterrupt) else "The run cannot begin"
        say(f"{what}: what was made is removed now. Interrupted once more, it is listed and left.")
    left, problems = _cleared(world, say)
    done = {outcome.step.key for outcome in outcomes}
    outcomes += [
        Outcome(step, Verdict.NOT_RUN, ("The run was interrupted.",)) for step in steps if step.key not in done
    ]
    if not left:
        shutil.rmtree(project, ignore_errors=True)
        for name in ENVIRONMENTS:
            remove_output_folder(assembly_folder(plan, name))
    ended = Ended(tuple(outcomes), used, tuple(left), tuple(problems), began, datetime.now(UTC))
    if ended_early is not None:
        raise EndedEarly(ended) from ended_early
    return ended


class EndedEarly(Exception):  # noqa: N818 - its cause is the error, or the interruption
    """The run was interrupted, or could not begin; what was made is removed, or listed in `ended`."""

    def __init__(self, ended: Ended) -> None:
        super().__init__()
        self.ended = ended


def _used(world: World) -> tuple[Used, ...]:
    """What ran, for the report; nothing where AWS does not answer."""
    try:
        return world.used()
    except (KickstandError, *AWS_FAILURES):
        return ()


def take(step: Step, world: World, before: Sequence[Outcome], *, over: bool) -> Outcome:
    """One step, unless a step that it needs is not proven or the time is over."""
    proven = {outcome.step.key for outcome in before if outcome.verdict is Verdict.PROVEN}
    missing = [
        outcome.step.title for outcome in before if outcome.step.key in step.needs and outcome.step.key not in proven
    ]
    if missing:
        line = f"It needs what is not proven: {', '.join(missing)}."
        return Outcome(step, Verdict.NOT_RUN, (line,), unanswered=True)
    if over:
        return Outcome(step, Verdict.NOT_RUN, (f"The run had taken {LIMIT_MINUTES} minutes.",), unanswered=True)
    world.commands.say(step.title)
    began = time.monotonic()
    try:
        seen = step.work(world)
        if unknown := seen.wrong - {assumption.module for assumption in step.assumptions}:
            raise ValueError(f"{step.key} has no assumption of {', '.join(sorted(unknown))}")
    except NotRun as reason:
        lines, unready = without_workspaces([str(reason)]), isinstance(reason, NotReady)
        return Outcome(step, Verdict.NOT_RUN, lines, time.monotonic() - began, unanswered=unready)
    except (KickstandError, *AWS_FAILURES) as error:
        refusal = error if isinstance(error, KickstandError) else aws_error(error, step.title)
        lines = without_workspaces("\n".join([problem.message, *problem.details]) for problem in refusal.problems)
        return Outcome(step, Verdict.CORRECTED, lines, time.monotonic() - began)
    except Exception as error:
        # A fault of one step must not lose what the others have found.
        log = world.commands.logs / f"{step.key}.traceback.txt"
        log.write_text(traceback.format_exc(), encoding="utf-8")
        line = f"The step itself failed, which says nothing about AWS: {type(error).__name__}: {error}"
        return Outcome(step, Verdict.NOT_RUN, without_workspaces([line]), time.monotonic() - began, unanswered=True)
    verdict = Verdict.CORRECTED if seen.wrong else Verdict.PROVEN
    return Outcome(step, verdict, without_workspaces(seen.lines), time.monotonic() - began, seen.wrong)


def without_workspaces(lines: Iterable[str]) -> tuple[str, ...]:
    """Lines without the folders of this machine: a report is committed."""
    run_folder = re.compile(rf"(?<![\w/])/\S*/{PREFIX}\w+/(?:project/)?")
    return tuple(run_folder.sub("", line).replace(f"{REPOSITORY}/", "") for line in lines)


def _set_up(world: World, *, bootstrap: bool) -> None:
    """A repository, a key for each environment, and the project file that names them."""
    workspaces = {name: world.workspace(name) for name in ENVIRONMENTS}
    for workspace in workspaces.values():
        if bootstrap and not is_bootstrapped(workspace.session, workspace.environment):
            output = str(assembly_folder(world.plan, workspace.environment.name))
            words = [*bootstrap_words(workspace.environment), "--app", "", "--output", output]
            if workspace.environment.profile:
                words += ["--profile", workspace.environment.profile]
            world.commands.run([([node(), str(CLI), *words], f"cdk {words[0]} {words[1]}")], minutes=15)
        refuse_without_bootstrap(workspace)
    world.keys[SOURCE] = make_key(workspaces[SOURCE], workspaces[TARGET].names)
    world.keys[TARGET] = make_key(workspaces[TARGET], None)
    world.write()
    world.commands.git("init", "--quiet", "--initial-branch=main")
    world.commands.commit("The project of an acceptance run")


def _cleared(world: World, say: Say) -> tuple[list[Leftover], list[str]]:
    """Remove everything; what is left then, and why. A second interruption ends the removal, and the list is made."""
    problems: list[str] = []
    workspaces: list[Workspace] = []
    try:
        with interruptible():
            workspaces = [world.workspace(name) for name in ENVIRONMENTS]
            for workspace in workspaces:
                problems += remove(workspace, say)
    except KeyboardInterrupt:
        problems.append("The removal was interrupted.")
    except (KickstandError, *AWS_FAILURES) as error:
        problems.append(str(error))
    try:
        return [one for workspace in workspaces for one in find(workspace)], problems
    except (KickstandError, *AWS_FAILURES) as error:
        problems.append(f"What is left cannot be seen: {error}")
        command = "aws cloudformation describe-stacks --query 'Stacks[].StackName'"
        return [Leftover("whatever is named", f"{world.plan.name}-*", "both environments", command)], problems


def environment_is_local() -> bool:
    """Whether this process talks to an endpoint of its own choice, not to AWS: only the report's words depend on it."""
    return bool(os.environ.get("AWS_ENDPOINT_URL"))
