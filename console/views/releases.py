"""The release: which model, from where, by which gates and whose approval; what differs; its history; its review."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from console.reading import Part, Reads, View
from kickstand.errors import InputError, KickstandError
from kickstand.git import GitFile
from kickstand.release.file import release_path
from kickstand.release.history import (
    LineageStep,
    Revision,
    earlier_release,
    environment_history,
    lineage,
    named_release,
    trained_in,
    validation_metric,
)
from kickstand.release.view import Change, differences
from promotion.gates.approval import Package, package_of
from review.bundle import REVIEW_JSON, Bundle, read_bundle
from review.pages import review_html
from review.pages.html import TEMPLATES, sheet_policy
from review.pages.summary import verdict, worst

if TYPE_CHECKING:
    from kickstand.release.model import Release
    from kickstand.workspace import Workspace

_REVISIONS = 20
_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class Differences:
    """What this release changes against another one. place: how that one is called."""

    place: str
    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True)
class ReviewLink:
    """The review that is there. sentence: its verdict. stale: it is of another release than this one."""

    sentence: str
    tone: str
    as_of: str
    stale: bool


@dataclass(frozen=True, slots=True)
class ReleasesView:
    """What the template prints. others: environments that have a release to compare with. source: compared with."""

    sentence: str
    tone: str
    file: str
    release: Release | None
    trained_in: str
    steps: tuple[LineageStep, ...]
    package: Part[Package | None]
    review: Part[ReviewLink | None]
    review_command: str
    others: tuple[str, ...]
    source: str
    differences: Part[Differences | None]
    history: Part[tuple[Revision, ...]]
    metric_of: Any


def read_releases(reads: Reads) -> ReleasesView:
    """The environment's release, by its file, the model registry and git. query: `from`, what to compare with.

    Raises InputError: the release does not pass its checks.
    """
    workspace, source = reads.workspace, reads.query.get("from", "")
    release, path = workspace.release_or_none(), workspace.release_file
    others = tuple(
        name
        for name in workspace.project.environments
        if name != workspace.environment.name and release_path(workspace.releases, name).exists()
    )
    sentence, tone = _verdict(workspace, release)
    return ReleasesView(
        sentence=sentence,
        tone=tone,
        file=str(path),
        release=release,
        trained_in=trained_in(release) if release is not None else "",
        steps=tuple(reversed(lineage(release))) if release is not None else (),
        package=reads.part("reading the approval of the model package", lambda: _package(reads, release)),
        review=reads.part("reading the review", lambda: _review(reads, release)),
        review_command=workspace.command("review"),
        others=others,
        source=source,
        differences=reads.part("comparing releases", lambda: _differences(workspace, path, release, source)),
        history=reads.part("reading the history", lambda: _history(workspace, path)),
        metric_of=validation_metric,
    )


def _verdict(workspace: Workspace, release: Release | None) -> tuple[str, str]:
    name = workspace.environment.name
    if release is None:
        make = release_command(workspace)
        return f"{name} has no release: nothing is to be served there. Make one: {make}", "warning"
    step = next(iter(reversed(lineage(release))), None)
    came = f"promoted from {step.promotion.environment}" if step else f"trained in {trained_in(release)}"
    return f"{name} is to serve model {release.artifact.sha256[:12]}, {came}.", "note"


def release_command(workspace: Workspace) -> str:
    """What makes the environment's first release: a promotion into it, or a training job of its own."""
    source = workspace.environment.promotes_from
    return workspace.typed(f"promote {source} {workspace.environment.name}") if source else workspace.command("fit")


def _package(reads: Reads, release: Release | None) -> Package | None:
    if release is None or not release.model_package_arn:
        return None
    return package_of(reads.client("sagemaker").describe_model_package(ModelPackageName=release.model_package_arn))


def _differences(workspace: Workspace, path: Path, release: Release | None, source: str) -> Differences | None:
    """Against what the address names, an environment or a commit; else the one before it in git, if there is one."""
    if release is None:
        return None
    if source:
        if source not in workspace.project.environments and not _is_commit(source):
            raise InputError(f"There is no environment and no commit {source!r} to compare with.")
        place, before = named_release(source, path, workspace.project)
    else:
        try:
            place, before = earlier_release(path, release)
        except KickstandError:
            return None  # the page says that git has none
    return Differences(place, differences(before, release))


def _is_commit(text: str) -> bool:
    """A commit's id: nothing that git would take for an option, and no path."""
    return 7 <= len(text) <= 64 and set(text) <= set("0123456789abcdef")


def _history(workspace: Workspace, path: Path) -> tuple[Revision, ...]:
    try:
        return environment_history(GitFile.of(path), path, workspace.project.environments).revisions[:_REVISIONS]
    except KickstandError:
        return ()  # the page says that git has none, as of a release in the local cloud's state


def read_review(workspace: Workspace, folder: Path) -> Bundle | None:
    """The review of an environment; None where there is none. InputError: the file is none of it, or was edited."""
    file = folder / REVIEW_JSON
    return read_bundle(file, workspace.environment, make=workspace.command("review")) if file.exists() else None


def _review(reads: Reads, release: Release | None) -> ReviewLink | None:
    bundle = read_review(reads.workspace, reads.reviews)
    if bundle is None:
        return None
    stale = bundle.release_sha256 != (release.sha256 if release is not None else "")
    return ReviewLink(verdict(bundle), worst(bundle), bundle.as_of, stale)


def review_page(workspace: Workspace, folder: Path) -> tuple[str, str] | None:
    """The review as a page, drawn of its checked file, and the content policy of that page; None where there is none
    that can be shown."""
    try:
        bundle = read_review(workspace, folder)
    except KickstandError:
        return None
    if bundle is None:
        return None
    sheet = (TEMPLATES / "page.css").read_text("utf-8")
    return review_html(bundle), f"{sheet_policy(sheet)}; frame-ancestors 'none'"


def change_text(value: Any) -> str:
    """A value of a release, on one line; a dash for none."""
    if value is None:
        return "—"
    return ", ".join(f"{key}={one}" for key, one in value.items()) if isinstance(value, Mapping) else str(value)


RELEASES = View("releases", "Releases", read_releases, lambda _: _SECONDS)
