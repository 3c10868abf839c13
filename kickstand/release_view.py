"""A release as a person reads it: lines of text. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from kickstand.folds import models_sentence, rounds_sentence
from kickstand.release import Channel, Release
from kickstand.release_lines import row, rows
from kickstand.release_way import Step, gate_sentence, overrides, trained_in, way
from kickstand.text import plain

__all__ = ["overrides", "view"]


def view(release: Release, place: str) -> list[str]:
    """A whole release. place: its file, as the user finds it."""
    return list(_view(release, place))


def _view(release: Release, place: str) -> Iterator[str]:
    job, artifact = release.training_job, release.artifact
    steps, several = way(release), models_sentence(release.hyperparameters)
    yield plain(f"{release.environment} of {release.project}: {place}")
    yield from rows(
        ("release", release.sha256),
        ("account", f"{release.account}, {release.region}"),
        ("model", artifact.sha256),
        ("", f"{artifact.s3_uri}, {artifact.size:,} bytes"),
        *([("models", several)] if several else []),
        *([("", rounds_sentence(artifact.rounds))] if artifact.rounds else []),
        ("model package", release.model_package_arn),
        ("image", release.algorithm.image_uri),
        ("algorithm", f"{release.algorithm.name} {release.algorithm.version}"),
        ("source commit", release.source_commit or "none: trained outside git"),
        ("promoted", " to ".join([steps[0].promotion.environment, *(one.into for one in steps)]))
        if steps
        else ("promoted", "from nowhere: trained for this environment"),
        *(("accepted with", one) for one in release.warnings),
        *(("OVERRIDDEN", one) for one in overrides(release)),
    )
    yield f"training job, in {trained_in(release)}"
    yield from rows(
        ("name", job.name),
        ("ran", f"{job.started} to {job.ended}, asked for at {job.created}"),
        ("on", f"{job.instance_count} x {job.instance_type}, {job.billable_seconds:,} billable seconds"),
    )
    yield f"data (label: {release.target_transform})" if release.target_transform != "none" else "data"
    for channel in release.channels:
        yield from rows(*_data(channel))
    yield "hyperparameters"
    yield from _values(release.hyperparameters)
    yield "metrics"
    yield from _values({name: repr(value) for name, value in release.metrics.items()})
    for step in reversed(steps):
        yield from _promotion(step)
    yield from _golden(release)


def _promotion(step: Step) -> Iterator[str]:
    """One promotion: who, when, why, and every gate with its figure and its limit."""
    promotion = step.promotion
    yield f"promoted from {promotion.environment} into {step.into}"
    yield from rows(
        ("by", step.who()),
        ("its release", promotion.release_sha256),
        ("approved", step.approval()),
        ("gates", step.gates()),
    )
    for gate in promotion.gates:
        yield from row(gate.name, gate_sentence(gate), indent=4, width=14)
    yield from rows(*(("OVERRIDDEN", one) for one in step.overrides()))


def _values(values: Mapping[str, str]) -> Iterator[str]:
    return rows(*sorted(values.items()), width=max([16, *map(len, values)]))


def _data(channel: Channel) -> Iterator[tuple[str, str]]:
    yield channel.name, f"{channel.rows:,} rows of {channel.columns} columns, sha256"
    yield "", channel.sha256
    yield "", channel.s3_uri
    for file in channel.files:
        yield "", f"{file.name}: {file.rows:,} rows, {file.size:,} bytes, sha256"
        yield "", file.sha256


def _golden(release: Release) -> Iterator[str]:
    golden = release.golden_rows
    yield "golden rows"
    yield from row("sha256", golden.sha256)
    if golden.s3_uri:
        yield from row("kept in", golden.s3_uri)
    for asked, answer in zip(golden.rows, golden.predictions, strict=False):
        told = ", ".join(map(repr, answer)) if isinstance(answer, tuple) else repr(answer)
        yield plain(f"  {asked} -> {told}")
