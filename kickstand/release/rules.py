"""What a release must be beside the types of its fields: ranges, each thing once, fields that agree, and an image that
serves its model rightly. Pure.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise

from kickstand.config.model import Environment
from kickstand.errors import InputError, Problem
from kickstand.release.model import Channel, GoldenRows, Promotion, Release
from kickstand.xgboost_container import CONTENT_TYPES, kind_of, libsvm_serving

_TIME = re.compile(r"\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\dZ")
_ARN = re.compile(r"arn:aws[a-z-]*:sagemaker:[a-z0-9-]+:\d{12}:(training-job|model-package)/(.+)")
_COMMIT = re.compile(r"(?:[0-9a-f]{40}|[0-9a-f]{64})(?:\+changes)?|")
_IMAGE = re.compile(r"\d{12}\.dkr\.ecr\.[a-z0-9-]+\.[a-z.]+/sagemaker-xgboost:(\S+)")
_CHANNELS = ("train", "validation", "test")
_LARGEST = 1 << 53
"""Counts beyond it are not exact in JSON (RFC 8259, section 6)."""

Fault = tuple[str, str]
"""A dotted field, and what it must be: `("artifact.size", "must be 1 or more, not -1")`."""


def rule_faults(release: Release) -> Iterator[Fault]:
    """Every fault of a release of whichever schema version, once it is brought to this one."""
    yield from _channels(release.channels)
    yield from _job(release)
    yield from _artifact(release)
    yield from _golden(release)
    promotions = [*release.earlier_promotions, *((release.promoted_from,) if release.promoted_from else ())]
    places = [f"earlier_promotions.{number}" for number in range(len(release.earlier_promotions))] + ["promoted_from"]
    for place, promotion in zip(places, promotions, strict=False):
        yield from _promotion(place, promotion)
    for before, then in pairwise([*(one.environment for one in promotions), release.environment]):
        if before == then:
            yield "promoted_from.environment", f"must be another environment than {then}, into which it was promoted"
    if not _COMMIT.fullmatch(release.source_commit):
        yield "source_commit", "must be a commit's hash, with +changes behind it where files differed, or empty"
    yield from (("warnings", "must not hold an empty line") for one in release.warnings[:1] if not one.strip())
    yield from _once("warnings", release.warnings)


def content_faults(release: Release) -> Iterator[Fault]:
    """Digests that are not of what the release holds, and golden rows that the model does not take."""
    for number, channel in enumerate(release.channels):
        if channel.sha256 != (found := listing_digest(channel)):
            yield f"channels.{number}.sha256", f"must be the SHA-256 of the listing of its files, {found}"
    golden = release.golden_rows
    if golden.s3_uri or not golden.rows:
        return
    trained = next((one for one in release.channels if one.name == "train"), None)
    if trained is not None and kind_of(trained.content_type) == "csv":
        features = trained.columns - (2 if release.hyperparameters.get("csv_weights", "").strip() == "1" else 1)
        if any(len(row.split(",")) != features for row in golden.rows):
            yield "golden_rows.rows", f"must have {features} values each, as the model has features"
    if golden.sha256 != golden_digest(golden):
        yield "golden_rows.sha256", f"must be the SHA-256 of rows and predictions, {golden_digest(golden)}"


def _channels(channels: Sequence[Channel]) -> Iterator[Fault]:
    names = [channel.name for channel in channels]
    yield from _once("channels", names)
    if "train" not in names:
        yield "channels", "must have a channel train"
    for number, channel in enumerate(channels):
        place = f"channels.{number}"
        if channel.name not in _CHANNELS:
            yield f"{place}.name", f"must be train, validation or test, not {channel.name}"
        yield from _count(f"{place}.rows", channel.rows)
        yield from _count(f"{place}.columns", channel.columns)
        files = [file.name for file in channel.files]
        yield from _once(f"{place}.files", files)
        if not files or "" in files:
            yield f"{place}.files", "must have a file, each with a name"
        if files != sorted(files):
            yield f"{place}.files", "must be sorted by name"
        for place_of, file in ((f"{place}.files.{index}", file) for index, file in enumerate(channel.files)):
            yield from _count(f"{place_of}.size", file.size, least=0)
            yield from _count(f"{place_of}.rows", file.rows, least=0)
        if channel.rows != sum(file.rows for file in channel.files):
            yield f"{place}.rows", f"must be the rows of its files together, not {channel.rows}"


def _job(release: Release) -> Iterator[Fault]:
    job = release.training_job
    times = {"created": job.created, "started": job.started, "ended": job.ended}
    for name, text in times.items():
        yield from _time(f"training_job.{name}", text)
    for (first, before), (second, after) in pairwise(times.items()):
        if before > after:
            yield f"training_job.{second}", f"must not be before {first}, {before}"
    yield from _count("training_job.billable_seconds", job.billable_seconds, least=0)
    yield from _count("training_job.instance_count", job.instance_count)
    if not re.fullmatch(r"ml\.[a-z0-9-]+\.[a-z0-9-]+", job.instance_type):
        yield (
            "training_job.instance_type",
            f"must be an instance type of SageMaker (ml.m5.xlarge), not {job.instance_type}",
        )
    arn = _ARN.fullmatch(job.arn)
    if arn is None or arn.groups() != ("training-job", job.name):
        yield "training_job.arn", f"must be the ARN of the training job {job.name}, not {job.arn}"
    image = _IMAGE.fullmatch(release.algorithm.image_uri)
    if release.algorithm.name != "xgboost":
        yield "algorithm.name", f"must be xgboost, not {release.algorithm.name}"
    version = release.algorithm.version
    tags = (version, f"{version}-cpu-py3") if re.fullmatch(r"\d+\.\d+-\d+", version) else ()
    if image is None or image[1] not in tags:
        yield "algorithm.image_uri", f"must be SageMaker's XGBoost image of the version {version}"
    for name, value in release.metrics.items():
        if not math.isfinite(value):
            yield f"metrics.{name}", "must be a finite number"


def _artifact(release: Release) -> Iterator[Fault]:
    yield from _count("artifact.size", release.artifact.size)
    for number, rounds in enumerate(release.artifact.rounds):
        yield from _count(f"artifact.rounds.{number}", rounds)
    package = _ARN.fullmatch(release.model_package_arn)
    if package is None or package[1] != "model-package":
        yield "model_package_arn", f"must be the ARN of a model package, not {release.model_package_arn}"


def _golden(release: Release) -> Iterator[Fault]:
    golden = release.golden_rows
    if golden.s3_uri:
        place = f"s3://{release.bucket}/golden/{golden.sha256}.json"
        if golden.rows or golden.predictions:
            yield "golden_rows", "must hold no rows and predictions where s3_uri says that they are kept elsewhere"
        if golden.s3_uri != place:
            yield "golden_rows.s3_uri", f"must be {place}, where its content names it, not {golden.s3_uri}"
        return
    if len(golden.rows) != len(golden.predictions):
        yield "golden_rows", f"must have one prediction a row, not {len(golden.predictions)} for {len(golden.rows)}"
    if not golden.rows:
        yield "golden_rows.rows", "must have a row, or s3_uri must say where they are"
    if len({len(row.split(",")) for row in golden.rows}) > 1:
        yield "golden_rows.rows", "must have as many values each"
    for number, row in enumerate(golden.rows):
        if not all(map(_is_cell, row.split(","))):
            yield f"golden_rows.rows.{number}", "must be numbers separated by commas"
    shapes = {len(one) if isinstance(one, tuple) else 0 for one in golden.predictions}
    if len(shapes) > 1:
        yield "golden_rows.predictions", "must have as many numbers for each row"


def listing_digest(channel: Channel) -> str:
    """SHA-256 (hex) of the listing of a channel's files."""
    lines = (f"{file.sha256}  {file.name}\n" for file in sorted(channel.files, key=lambda file: file.name))
    return hashlib.sha256("".join(lines).encode("utf-8", "surrogatepass")).hexdigest()


