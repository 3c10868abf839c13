"""What a rollback says before and after: lines of text. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path

from kickstand.config.model import Environment
from kickstand.release_diff import diff_lines, differences
from kickstand.text import plain
from promotion.promote.earlier import Earlier
from promotion.promote.screen import added_files, deployment_commands, from_here


def rollback_lines(earlier: Earlier, name: str) -> list[str]:
    """Which release it goes back to, and what that changes."""
    release = earlier.release
    lines = [
        f"{name} goes back to the release of commit {earlier.commit[:12]}: release {release.sha256[:12]}, "
        f"model {release.artifact.sha256[:12]}.",
        *(diff_lines(differences(earlier.present, release)) if earlier.present is not None else ()),
        "",
    ]
    return [plain(line) for line in lines]


def commit_lines(earlier: Earlier, path: Path, reason: str) -> list[str]:
    """The file, and the commit that makes the rollback a part of the history."""
    subject = f"{path.stem}: back to the release of {earlier.commit[:12]}"
    message = f"{subject}: {reason.strip()}" if reason.strip() else subject
    return [
        "",
        f"{from_here(path)} is again what commit {earlier.commit[:12]} has, byte for byte.",
        "Make it a part of the history:",
        f"  git add {added_files(path)} && git commit -m {shlex.quote(plain(message))}",
    ]


def review_lines(environment: Environment, typed: Callable[[str], str]) -> list[str]:
    """What comes next where only reviewed change sets are deployed."""
    told = f"Nothing was deployed: {environment.name} is deployed by reviewed change sets alone. Then:"
    return [told, *(f"  {line}" for line in deployment_commands(environment, typed))]
