"""The learning curve: the metrics of every round of the job that made an artifact, kept beside it.

`models/<artifact sha256>/learning_curve.json`, canonical JSON; a job's log goes some day, this stays:
{"logged_rounds": 150, "metrics": {"train:rmse": [...], "validation:rmse": [...]}, "rounds": [0, 1, ...]}
"""

from __future__ import annotations

import hashlib
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from kickstand.aws.errors import error_code, explained
from kickstand.aws.s3 import EXISTS, ArtifactBucket, S3Location, decided, require_object
from kickstand.bucket import learning_curve_key
from kickstand.errors import KickstandError, Problem
from kickstand.json_text import parse_json
from kickstand.release.file import canonical
from kickstand.release.model import LearningCurve
from training.job.log import Round

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

MOST_ROUNDS = 20_000
"""Rounds that are kept; of more, this many that are evenly spread, the first and the last among them."""
_MOST_BYTES = 64 << 20
_ABSENT = frozenset({"403", "404", "AccessDenied", "NoSuchKey", "NotFound"})


@dataclass(frozen=True, slots=True)
class Curve:
    """Metrics by round. rounds: counted from 0. metrics: by SageMaker's names, one value a round; None: no number.

    logged_rounds: how many rounds the log had; more than are here where the curve was thinned.
    """

    rounds: tuple[int, ...]
    metrics: Mapping[str, tuple[float | None, ...]]
    logged_rounds: int


def curve_of(rounds: Sequence[Round], most: int = MOST_ROUNDS) -> Curve:
    """The curve of a job's rounds, thinned evenly to `most`."""
    last = len(rounds) - 1
    shown = rounds if len(rounds) <= most else [rounds[round(n * last / (most - 1))] for n in range(most)]
    names = list(dict.fromkeys(name for done in shown for name in done.metrics))
    return Curve(
        rounds=tuple(done.number for done in shown),
        # xgboost writes `train-rmse`, SageMaker's metrics are named `train:rmse`.
        metrics={name.replace("-", ":", 1): tuple(_number(done.metrics.get(name)) for done in shown) for name in names},
        logged_rounds=len(rounds),
    )


def curve_bytes(curve: Curve) -> bytes:
    """The one text of a curve."""
    fields = {"logged_rounds": curve.logged_rounds, "metrics": curve.metrics, "rounds": curve.rounds}
    return canonical(fields).encode()


def parse_curve(body: bytes) -> Curve:
    """A curve from its text. ValueError: it is none."""
    fields = parse_json(body)
    if not isinstance(fields, dict) or set(fields) != {"logged_rounds", "metrics", "rounds"}:
        raise ValueError("it has not the fields of a learning curve")
    rounds, metrics = fields["rounds"], fields["metrics"]
    whole = isinstance(rounds, list) and all(type(number) is int for number in rounds)
    if not whole or not isinstance(metrics, dict) or type(fields["logged_rounds"]) is not int:
        raise ValueError("its rounds are not whole numbers, or its metrics have no names")
    for name, values in metrics.items():
        if not isinstance(values, list) or len(values) != len(rounds):
            raise ValueError(f"{name} has not one value a round")
        if not all(value is None or type(value) in (int, float) for value in values):
            raise ValueError(f"{name} has a value that is no number")
    read = {name: tuple(_number(value) for value in values) for name, values in metrics.items()}
    return Curve(tuple(rounds), read, fields["logged_rounds"])


def keep_curve(s3: S3Client, curve: Curve, artifact_sha256: str, bucket: ArtifactBucket) -> LearningCurve:
    """Put a curve beside its artifact; one that is there already stays, and is what is returned.

    Raises KickstandError where AWS refuses, or where something else lies there.
    """
    body, place = curve_bytes(curve), S3Location(bucket.name, learning_curve_key(artifact_sha256))
    with explained("keeping the learning curve", place.uri):
        try:
            decided(
                lambda: s3.put_object(
                    **bucket.writes, Key=place.key, Body=body, ContentType="application/json", IfNoneMatch="*"
                )
            )
        except ClientError as error:
            if error_code(error) not in EXISTS:
                raise
            kept = kept_curve(s3, artifact_sha256, bucket)
            if kept is not None:
                return kept
            raise
    return LearningCurve(s3_uri=place.uri, sha256=hashlib.sha256(body).hexdigest())


def kept_curve(s3: S3Client, artifact_sha256: str, bucket: ArtifactBucket) -> LearningCurve | None:
    """The curve that an earlier adoption of the same artifact kept; None where there is none to be seen."""
    place = S3Location(bucket.name, learning_curve_key(artifact_sha256))
    with explained("looking for an earlier learning curve", place.uri):
        try:
            body = _read(s3, place)
        except ClientError as error:
            if str(error.response.get("Error", {}).get("Code", "")) in _ABSENT:
                return None
            raise
    _parsed(body, place)
    return LearningCurve(s3_uri=place.uri, sha256=hashlib.sha256(body).hexdigest())


def kept_runs(s3: S3Client, artifact_sha256: str, bucket: ArtifactBucket) -> tuple[tuple[Round, ...], ...]:
    """The rounds of the curve that an earlier adoption kept, as the log had them; none where there are not all of them.

    Raises KickstandError where AWS refuses, or where something else lies there.
    """
    kept = kept_curve(s3, artifact_sha256, bucket)
    if kept is None:
        return ()
    curve = read_curve(s3, S3Location(bucket.name, learning_curve_key(artifact_sha256)), kept.sha256)
    if curve.rounds != tuple(range(curve.logged_rounds)):
        return ()
    names = {name: name.replace(":", "-", 1) for name in curve.metrics}
    rounds = [
        Round(
            number,
            {
                names[name]: math.nan if (one := values[number]) is None else one
                for name, values in curve.metrics.items()
            },
        )
        for number in curve.rounds
    ]
    return (tuple(rounds),)


def read_curve(s3: S3Client, place: S3Location, sha256: str) -> Curve:
    """A release's curve, from wherever a copy of it is. Raises KickstandError: gone, or changed."""
    body, fix = io.BytesIO(), "Delete that object version, or adopt the job again."
    require_object(s3, place, sha256, body, what="learning curve", fix=fix, most=_MOST_BYTES)
    return _parsed(body.getvalue(), place)


def _read(s3: S3Client, place: S3Location) -> bytes:
    return bytes(s3.get_object(Bucket=place.bucket, Key=place.key)["Body"].read(_MOST_BYTES))


def _parsed(body: bytes, place: S3Location) -> Curve:
    try:
        return parse_curve(body)
    except (ValueError, RecursionError) as error:
        message = f"This is not a learning curve: {error}. It is not written over."
        raise KickstandError(Problem(message, place.uri, "Delete that object version; adopt the job again.")) from None


def _number(value: float | None) -> float | None:
    """JSON has no infinity: xgboost prints nan and inf where a metric is none."""
    return float(value) if value is not None and math.isfinite(value) else None