def golden_digest(golden: GoldenRows) -> str:
    """SHA-256 (hex) of the canonical JSON of rows and predictions."""
    fields = {"predictions": golden.predictions, "rows": golden.rows}
    text = json.dumps(fields, sort_keys=True, indent=2, ensure_ascii=False) + "\n"
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _promotion(place: str, promotion: Promotion) -> Iterator[Fault]:
    yield from _once(f"{place}.gates", [gate.name for gate in promotion.gates])
    yield from _once(f"{place}.overrides", [one.gate for one in promotion.overrides])
    if promotion.at:
        yield from _time(f"{place}.at", promotion.at)
    for number, one in enumerate(promotion.overrides):
        if not one.reason.strip():
            yield f"{place}.overrides.{number}.reason", "must say why"


def _is_cell(text: str) -> bool:
    """Whether a cell is a number, or empty for one that is missing."""
    if "_" in text:  # a number to Python alone
        return False
    try:
        float(text or "nan")
    except ValueError:
        return False
    return True


def _count(place: str, number: int, *, least: int = 1) -> Iterator[Fault]:
    if not least <= number <= _LARGEST:
        yield place, f"must be {least} to 2^53, not {number}"


def _time(place: str, text: str) -> Iterator[Fault]:
    if not _TIME.fullmatch(text):
        yield place, f"must be a time in UTC (2026-11-23T10:11:12Z), not {text}"


def _once(place: str, names: Iterable[str]) -> Iterator[Fault]:
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        yield place, f"must name each once; {', '.join(twice[:5])} is there several times"


def serving_problems(release: Release, accepted: Mapping[str, str]) -> list[Problem]:
    """The known faults of AWS's image that callers of the release's endpoint would meet; empty where there are none.

    accepted: those that the environment accepts, each with its reason (`[known_faults]`).
    """
    trained = next((channel for channel in release.channels if channel.name == "train"), None)
    if trained is None or CONTENT_TYPES.get(trained.content_type) != "libsvm":
        return []
    place = f"release of {release.environment}: channel train is {trained.content_type}"
    return libsvm_serving(release.algorithm.version, accepted, place)


def require_serving(release: Release, accepted: Mapping[str, str]) -> None:
    """Raise InputError with everything that `serving_problems` finds."""
    problems = serving_problems(release, accepted)
    if problems:
        raise InputError(*problems)


_DEFAULT_P99_MS = 1000.0
_LEAST_P99_MS = 100.0
_TIMES = 3
"""A limit that the measured latency itself never reaches: the gate measures one request after another."""
_P99 = re.compile(r"p99 ([0-9.]+(?:e[+-]?\d+)?) ms")


def latency_limit_ms(environment: Environment, release: Release) -> float:
    """The limit of the model's latency at the 99th percentile in the environment's alarms, milliseconds.

    That of `[hosting.alarms]`; else three times what the latency gate measured when the release was promoted, 100 at
    least; else 1,000.
    """
    if environment.hosting.alarms.max_p99_ms is not None:
        return environment.hosting.alarms.max_p99_ms
    gates = release.promoted_from.gates if release.promoted_from else ()
    measured = [match for gate in gates if gate.name == "latency" and (match := _P99.match(gate.figure))]
    return max(_LEAST_P99_MS, _TIMES * float(measured[0][1])) if measured else _DEFAULT_P99_MS
