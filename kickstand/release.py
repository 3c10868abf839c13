"""The release: exactly which model an environment serves, and where it came from.

The one thing handed from training to hosting, and from one environment to the next:
`releases/ENV.json`, committed and reviewed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from kickstand.config.model import EnvironmentName, TargetTransform

SCHEMA_VERSION = 1

Sha256 = Annotated[str, Field(pattern=r"\A[0-9a-f]{64}\z")]
"""A SHA-256 in hex; it stands in S3 keys, so nothing else may."""


class Record(BaseModel):
    """A part of a release: immutable, and without fields that the schema does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class AlgorithmUsed(Record):
    name: str
    version: str
    image_uri: str


class DataFile(Record):
    """One file of a channel: its name below the prefix, SHA-256 (hex), bytes, rows."""

    name: str
    sha256: Sha256
    size: int
    rows: int


class Channel(Record):
    """One channel as the job read it, or (test) as the endpoint is asked.

    sha256 is the digest of the listing `<file sha256>  <name>\\n`, sorted by name, which is what
    `sha256sum * | sha256sum` prints in the channel's folder; the prefix holds it.
    """

    name: str
    s3_uri: str
    content_type: str
    sha256: Sha256
    rows: int
    columns: int
    files: tuple[DataFile, ...]


class TrainingJob(Record):
    """The job that made the model. Times are UTC, `YYYY-MM-DDTHH:MM:SSZ`; billable time in seconds."""

    name: str
    arn: str
    created: str
    started: str
    ended: str
    billable_seconds: int
    instance_type: str
    instance_count: int


class Artifact(Record):
    """`models/<sha256>/model.tar.gz`: its URI, SHA-256 (hex) and bytes."""

    s3_uri: str
    sha256: Sha256
    size: int


class GoldenRows(Record):
    """A few test rows (CSV text without the label) and the predictions that this artifact gave for them.

    `sha256` is of the canonical JSON of rows and predictions. Where rows are confidential, `rows` and
    `predictions` are empty and `s3_uri` says where they are; else `s3_uri` is empty.
    """

    sha256: Sha256
    rows: tuple[str, ...] = ()
    predictions: tuple[float | tuple[float, ...], ...] = ()
    s3_uri: str = ""


class Promotion(Record):
    """Where a promoted release came from, and the gates that it passed."""

    environment: EnvironmentName
    release_sha256: Sha256
    gates: tuple[str, ...]


class Release(Record):
    """One release. Read and written by `release_file`; `sha256` covers all its other bytes."""

    schema_version: int = SCHEMA_VERSION
    project: str
    environment: EnvironmentName
    account: str
    region: str
    bucket: str
    algorithm: AlgorithmUsed
    hyperparameters: Mapping[str, str]
    target_transform: TargetTransform
    channels: tuple[Channel, ...]
    training_job: TrainingJob
    metrics: Mapping[str, float]
    """SageMaker's final metrics, by name: `{"train:rmse": 0.21, "validation:rmse": 0.29}`."""
    artifact: Artifact
    golden_rows: GoldenRows
    model_package_arn: str
    source_commit: str
    """The commit of the project file's repository; `+changes` behind it where files differed; empty outside git."""
    promoted_from: Promotion | None = None
    sha256: str = ""
