"""What a promotion says at its end, or would do: lines of text. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from kickstand.release import Override, Release
from kickstand.release_view import plain
from promotion.place import Place
from promotion.promote.pull import pieces_of


def done_lines(release: Release, written: Release, file: Path, typed: Callable[[str], str]) -> list[str]:
    """The digest at both ends, the file, what was overridden, and what to type next."""
    name = written.environment
    origin = written.promoted_from
    overrides = origin.overrides if origin is not None else ()
    shown = _from_here(file)
    subject = f"{name}: model {written.artifact.sha256[:12]} from {release.environment}"
    folder = file.parent if file.parent != Path() else Path()
    return [
        "",
        f"The same bytes at both ends, SHA-256 {written.artifact.sha256}:",
        f"  {release.environment:<10} {release.artifact.s3_uri}",
        f"  {name:<10} {written.artifact.s3_uri}",
        f"Release {written.sha256[:12]} of {name}: {shown}",
        *_override_lines(overrides),
        "",
        "Next:",
        f"  git add {_from_here(folder)} && git commit -m '{subject}'",
        f"  {typed(f'review {name}')}",
        f"  {typed(f'deploy {name}')}",
    ]


def plan_lines(release: Release, candidate: Release, overrides: Sequence[Override], target: Place) -> list[str]:
    """What a promotion would do, in its order."""
    environment = target.environment
    copies = [
        f"  copy {piece.uri} to {goal.uri}"
        for piece, goal in zip(pieces_of(release), pieces_of(candidate), strict=True)
    ]
    golden = candidate.golden_rows.s3_uri
    return [
        "",
        "It would, in the role " + target.names.release_role_arn + ":",
        *copies,
        *([f"  put the golden rows into {golden}"] if golden else []),
        f"  register {release.artifact.sha256[:12]} in {target.names.model_package_group}, pending approval",
        f"  write {_from_here(target.release_file)}{_signed(target)}",
        *_override_lines(overrides),
        f"Nothing was written: a dry run for {environment.name}.",
    ]


def _signed(target: Place) -> str:
    from promotion.signing.sign import can_sign

    return " and its signature" if can_sign(target.environment.signing) else ""


def _override_lines(overrides: Sequence[Override]) -> list[str]:
    return [plain(f"OVERRIDDEN {one.gate}: {one.reason} ({one.by})") for one in overrides]


def _from_here(path: Path) -> Path:
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path
