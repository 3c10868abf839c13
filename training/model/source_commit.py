"""The commit of the project's repository, as a release records it."""

from __future__ import annotations

import subprocess
from pathlib import Path


def source_commit(folder: Path, *, releases: Path) -> str:
    """`git rev-parse HEAD` in a folder, with `+changes` behind it where its repository differs from that commit.

    releases: the folder of the release files, whose changes are no changes of the source.
    Empty outside a repository, in one without a commit, and where there is no git.
    """
    commit = _git(folder, "rev-parse", "--verify", "HEAD")
    top = _git(folder, "rev-parse", "--show-toplevel")
    if not commit or not top:
        return ""
    paths = [":(top)"]
    if releases.resolve().is_relative_to(Path(top).resolve()):
        paths.append(f":(top,exclude){releases.resolve().relative_to(Path(top).resolve()).as_posix()}")
    return f"{commit}+changes" if _git(folder, "status", "--porcelain", "--", *paths) else commit


def _git(folder: Path, *arguments: str) -> str:
    command = ["git", "-C", str(folder), "--no-optional-locks", *arguments]
    try:
        ended = subprocess.run(command, capture_output=True, encoding="utf-8", errors="replace", check=False)
    except OSError:
        return ""
    return ended.stdout.strip() if ended.returncode == 0 else ""
