"""The history of an environment's releases as a person reads it: newest first, a block a commit. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict

from kickstand.release.history import LineageStep, Revision, lineage, returns, trained_in, validation_metric
from kickstand.release.model import Release
from kickstand.text import labelled, labelled_rows, plain, wrapped

_NOTHING: Mapping[str, str] = {}


def history_lines(
    revisions: tuple[Revision, ...], sources: Mapping[str, str], signatures: Mapping[str, str] = _NOTHING
) -> list[str]:
    """A history, newest first, a block a commit.

    sources:    the commits that brought the releases of the environments that these came from, by sha256.
    signatures: what is claimed of each release's signature, by the release's sha256.
    """
    back = returns(revisions)
    return [line for one in revisions for line in _revision_lines(one, sources, signatures, back.get(one.commit.id))]


def history_fields(
    revisions: tuple[Revision, ...], sources: Mapping[str, str], signatures: Mapping[str, str] = _NOTHING
) -> list[dict[str, object]]:
    """The same for a program: an object a commit, with null where there is nothing to tell."""
    back = returns(revisions)
    return [
        {
            "commit": asdict(one.commit),
            "release": one.release and one.release.sha256,
            "model": one.release and one.release.artifact.sha256,
            "metrics": one.release and dict(one.release.metrics),
            "training_job": one.release and one.release.training_job.name,
            "training_job_arn": one.release and one.release.training_job.arn,
            "source_commit": one.release and one.release.source_commit,
            "data": one.release and {each.name: each.sha256 for each in one.release.channels},
            "promoted_from": _promoted(one.release, sources),
            "signed": one.release and signatures.get(one.release.sha256),
            "earlier_promotions": [
                {**each.model_dump(), "commit": sources.get(each.release_sha256)}
                for each in (one.release.earlier_promotions if one.release else ())
            ],
            "back_to": back.get(one.commit.id),
            "problems": list(one.problems),
        }
        for one in revisions
    ]


def _promoted(release: Release | None, sources: Mapping[str, str]) -> dict[str, object] | None:
    if release is None or release.promoted_from is None:
        return None
    return {**release.promoted_from.model_dump(), "commit": sources.get(release.promoted_from.release_sha256)}


def _revision_lines(
    one: Revision, sources: Mapping[str, str], signatures: Mapping[str, str], back: str | None
) -> Iterator[str]:
    commit = one.commit
    yield plain(f"{commit.date}  {commit.id[:12]}  {commit.author} <{commit.email}>")
    yield from wrapped(f"{commit.subject}{' (a merge)' if commit.is_merge else ''}")
    if commit.committer != commit.author:
        yield from labelled("committed by", f"{commit.committer}, {commit.committed}")
    if one.problems:
        yield from labelled_rows(*(("UNREADABLE", problem) for problem in one.problems))
    elif one.release is None:
        yield from labelled("deleted", f"{commit.path}: no release from here on")
    else:
        if back is not None:
            yield from labelled("ROLLED BACK", f"to the release of commit {back[:12]}")
        yield from _released(one.release, sources, signatures)
    yield ""


def _released(release: Release, sources: Mapping[str, str], signatures: Mapping[str, str]) -> Iterator[str]:
    """Which model, trained where on what, signed by whom; then the way that it came, the last promotion first."""
    job = release.training_job
    code = f"commit {release.source_commit[:12]}" if release.source_commit else "outside git"
    data = ", ".join(f"{each.name} {each.sha256[:12]} ({each.rows:,} rows)" for each in release.channels)
    yield from labelled_rows(
        ("release", release.sha256[:12]),
        ("model", release.artifact.sha256[:12]),
        ("metric", validation_metric(release)),
        ("trained", f"in {trained_in(release)}, by the job {job.name}, {job.ended}, {code}"),
        ("data", data),
        *(("signed", signatures[one]) for one in [release.sha256] if one in signatures),
    )
    label = "promoted"
    for step in reversed(lineage(release)):
        yield from _step(step, label, sources)
        label = "before that"


def _step(step: LineageStep, label: str, sources: Mapping[str, str]) -> Iterator[str]:
    digest = step.promotion.release_sha256
    brought = f"brought by commit {sources[digest][:12]}" if digest in sources else "which git does not have"
    figures = step.figures()
    yield from labelled(label, f"from {step.promotion.environment} into {step.into}: release {digest[:12]}, {brought}")
    yield from labelled_rows(
        ("by", step.who()),
        ("approved", step.approval()),
        ("gates", step.gates()),
        *([("figures", figures)] if figures else []),
        indent=4,
    )
    yield from labelled_rows(*(("OVERRIDDEN", one) for one in step.overrides()))
