"""The release: exactly which model an environment serves, and where it came from.

The one thing handed from training to hosting, and from one environment to the next:
`releases/ENV.json`, committed and reviewed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from kickstand.config.model import EnvironmentName, TargetTransform

SCHEMA_VERSION = 3

Sha256 = Annotated[str, Field(pattern=r"\A[0-9a-f]{64}\z")]
"""A SHA-256 in hex; it stands in S3 keys, so nothing else may."""


class Record(BaseModel):
    """A part of a release: immutable, and without fields that the schema does not know.

    What is said of a field here is its description in the published schema, docs/release.schema.json.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")


class AlgorithmUsed(Record):
    """The algorithm that trained the model and that serves it."""

    name: str
    """`xgboost`, SageMaker's built-in one."""
    version: str
    """The version as SageMaker writes it, `3.2-0`."""
    image_uri: str
    """The container image, which training and hosting share."""


class DataFile(Record):
    """One file of a channel."""

    name: str
    """The name below the channel's prefix."""
    sha256: Sha256
    """SHA-256 of the file's bytes, in hex."""
    size: int
    """Bytes."""
    rows: int
    """Rows; there is no header."""


class Channel(Record):
    """One channel as the job read it, or (test) as the endpoint is asked."""

    name: str
    """`train`, `validation` or `test`."""
    s3_uri: str
    """The prefix that holds the files: `s3://BUCKET/data/<sha256>/<name>/`."""
    content_type: str
    """The media type that SageMaker was told."""
    sha256: Sha256
    """SHA-256 of the listing `<file sha256>  <name>\\n`, sorted by name: `sha256sum * | sha256sum` in its folder."""
    rows: int
    """Rows of all files together."""
    columns: int
    """Columns of every row, the label among them."""
    files: tuple[DataFile, ...]
    """The files, sorted by name."""


class TrainingJob(Record):
    """The job that made the model. Times are UTC, `YYYY-MM-DDTHH:MM:SSZ`."""

    name: str
    """Its name in SageMaker."""
    arn: str
    """Its ARN; another account's where the release was promoted."""
    created: str
    """When it was asked for."""
    started: str
    """When its instances began to work."""
    ended: str
    """When it ended."""
    billable_seconds: int
    """Seconds that are charged, of each instance."""
    instance_type: str
    """What it ran on, `ml.m5.xlarge`."""
    instance_count: int
    """On how many."""


class Artifact(Record):
    """The model artifact, `models/<sha256>/model.tar.gz`."""

    s3_uri: str
    """Where it is; its content names the place."""
    sha256: Sha256
    """SHA-256 of its bytes, in hex."""
    size: int
    """Bytes."""
    rounds: tuple[int, ...] = ()
    """Boosting rounds of the model, of a cross-validation of each fold's; empty in releases of schema 1 and 2."""


class GoldenRows(Record):
    """A few test rows and the predictions that this artifact gave for them.

    Where rows are confidential, `rows` and `predictions` are empty and `s3_uri` says where they are.
    """

    sha256: Sha256
    """SHA-256 of the canonical JSON of rows and predictions."""
    rows: tuple[str, ...] = ()
    """CSV text without the label, one a row."""
    predictions: tuple[float | tuple[float, ...], ...] = ()
    """What the artifact answered, in the order of the rows; several numbers a row for several classes."""
    s3_uri: str = ""
    """Where confidential rows and predictions are; else empty."""


class LearningCurve(Record):
    """The metrics of every round of training, kept beside the artifact as `learning_curve.json`."""

    s3_uri: str
    """Where it is: `s3://BUCKET/models/<artifact sha256>/learning_curve.json`."""
    sha256: Sha256
    """SHA-256 of its bytes, in hex."""


class GateResult(Record):
    """One gate as it was asked when the release was promoted."""

    name: str
    """The gate's name, as `kickstand gate` prints it."""
    passed: bool
    """Whether the model passed; a failed one stands here only beside its override."""
    figure: str
    """What was measured, in words."""
    limit: str
    """What was demanded, in words."""


class Override(Record):
    """A failed gate that somebody overrode. It stays in this release and in all that are promoted from it."""

    gate: str
    """The gate's name."""
    reason: str
    """Why, in the words of who did it."""
    by: str
    """ARN of who did it, as AWS knows them."""


class Promotion(Record):
    """Where a promoted release came from, the gates that it was asked, and who promoted it."""

    environment: EnvironmentName
    """The environment that served the model before."""
    release_sha256: Sha256
    """The `sha256` of that environment's release."""
    gates: tuple[GateResult, ...]
    """The gates that were asked, by name."""
    overrides: tuple[Override, ...]
    """Failed gates that were overridden; empty where all were passed."""
    by: str
    """ARN of who promoted, as AWS knows them; empty where an older Kickstand did not record it."""
    at: str
    """When, UTC, `YYYY-MM-DDTHH:MM:SSZ`; empty where an older Kickstand did not record it."""


class Release(Record):
    """One release: exactly which model an environment serves, and where it came from."""

    # Read and written by release_file.
    schema_version: int = SCHEMA_VERSION
    """The version of this schema."""
    project: str
    """The project's name."""
    environment: EnvironmentName
    """The environment that serves the model."""
    account: str
    """The environment's AWS account, 12 digits."""
    region: str
    """The environment's region."""
    bucket: str
    """The environment's artifact bucket."""
    algorithm: AlgorithmUsed
    """The algorithm, its version and its image."""
    hyperparameters: Mapping[str, str]
    """What the job was given, under SageMaker's names; every value a string."""
    target_transform: TargetTransform
    """What was done to the label before training; undone where original units are asked for."""
    channels: tuple[Channel, ...]
    """The data, channel by channel."""
    training_job: TrainingJob
    """The job that made the model."""
    metrics: Mapping[str, float]
    """The job's figures of this very model, by name: `{"train:rmse": 0.21, "validation:rmse": 0.29}`.

    Of the model's last round, which early stopping makes an earlier one than the job's last; of a cross-validation the
    mean over its folds. What is not known of this model, or is no number, is not here but in `warnings`.
    """
    artifact: Artifact
    """The model artifact."""
    golden_rows: GoldenRows
    """Test rows and the answers that the endpoint must give to them."""
    model_package_arn: str
    """The version in the environment's model package group."""
    source_commit: str
    """The commit of the project file's repository; `+changes` behind it where files differed; empty outside git."""
    warnings: tuple[str, ...] = ()
    """What was accepted with a warning: of the data, the hyperparameters, the figures. Empty in releases of schema
    version 1 and 2."""
    learning_curve: LearningCurve | None = None
    """The metrics of every round; null where the job's log did not have them, and in releases of schema version 1."""
    promoted_from: Promotion | None = None
    """Where a promoted release came from; null where the model was trained for this environment."""
    earlier_promotions: tuple[Promotion, ...] = ()
    """The promotions before that one, the first first: how the model came to the environment it came from."""
    sha256: str = ""
    """SHA-256 of the canonical text of all other fields, in hex."""
