"""A release and its history as a person reads them: lines of text. Pure.

What stands in a release or a commit came from others: a control character in it is shown, not obeyed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict

from kickstand.release import Channel, Release
from kickstand.release_history import Revision, returns, validation_metric

_WIDTH = 16
_NOTHING: Mapping[str, str] = {}


def plain(text: str) -> str:
    """Text that a terminal prints as it is: control and direction characters as their escapes (`\\x1b`)."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def view(release: Release, place: str) -> list[str]:
    """A whole release. place: its file, as the user finds it."""
    return [plain(line) for line in _view(release, place)]


def story(
    revisions: tuple[Revision, ...], sources: Mapping[str, str], signatures: Mapping[str, str] = _NOTHING
) -> list[str]:
    """A history, newest first, a block a commit.

    sources:    the commits that brought the releases of the environments that this one was promoted from, by sha256.
    signatures: what is claimed of each release's signature, by the release's sha256.
    """
    back = returns(revisions)
    return [plain(line) for one in revisions for line in _told(one, sources, signatures, back.get(one.commit.id))]


def story_fields(
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
            "promoted_from": _promoted(one.release, sources),
            "signed": one.release and signatures.get(one.release.sha256),
            "earlier_promotions": [each.model_dump() for each in one.release.earlier_promotions] if one.release else [],
            "back_to": back.get(one.commit.id),
            "problems": list(one.problems),
        }
        for one in revisions
    ]


def _promoted(release: Release | None, sources: Mapping[str, str]) -> dict[str, object] | None:
    if release is None or release.promoted_from is None:
        return None
    return {**release.promoted_from.model_dump(), "commit": sources.get(release.promoted_from.release_sha256)}


def _view(release: Release, place: str) -> Iterator[str]:
    job, artifact, golden = release.training_job, release.artifact, release.golden_rows
    yield f"{release.environment} of {release.project}: {place}"
    yield from _rows(
        ("release", release.sha256),
        ("account", f"{release.account}, {release.region}"),
        ("model", artifact.sha256),
        ("", f"{artifact.s3_uri}, {artifact.size:,} bytes"),
        ("model package", release.model_package_arn),
        ("image", release.algorithm.image_uri),
        ("algorithm", f"{release.algorithm.name} {release.algorithm.version}"),
        ("source commit", release.source_commit or "none: trained outside git"),
        ("promoted from", _promotion(release)),
        *(("promoted by", f"{p.by}, {p.at}") for p in [release.promoted_from] if p is not None and p.by),
        *(("OVERRIDDEN", one) for one in overrides(release)),
    )
    yield "training job"
    yield from _rows(
        ("name", job.name),
        ("ran", f"{job.started} to {job.ended}, asked for at {job.created}"),
        ("on", f"{job.instance_count} x {job.instance_type}, {job.billable_seconds:,} billable seconds"),
    )
    yield "hyperparameters"
    yield from _rows(*sorted(release.hyperparameters.items()))
    yield "metrics"
    yield from _rows(*((name, repr(value)) for name, value in sorted(release.metrics.items())))
    yield f"data (label: {release.target_transform})" if release.target_transform != "none" else "data"
    for channel in release.channels:
        yield from _rows(*_data(channel))
    yield "golden rows"
    yield from _rows(("sha256", golden.sha256))
    if golden.s3_uri:
        yield from _rows(("kept in", golden.s3_uri))
    for row, answer in zip(golden.rows, golden.predictions, strict=False):
        yield f"  {row} -> {', '.join(map(repr, answer)) if isinstance(answer, tuple) else repr(answer)}"


def _promotion(release: Release) -> str:
    source = release.promoted_from
    if source is None:
        return "nowhere: trained for this environment"
    gates = ", ".join(gate.name for gate in source.gates if gate.passed) or "none"
    return f"{source.environment}, its release {source.release_sha256}; gates passed: {gates}"


def overrides(release: Release) -> Iterator[str]:
    """Every override on the model's way here, the latest last: `dev: latency, 312 ms, limit 200 ms; REASON (WHO)`."""
    for promotion in (*release.earlier_promotions, *((release.promoted_from,) if release.promoted_from else ())):
        asked = {gate.name: gate for gate in promotion.gates}
        for one in promotion.overrides:
            gate = asked.get(one.gate)
            measured = f": {gate.figure}, limit {gate.limit}" if gate else ""
            yield f"{one.gate} from {promotion.environment}{measured}; {one.reason} ({one.by})"


def _data(channel: Channel) -> Iterator[tuple[str, str]]:
    yield channel.name, f"{channel.rows:,} rows of {channel.columns} columns, {channel.s3_uri}"
    yield "", f"sha256 {channel.sha256}"
    for file in channel.files:
        yield "", f"{file.name}: {file.rows:,} rows, {file.size:,} bytes, sha256 {file.sha256}"


def _told(one: Revision, sources: Mapping[str, str], signatures: Mapping[str, str], back: str | None) -> Iterator[str]:
    commit = one.commit
    yield f"{commit.date}  {commit.id[:12]}  {commit.author} <{commit.email}>"
    yield f"  {commit.subject}{' (a merge)' if commit.is_merge else ''}"
    if commit.committer != commit.author:
        yield from _rows(("committed by", f"{commit.committer}, {commit.committed}"))
    if one.problems:
        yield from _rows(*(("UNREADABLE", problem) for problem in one.problems))
    elif one.release is None:
        yield from _rows(("deleted", f"{commit.path}: no release from here on"))
    else:
        release = one.release
        if back is not None:
            yield from _rows(("ROLLED BACK", f"to the release of commit {back[:12]}"))
        yield from _rows(
            ("release", release.sha256[:12]),
            ("model", release.artifact.sha256[:12]),
            ("metric", validation_metric(release)),
            ("training job", release.training_job.name),
            *(("signed", signatures[one]) for one in [release.sha256] if one in signatures),
        )
        if release.promoted_from is not None:
            digest = release.promoted_from.release_sha256
            brought = f"brought by commit {sources[digest][:12]}" if digest in sources else "which git does not have"
            yield from _rows(
                ("promoted from", f"{release.promoted_from.environment}, release {digest[:12]}, {brought}"),
                *(("promoted by", who) for who in [release.promoted_from.by] if who),
            )
        yield from _rows(*(("OVERRIDDEN", one) for one in overrides(release)))
    yield ""


def _rows(*rows: tuple[str, str]) -> Iterator[str]:
    for label, value in rows:
        yield f"  {label:<{_WIDTH}} {value}".rstrip(" ")
