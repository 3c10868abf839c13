"""What a promotion says at its end, or would do: lines of text. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from pathlib import Path

from kickstand.config.model import Environment
from kickstand.release import Override, Release
from kickstand.text import plain
from promotion.place import Place
from promotion.promote.pull import pieces_of


def begin_lines(release: Release, target: Environment) -> list[str]:
    """What goes where."""
    job = release.training_job.name
    return [plain(f"{release.environment} -> {target.name}: model {release.artifact.sha256[:12]} of the job {job}")]


def done_lines(
    release: Release, written: Release, target: Place, typed: Callable[[str], str], *, in_git: bool
) -> list[str]:
    """The digest at both ends, the file, what was overridden, and what to type next.

    in_git: whether the release lies in the project's repository, to be committed.
    """
    name, file = written.environment, target.release_file
    origin = written.promoted_from
    return [
        "",
        f"The same bytes at both ends, SHA-256 {written.artifact.sha256}:",
        f"  {release.environment:<8} {release.artifact.s3_uri}",
        f"  {name:<8} {written.artifact.s3_uri}",
        f"Release {written.sha256[:12]} of {name}: {from_here(file)}",
        *_override_lines(origin.overrides if origin is not None else ()),
        "",
        "Next:",
        *([f"  {_commit(release, written, file)}"] if in_git else []),
        *(f"  {line}" for line in deployment_commands(target.environment, typed)),
    ]


def deployment_commands(environment: Environment, typed: Callable[[str], str]) -> list[str]:
    """What is typed to look at a new release's deployment, and to deploy it."""
    name = environment.name
    if not environment.review.require_review:
        return [typed(f"review {name}"), typed(f"deploy {name}")]
    reviewed = f"deploy {name} --reviewed review/{name}/review.json"
    return [typed(f"review {name}"), typed(f"review {name} --prepare"), typed(reviewed)]


def from_here(path: Path) -> Path:
    """A path as it is typed from here."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


def added_files(release_file: Path) -> str:
    """The release and its signature, where there is one, as the words of `git add`."""
    from promotion.signing.signature_file import signature_path

    signature = signature_path(release_file)
    files = [release_file, *([signature] if signature.exists() else [])]
    return " ".join(shlex.quote(str(from_here(file))) for file in files)


def _commit(release: Release, written: Release, file: Path) -> str:
    subject = f"{written.environment}: model {written.artifact.sha256[:12]} from {release.environment}"
    return f"git add {added_files(file)} && git commit -m {shlex.quote(subject)}"


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
        f"  write {from_here(target.release_file)}{_signed(target)}",
        *_override_lines(overrides),
        f"Nothing was written: a dry run for {environment.name}.",
    ]


def _signed(target: Place) -> str:
    from promotion.signing.sign import can_sign

    return " and its signature" if can_sign(target.environment.signing) else ""


def _override_lines(overrides: Sequence[Override]) -> list[str]:
    return [plain(f"OVERRIDDEN {one.gate}: {one.reason} ({one.by})") for one in overrides]
