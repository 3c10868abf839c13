"""A release, and what differs between two, as lines of text for a person. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from kickstand.release.history import LineageStep, gate_sentence, lineage, overrides, trained_in
from kickstand.release.model import Channel, Release
from kickstand.text import labelled, labelled_rows, plain
from kickstand.xgboost_container import models_sentence, rounds_sentence

__all__ = ["overrides", "release_lines"]


def release_lines(release: Release, place: str) -> list[str]:
    """A whole release. place: its file, as the user finds it."""
    return list(_release_lines(release, place))


def _release_lines(release: Release, place: str) -> Iterator[str]:
    job, artifact = release.training_job, release.artifact
    steps, several = lineage(release), models_sentence(release.hyperparameters)
    yield plain(f"{release.environment} of {release.project}: {place}")
    yield from labelled_rows(
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
    yield from labelled_rows(
        ("name", job.name),
        ("ran", f"{job.started} to {job.ended}, asked for at {job.created}"),
        ("on", f"{job.instance_count} x {job.instance_type}, {job.billable_seconds:,} billable seconds"),
    )
    yield f"data (label: {release.target_transform})" if release.target_transform != "none" else "data"
    for channel in release.channels:
        yield from labelled_rows(*_data(channel))
    yield "hyperparameters"
    yield from _values(release.hyperparameters)
    yield "metrics"
    yield from _values({name: repr(value) for name, value in release.metrics.items()})
    for step in reversed(steps):
        yield from _promotion(step)
    yield from _golden(release)


def _promotion(step: LineageStep) -> Iterator[str]:
    """One promotion: who, when, why, and every gate with its figure and its limit."""
    promotion = step.promotion
    yield f"promoted from {promotion.environment} into {step.into}"
    yield from labelled_rows(
        ("by", step.who()),
        ("its release", promotion.release_sha256),
        ("approved", step.approval()),
        ("gates", step.gates()),
    )
    for gate in promotion.gates:
        yield from labelled(gate.name, gate_sentence(gate), indent=4, width=14)
    yield from labelled_rows(*(("OVERRIDDEN", one) for one in step.overrides()))


def _values(values: Mapping[str, str]) -> Iterator[str]:
    return labelled_rows(*sorted(values.items()), width=max([16, *map(len, values)]))


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
    yield from labelled("sha256", golden.sha256)
    if golden.s3_uri:
        yield from labelled("kept in", golden.s3_uri)
    for requested, answer in zip(golden.rows, golden.predictions, strict=False):
        prediction = ", ".join(map(repr, answer)) if isinstance(answer, tuple) else repr(answer)
        yield plain(f"  {requested} -> {prediction}")


_FIRST = ("artifact", "model_package_arn", "metrics", "hyperparameters", "channels", "target_transform", "algorithm")
"""What a reviewer looks for first; the other fields follow in the order of the release."""


@dataclass(frozen=True, slots=True)
class Change:
    """One field with two values; None where a release has no such field."""

    field: str
    """Dotted; a channel and a file by its name: `channels.train.rows`, `channels.train.files.train.csv.sha256`."""
    before: Any
    after: Any

    @property
    def delta(self) -> str:
        """`+0.002`, exact as the numbers are written; empty where one is no number."""
        pair = (self.before, self.after)
        if any(isinstance(value, bool) or not isinstance(value, int | float) for value in pair):
            return ""
        return f"{Decimal(repr(self.after)) - Decimal(repr(self.before)):+f}"


def differences(before: Release, after: Release) -> tuple[Change, ...]:
    """Every field that differs, the model first. The seal (`sha256`) is left out: it differs whenever another does."""
    old, new = dict(_leaves(_fields(before))), dict(_leaves(_fields(after)))
    places = list(dict.fromkeys([*new, *old]))
    changed = [Change(place, old.get(place), new.get(place)) for place in places if old.get(place) != new.get(place)]
    return tuple(sorted(changed, key=lambda change: _rank(change.field)))


def diff_lines(changes: tuple[Change, ...]) -> list[str]:
    """Changes as a person reads them, one block for each part of a release."""
    lines: list[str] = []
    part = ""
    for change in changes:
        if _part(change.field) != part:
            part = _part(change.field)
            lines.append(part)
        name = change.field.removeprefix(f"{part}.")
        lines += _change_lines(name if name != part else "", change)
    return lines


def _change_lines(name: str, change: Change) -> Iterator[str]:
    label = f"  {name}" if name else ""
    if change.before is None:
        yield f"{label}  added: {_shown(change.after)}"
    elif change.after is None:
        yield f"{label}  removed: {_shown(change.before)}"
    else:
        before, after = _shown(change.before), _shown(change.after)
        if len(before) + len(after) > 60:  # digests and places are compared one below the other
            yield from (
                (label.rstrip(), f"    - {before}", f"    + {after}") if name else (f"  - {before}", f"  + {after}")
            )
        else:
            yield f"{label}  {before} -> {after}" + (f"  ({change.delta})" if change.delta else "")


def _shown(value: Any) -> str:
    return value if isinstance(value, str) and value else repr(value)


def _fields(release: Release) -> dict[str, Any]:
    return {name: value for name, value in release.model_dump().items() if name != "sha256"}


def _leaves(value: Any, place: str = "") -> Iterator[tuple[str, Any]]:
    """The values that hold no others, each with its dotted place."""
    if isinstance(value, Mapping):
        inner = [(str(name), item) for name, item in value.items()]
    elif isinstance(value, tuple):
        inner = [(name, item) for name, item in zip(_keys(value), value, strict=True)]
    else:
        yield place, value
        return
    for name, item in inner:
        yield from _leaves(item, f"{place}.{name}" if place else name)


def _keys(items: tuple[Any, ...]) -> list[str]:
    """What tells the items of a list apart: their names where they have such (and each its own), else 1, 2, 3."""
    names = [item["name"] for item in items if isinstance(item, Mapping) and "name" in item]
    own = len(set(names)) == len(items)
    return names if own else [str(number) for number in range(1, len(items) + 1)]


def _part(field: str) -> str:
    return field.split(".")[0]


def _rank(field: str) -> int:
    """Where a field stands; the sort is stable."""
    return _FIRST.index(_part(field)) if _part(field) in _FIRST else len(_FIRST)
