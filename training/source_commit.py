"""The commit of the project's repository, as a release records it."""

from __future__ import annotations

import subprocess
from pathlib import Path


def source_commit(folder: Path) -> str:
    """`git rev-parse HEAD` in a folder, with `+changes` behind it where tracked or new files differ.

    Empty outside a repository, in one without a commit, and where there is no git.
    """
    commit = _git(folder, "rev-parse", "--verify", "HEAD")
    if not commit:
        return ""
    return f"{commit}+changes" if _git(folder, "status", "--porcelain") else commit


def _git(folder: Path, *arguments: str) -> str:
    try:
        ended = subprocess.run(["git", "-C", str(folder), *arguments], capture_output=True, text=True, check=False)
    except OSError:
        return ""
    return ended.stdout.strip() if ended.returncode == 0 else ""
