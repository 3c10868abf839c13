"""Where models, learning curves and test rows are read: buckets of the project, and nothing that is not proven.

What a release says of places is not trusted: only the buckets that are passed in are read, and what is found there is
checked against the release's digests.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from kickstand.aws.s3 import ChangedObjectError, S3Location, parse_location, require_object
from kickstand.bucket import learning_curve_key, model_key
from kickstand.errors import KickstandError, Problem
from kickstand.release.model import Channel, LearningCurve
from training.evaluation.metrics import UnsoundModelError
from training.model.inspection.archive import extract_model
from training.model.inspection.model_run import find_models
from training.model.learning_curve import Curve, read_curve

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

Found = TypeVar("Found")


@dataclass(frozen=True, slots=True)
class ModelStore:
    """One artifact bucket. s3: a client that may read it, or perhaps may not."""

    s3: S3Client
    bucket: str


def fetch_models(stores: Sequence[ModelStore], sha256: str, count: int | None, folder: Path) -> tuple[Path, ...]:
    """The model of an artifact, or the models of an ensemble, unpacked below `folder`.

    count: how many the training made; None: not known.
    Raises KickstandError where no store has it; ChangedObjectError and UnsoundModelError where one has something else.
    """

    def fetch(store: ModelStore, number: int) -> tuple[Path, ...]:
        here = S3Location(store.bucket, model_key(sha256))
        _require(store, here, sha256, folder / f"{number}.tar.gz", "model artifact")
        try:
            files = extract_model(folder / f"{number}.tar.gz", folder / str(number))
            return find_models(files, count, folder=folder / str(number), where=here.uri)
        except KickstandError as error:
            raise UnsoundModelError(*error.problems) from error

    folder.mkdir()
    return _first(stores, fetch)


def fetch_curve(stores: Sequence[ModelStore], artifact_sha256: str, curve: LearningCurve) -> Curve:
    """A release's learning curve. Raises KickstandError where no store has it."""
    key = learning_curve_key(artifact_sha256)
    return _first(stores, lambda store, _: read_curve(store.s3, S3Location(store.bucket, key), curve.sha256))


def fetch_channel(stores: Sequence[ModelStore], channel: Channel, folder: Path) -> list[Path]:
    """The files of a channel, in the order of their names, below `folder`. Raises KickstandError: they are nowhere."""
    prefix = parse_location(channel.s3_uri).key

    def fetch(store: ModelStore, store_number: int) -> list[Path]:
        files = []
        for number, file in enumerate(channel.files):
            here = S3Location(store.bucket, f"{prefix}{file.name}")
            target = folder / f"{store_number}-{number}.csv"  # the name is somebody's word too
            _require(store, here, file.sha256, target, "test rows")
            files.append(target)
        return files

    folder.mkdir(exist_ok=True)  # a gate may ask again
    return _first(stores, fetch)


def _require(store: ModelStore, here: S3Location, sha256: str, file: Path, what: str) -> None:
    with file.open("wb") as out:
        require_object(store.s3, here, sha256, out, what=what)


def _first(stores: Sequence[ModelStore], fetch: Callable[[ModelStore, int], Found]) -> Found:
    """What the first store gives that has it; else KickstandError with every store's reason."""
    problems: list[Problem] = []
    for number, store in enumerate(stores):
        try:
            return fetch(store, number)
        except (ChangedObjectError, UnsoundModelError):
            raise  # another bucket's good copy is no comfort
        except KickstandError as error:
            problems += error.problems
    raise KickstandError(*problems or [Problem("No bucket is there to be read.")])
