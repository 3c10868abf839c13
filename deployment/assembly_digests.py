"""The digests of a project's assemblies, of the files as they are and as they were in a commit: what changes.

Offline: nothing is asked of AWS, and the same files give the same digests on every machine.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from deployment.assembly import assembly_digest
from deployment.cdk import BIN, REPOSITORY, node
from kickstand.errors import KickstandError, Problem
from kickstand.git import GitFile
from kickstand.programs import run_child

SETUP_FILES = ("package-lock.json", "package.json", "requirements-uv.lock", "requirements.lock")
"""What the synthesis runs on: where a commit has others, it is set up for itself."""


@dataclass(frozen=True, slots=True)
class Tree:
    """A checked-out state of the repository, with the programs that it is synthesised by."""

    root: Path
    """The folder of app.py."""
    programs: Path
    """Its `.venv/bin`."""
    modules: Path
    """Its `node_modules`."""

    @classmethod
    def own(cls) -> Tree:
        return cls(REPOSITORY, BIN, REPOSITORY / "node_modules")

    def synthesise(self, environment: str, config: Path, releases: Path, out: Path) -> str:
        """Make one environment's assembly in `out`, which is emptied first; its digest.

        Raises KickstandError where the synthesis fails.
        """
        shutil.rmtree(out, ignore_errors=True)
        context = {"config": config, "releases": releases, "environment": environment}
        words = (word for name, value in context.items() for word in ("--context", f"{name}={value}"))
        command = [node(), str(self.modules / "aws-cdk/bin/cdk"), "synth", f"{environment}/*", "--quiet"]
        done = subprocess.run(
            [*command, *words, "--output", str(out)],
            cwd=self.root,
            env=self._variables(),
            stdin=subprocess.DEVNULL,
            stdout=sys.stderr,  # on a runner (CI=true) the CLI says there what is no result of ours
            check=False,
        )
        if done.returncode != 0:
            raise KickstandError(
                Problem(f"The synthesis failed (exit code {done.returncode}).", f"{environment} in {self.root}")
            )
        return assembly_digest(out)

    def digests(self, environments: Sequence[str], config: Path, releases: Path, out: Path) -> dict[str, str]:
        """Each environment's digest, of an assembly made in `out/ENV`; some at a time."""
        with ThreadPoolExecutor(max_workers=min(len(environments), os.cpu_count() or 1)) as pool:
            work = {name: pool.submit(self.synthesise, name, config, releases, out / name) for name in environments}
            return {name: one.result() for name, one in work.items()}

    def _variables(self) -> Mapping[str, str]:
        variables = dict(os.environ)
        # `python` of app.py, and the node that jsii starts.
        variables["PATH"] = os.pathsep.join([str(self.programs), str(Path(node()).parent), variables.get("PATH", "")])
        variables.setdefault("CDK_DISABLE_CLI_TELEMETRY", "true")
        variables.setdefault("JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION", "1")
        return variables


@contextmanager
def commit_tree(commit: str, say: Callable[[str], None]) -> Iterator[Tree]:
    """The repository as it was in a commit, in a folder that is gone afterwards.

    It is synthesised by its own programs: those at hand, or, where its lock files are others, a set-up of its own.
    """
    with tempfile.TemporaryDirectory(prefix="kickstand-") as folder:
        root = Path(folder) / "tree"
        _git("worktree", "add", "--quiet", "--detach", str(root), commit)
        try:
            if same_setup(root, REPOSITORY):
                yield Tree(root, BIN, REPOSITORY / "node_modules")
            else:
                say(f"{commit[:12]} has other lock files: setting it up …")
                if run_child(["make", "--silent", "setup"], cwd=root, env=dict(os.environ)) != 0:
                    raise KickstandError(Problem("make setup failed.", f"commit {commit}"))
                yield Tree(root, root / ".venv" / "bin", root / "node_modules")
        finally:
            _git("worktree", "remove", "--force", str(root))


def same_setup(one: Path, other: Path) -> bool:
    """Whether two trees are synthesised by the same versions of everything."""
    return all(_content(one / name) == _content(other / name) for name in SETUP_FILES)


def digests_of_commit(
    commit: str, environments: Sequence[str], config: Path, *, say: Callable[[str], None]
) -> dict[str, str]:
    """Each environment's digest in a commit; empty where it cannot be synthesised from it (a new project, say).

    config: the project file as it is now; in the commit it lies at the same place.
    """
    git = GitFile.of(config)
    commit = git.commit(commit)
    with commit_tree(commit, say) as tree, tempfile.TemporaryDirectory(prefix="kickstand-") as out:
        then = tree.root / config.resolve().relative_to(git.folder)

        def digest(name: str) -> str:
            try:
                return tree.synthesise(name, then, then.parent / "releases", Path(out) / name)
            except KickstandError:
                say(f"{name} cannot be synthesised from {commit[:12]}: it counts as changed.")
                return ""

        with ThreadPoolExecutor(max_workers=min(len(environments), os.cpu_count() or 1)) as pool:
            return dict(zip(environments, pool.map(digest, environments), strict=True))


def _content(file: Path) -> bytes:
    return file.read_bytes() if file.is_file() else b""


def _git(*words: str) -> None:
    done = subprocess.run(
        ["git", "-C", str(REPOSITORY), "-c", "core.hooksPath=/dev/null", *words],
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        stdin=subprocess.DEVNULL,
        check=False,
    )
    if done.returncode != 0:
        raise KickstandError(Problem(f"git {words[0]} failed: {done.stderr.strip()}", str(REPOSITORY)))
