"""`kickstand demo-promotion`: a model's way from dev to prod through three accounts, on this machine, narrated."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.demo.main_job import Steps
from cli.demo.promotion_script import ENVIRONMENTS, Background, Command, CreateUser, End, promotion_steps
from cli.demo.users import ADMINISTRATOR, DemoUsers
from cli.options import REPOSITORY, TIMES
from deployment.cdk import CLI, node
from kickstand.console import make_console
from kickstand.errors import KickstandError, Problem
from kickstand.names import Names
from kickstand.programs import run_child, sigint_not_ignored
from localcloud.clients.environment import CLEARED
from localcloud.cloud import LocalCloud

if TYPE_CHECKING:
    from rich.console import Console

    from cli.demo.promotion_script import Act
    from kickstand.config.model import Project


def demo_promotion(
    folder: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Where its repository goes. Default: .kickstand/demo-promotion of the clone."),
    ] = None,
    times: TIMES = None,
) -> None:
    """Models on their way from dev to staging to prod: gates, signatures, reviews, a canary, a rollback by alarm."""
    from kickstand.config.load import load_project

    console = make_console(sys.stdout)
    stage = (folder or REPOSITORY / ".kickstand" / "demo-promotion").resolve()
    console.print("Kickstand: from dev to staging to prod, three accounts, on this machine.", style="bold")
    steps = Steps(console)
    cloud = LocalCloud(stage / "cloud")
    project_folder = stage / "rentals"
    with steps.step("A repository and a local cloud of their own", str(stage)):
        _clear(stage, cloud)
        _make_project(project_folder)
        project = load_project(project_folder / "kickstand.toml")
        cloud.start(0, project=project, time_factor=TIME_FACTOR)
        people = DemoUsers(cloud, project, stage / "people")
        for name in ENVIRONMENTS:
            people.create("ana", name, ADMINISTRATOR)
        run = _Runner(console, project_folder, _variables(cloud, project, project_folder), people)
        for line in (
            "git init --quiet --initial-branch=main",
            "git add .",
            'git commit --quiet -m "The rentals project"',
        ):
            run.line(line)
    with run:
        for part in promotion_steps(_bootstraps(project, ENVIRONMENTS)):
            with steps.step(part.name, part.why):
                for act in part.acts:
                    run.act(act)
    with steps.step("One artifact, three accounts, three releases", "its SHA-256, asked of each bucket"):
        _show_digests(console, cloud, project)
    _show_end(console, steps.seconds, stage, run.variables("ana"), cloud)
    if times is not None:
        times.write_text(json.dumps(steps.seconds, indent=2) + "\n", "utf-8")


TIME_FACTOR = 60
"""AWS's minutes are seconds: the waits of prod's updates, and the periods of its alarms."""


class _Runner:
    """Types commands in the project's folder: prints each, and ends the demo where one ends otherwise than told.

    A context: at its end no command is left in the background.
    """

    def __init__(self, console: Console, folder: Path, variables: Mapping[str, str], people: DemoUsers) -> None:
        self._console, self._folder, self._variables, self._people = console, folder, variables, people
        self._background: subprocess.Popen[str] | None = None

    def __enter__(self) -> None:
        return None

    def __exit__(self, *_: object) -> None:
        if self._background is not None:
            self._background.kill()
            self._background.wait()

    def variables(self, name: str) -> dict[str, str]:
        """The environment of somebody's terminal."""
        return {**self._variables, **self._people.variables(name)}

    def act(self, act: Act) -> None:
        if isinstance(act, Command):
            self.line(act.line, ends=act.ends, by=act.by)
            return
        if isinstance(act, Background):
            self._begin(act)
            return
        if isinstance(act, End):
            self._end()
            return
        if isinstance(act, CreateUser):
            user = self._people.create_with_policy(act.name, act.environment, act.policy)
            self._console.print(f"\n   The owner of the account made {user}", style="bold", highlight=False)
            return
        path = self._folder / "kickstand.toml"
        text = path.read_text("utf-8")
        for before, after in act.changes:
            self._console.print(f"\n   {path.name}: {before} -> {after}", style="bold", highlight=False)
            text = text.replace(before, after)
        path.write_text(text, "utf-8")

    def line(self, line: str, *, ends: int = 0, by: str = "ana") -> None:
        self._console.print(f"\n   {by}$ {line}", style="bold", highlight=False, soft_wrap=True)
        try:
            code = run_child(_command(line), cwd=self._folder, env=self.variables(by))
        except KeyboardInterrupt:
            raise KickstandError(
                Problem(
                    f"The demo was interrupted at: {line}", fix="Run make demo-promotion again: it begins from nothing."
                )
            ) from None
        if code != ends:
            raise KickstandError(
                Problem(f"The demo stopped: it expected exit code {ends} of this command, found {code}.", line)
            )
        if ends:
            self._console.print(f"   exit code {code}, as it should be", style="yellow", highlight=False)

    def _begin(self, act: Background) -> None:
        self._console.print(f"\n   {act.by}$ {act.line} &", style="bold", highlight=False, soft_wrap=True)
        with sigint_not_ignored():
            self._background = subprocess.Popen(
                _command(act.line),
                cwd=self._folder,
                env=self.variables(act.by),
                stdout=subprocess.PIPE,
                encoding="utf-8",
            )
        assert self._background.stdout is not None
        # With its first line it has read the files, which what follows may change.
        self._show(self._background.stdout.readline())

    def _end(self) -> None:
        """Press Ctrl-C and show what was printed; the demo ends where the command had ended by itself."""
        command, self._background = self._background, None
        assert command is not None
        ended = command.poll()
        command.send_signal(signal.SIGINT)
        try:
            printed, _ = command.communicate(timeout=_LAST_WORDS_SECONDS)
        except subprocess.TimeoutExpired:
            command.kill()
            command.communicate()
            raise KickstandError(
                Problem(
                    "The demo stopped: a command in the background did not end within "
                    f"{_LAST_WORDS_SECONDS:.0f} seconds of Ctrl-C.",
                    fix="Run make demo-promotion again: it begins from nothing.",
                )
            ) from None
        finally:
            command.kill()
            command.wait()
        self._console.print("\n   Ctrl-C for the command in the background", style="bold")
        self._show(printed)
        if ended is not None:
            raise KickstandError(Problem(f"The demo stopped: a command in the background ended with code {ended}."))

    def _show(self, printed: str) -> None:
        for line in printed.splitlines():
            self._console.print(line, markup=False, highlight=False, soft_wrap=True)


