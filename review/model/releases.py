"""The release that an endpoint serves now, found in git by its artifact; and what two releases say side by side."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from kickstand.aws.deployed import served
from kickstand.errors import InputError, KickstandError
from kickstand.git import GitFile
from kickstand.names import Names
from kickstand.release.history import history
from kickstand.release.model import Channel, Promotion, Release
from kickstand.text import plain
from kickstand.xgboost_container import models_sentence, rounds_sentence

if TYPE_CHECKING:
    import boto3


MOST_GOLDEN = 20
"""Golden rows that are shown."""

Row = tuple[str, str]
Pair = tuple[str, str, str]


def training_facts(release: Release) -> tuple[Row, ...]:
    """The job, the image, the commit, the times: label and text."""
    job, artifact = release.training_job, release.artifact
    facts = (
        ("training job", job.name),
        ("job ARN", job.arn),
        ("ran", f"{job.started} to {job.ended}, asked for at {job.created}"),
        ("on", f"{job.instance_count} x {job.instance_type}, {job.billable_seconds:,} billable seconds"),
        ("algorithm", f"{release.algorithm.name} {release.algorithm.version}"),
        ("image", release.algorithm.image_uri),
        ("source commit", release.source_commit or "none: trained outside git"),
        ("label", "as it is" if release.target_transform == "none" else f"{release.target_transform} of the value"),
        ("artifact", f"{artifact.s3_uri}, {artifact.size:,} bytes"),
        *([("models", several)] if (several := models_sentence(release.hyperparameters)) else []),
        *([("rounds", rounds_sentence(artifact.rounds))] if artifact.rounds else []),
        ("model package", release.model_package_arn),
    )
    return tuple((label, plain(text)) for label, text in facts)


def hyperparameter_pairs(release: Release, live: Release | None) -> tuple[Pair, ...]:
    """Name, live value, released value, by name; empty where there is none."""
    ours, theirs = release.hyperparameters, live.hyperparameters if live else {}
    return tuple(
        (plain(name), plain(theirs.get(name, "")), plain(ours.get(name, ""))) for name in sorted({*ours, *theirs})
    )


def data_pairs(release: Release, live: Release | None) -> tuple[Pair, ...]:
    """Channel, the live one's digest and rows, the released one's; in the order in which they are used."""
    ours = {channel.name: channel for channel in release.channels}
    theirs = {channel.name: channel for channel in (live.channels if live else ())}
    names = dict.fromkeys([*ours, *theirs])
    return tuple((plain(name), _channel(theirs.get(name)), _channel(ours.get(name))) for name in names)


def _channel(channel: Channel | None) -> str:
    if channel is None:
        return ""
    return f"sha256 {channel.sha256}, {channel.rows:,} rows of {channel.columns} columns"


def origin(release: Release) -> str:
    """Where a release came from, in sentences."""
    chain = [*release.earlier_promotions, *([release.promoted_from] if release.promoted_from else [])]
    if not chain:
        return f"Trained for {release.environment}; it was promoted from nowhere."
    return plain(" ".join(_promotion(one, last=one is chain[-1]) for one in reversed(chain)))


def _promotion(one: Promotion, *, last: bool) -> str:
    who = f" by {one.by}" if one.by else ""
    when = f" at {one.at}" if one.at else ""
    passed = ", ".join(gate.name for gate in one.gates if gate.passed) or "none"
    begin = "Promoted from" if last else "Before that from"
    return f"{begin} {one.environment}, its release {one.release_sha256[:12]},{who}{when}; gates passed: {passed}."


def override_sentences(release: Release) -> Iterator[str]:
    """Each override on the model's way here, as a manager reads it."""
    for promotion in (*release.earlier_promotions, *((release.promoted_from,) if release.promoted_from else ())):
        requested = {gate.name: gate for gate in promotion.gates}
        for one in promotion.overrides:
            gate = requested.get(one.gate)
            found = f" ({gate.figure}; limit {gate.limit})" if gate else ""
            way = f" when the model was promoted from {promotion.environment}"
            yield plain(f"The gate {one.gate} was overridden by {one.by}{way}, because: {one.reason}{found}")


def golden_pairs(release: Release) -> tuple[Row, ...]:
    """Golden rows and the answers to them; none where they are kept out of git."""
    golden = release.golden_rows
    rows = zip(golden.rows[:MOST_GOLDEN], golden.predictions, strict=False)
    return tuple(
        (plain(row), ", ".join(map(repr, given)) if isinstance(given, tuple) else repr(given)) for row, given in rows
    )


_KEY = re.compile(r"/models/([0-9a-f]{64})/model\.tar\.gz\Z")


def served_artifact(session: boto3.Session, names: Names) -> str:
    """SHA-256 of the artifact that the live endpoint's model names.

    Empty: there is no endpoint, or its model was not made by Kickstand.
    Three calls that read: DescribeEndpoint, DescribeEndpointConfig, DescribeModel.
    """
    live = served(session.client("sagemaker"), names.endpoint)
    found = _KEY.search(live.models[0]) if live is not None else None
    return found[1] if found else ""


def live_release(artifact: str, current: Release | None, file: Path) -> Release | None:
    """The release that brought an artifact into the environment, the latest where there are several.

    artifact: its SHA-256. current: what the release file holds now. file: that file, whose commits are searched.
    None: nothing is served, or no release in git names it.
    """
    if not artifact:
        return None
    if current is not None and current.artifact.sha256 == artifact:
        return current
    try:
        revisions = history(GitFile.of(file))
    except InputError:
        return None  # kept in no git repository: the local cloud's releases
    except KickstandError:
        return None  # no git
    for revision in revisions:
        if revision.release is not None and revision.release.artifact.sha256 == artifact:
            return revision.release
    return None
