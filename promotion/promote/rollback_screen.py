"""What a rollback says before and after: lines of text. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path

from kickstand.release_diff import diff_lines, differences
from kickstand.release_view import plain
from promotion.promote.earlier import Earlier
from promotion.signing.signature_file import signature_path


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
    places = [path, signature_path(path)]
    added = " ".join(shlex.quote(str(_from_here(place))) for place in places if place.exists() or place is path)
    return [
        "",
        f"{_from_here(path)} is again what commit {earlier.commit[:12]} has, byte for byte.",
        "Make it a part of the history:",
        f"  git add {added} && git commit -m {shlex.quote(plain(message))}",
    ]


def review_lines(name: str, typed: Callable[[str], str]) -> list[str]:
    """What comes next where only reviewed change sets are deployed."""
    return [
        f"Nothing was deployed: {name} is deployed by reviewed change sets alone. Then:",
        f"  {typed(f'review {name}')}",
        f"  {typed(f'review {name} --prepare')}",
        f"  {typed(f'deploy {name} --reviewed review/{name}/review.json')}",
    ]


def _from_here(path: Path) -> Path:
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path