_LAST_WORDS_SECONDS = 60.0
"""How long an interrupted command may take to show its figures."""


def _command(line: str) -> list[str]:
    """The program of a line that somebody types, and its arguments."""
    words = shlex.split(line)
    programs = {"kickstand": [sys.executable, "-m", "cli"], "npx": _cdk()}
    return [*programs.get(words[0], [words[0]]), *words[2 if words[0] == "npx" else 1 :]]


def _clear(stage: Path, cloud: LocalCloud) -> None:
    """End and remove what an earlier run of the demo left. A folder of anything else stays."""
    if stage.exists() and any(stage.iterdir()) and not (stage / "rentals" / "kickstand.toml").exists():
        raise KickstandError(
            Problem("The folder holds something that is no earlier demo.", str(stage), "Name another: --folder DIR")
        )
    cloud.reset()
    shutil.rmtree(stage, ignore_errors=True)


def _make_project(folder: Path) -> None:
    """The project's files: the project file, the data, what git ignores."""
    data = REPOSITORY / "data"
    names = ("train.csv", "validation.csv", "test.csv")
    if not all((data / name).exists() for name in names) and run_child([sys.executable, str(data / "prepare.py")]):
        raise KickstandError(Problem("The example data cannot be prepared.", str(data / "prepare.py")))
    (folder / "data").mkdir(parents=True)
    for name in names:
        shutil.copyfile(data / name, folder / "data" / name)
    shutil.copyfile(data / "promotion.toml", folder / "kickstand.toml")
    (folder / ".gitignore").write_text("data/*.csv\nkeys/*.pem\nreview/\n", "utf-8")


def _variables(cloud: LocalCloud, project: Project, folder: Path) -> dict[str, str]:
    """The environment of a terminal that was pointed at the local cloud (`kickstand local env`)."""
    dev = project.environments["dev"]
    variables = {name: value for name, value in os.environ.items() if name not in CLEARED}
    variables |= cloud.environment(dev.account, dev.region)
    # Each environment has a profile of its own, and it alone is used.
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        variables.pop(name, None)
    variables["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), variables.get("PATH", "")])
    who = {"NAME": "Ana", "EMAIL": "ana@example.com"}
    variables |= {f"GIT_{role}_{key}": value for role in ("AUTHOR", "COMMITTER") for key, value in who.items()}
    return variables | {"KICKSTAND_LOCAL_STATE": str(cloud.folder.root), "PWD": str(folder)}


def _bootstraps(project: Project, environments: tuple[str, ...]) -> tuple[str, ...]:
    chosen = [project.environments[name] for name in environments if name in project.environments]  # type: ignore[index]
    return tuple(f"npx cdk bootstrap aws://{e.account}/{e.region} --profile {e.profile}" for e in chosen)


def _cdk() -> list[str]:
    return [node(), str(CLI)]


def _show_digests(console: Console, cloud: LocalCloud, project: Project) -> None:
    """The digest that each bucket's own object has, beside the one that each release names."""
    from kickstand.aws.s3 import parse_location, stored_object
    from kickstand.release.file import read_release, release_path

    for environment in project.environments.values():
        release = read_release(release_path(project.releases, environment.name), environment)
        s3 = cloud.client("s3", environment.account, environment.region)
        found = stored_object(s3, parse_location(release.artifact.s3_uri))
        stored = found.sha256 if found else "nothing"
        if stored != release.artifact.sha256:
            raise KickstandError(
                Problem(f"Expected {release.artifact.sha256}, found {stored}.", f"s3://{Names(environment).bucket}")
            )
        console.print(f"   {environment.name:<8} {environment.account}  {stored}", highlight=False, soft_wrap=True)


def _show_end(
    console: Console, seconds: Mapping[str, float], stage: Path, variables: Mapping[str, str], cloud: LocalCloud
) -> None:
    """Where everything is, and how to go on or end it. Plain lines, so that they can be copied whole."""
    script, folder = stage / "enter.sh", stage / "rentals"
    kept = {name: value for name, value in variables.items() if os.environ.get(name) != value and name != "PWD"}
    lines = [f"export {name}={shlex.quote(value)}" for name, value in sorted(kept.items())]
    script.write_text("\n".join([*lines, f"cd {shlex.quote(str(folder))}", ""]), "utf-8")
    say = console.print
    say(f"\nDone in {sum(seconds.values()):.0f} s", style="bold green")
    for label, value in (
        ("look at", folder / "review" / "prod" / "index.html"),
        ("go on", f"source {script}"),
        ("", "kickstand release show prod; kickstand gate staging; kickstand review prod"),
        ("stop", f"KICKSTAND_LOCAL_STATE={cloud.folder.root} kickstand local stop"),
    ):
        say(f"  {label:<9}{value}")
