"""The layout of an environment's artifact bucket: every prefix, how long its objects live, and the keys below it.

`data/` and `models/` are the evidence and the way back of a rollback: nothing of theirs expires. A key that is made of
a SHA-256 names its content, so such an object is never written over. What lies below `capture/` and `transform/` is
neither: rows that were sent, often confidential, which are deleted in time.
"""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Prefix:
    """One prefix of the bucket, and what its lifecycle rules expire.

    name:             without the slash at its end.
    old_version_days: days after which versions that are not the latest are deleted; None: never.
    days:             days after which the latest versions are deleted too; None: never.
    """

    name: str
    old_version_days: int | None = None
    days: int | None = None

    @property
    def key(self) -> str:
        """What its keys begin with: `models/`."""
        return f"{self.name}/"

    @property
    def objects(self) -> str:
        """All its keys, as a pattern of an IAM condition: `models/*`."""
        return f"{self.name}/*"

    def arn(self, bucket_arn: str) -> str:
        """All its objects, as a resource of an IAM policy."""
        return f"{bucket_arn}/{self.name}/*"

    def below(self, name: str) -> Prefix:
        """A folder of it."""
        return Prefix(f"{self.name}/{name}")


_OLD = 90

DATA = Prefix("data")
MODELS = Prefix("models")
TRAINING = Prefix("training", old_version_days=_OLD)
"""What training jobs write: outputs and checkpoints."""
MANIFESTS = Prefix("manifests", old_version_days=_OLD)
"""One object an upload, written last: the new-data rule starts on it."""
LATEST = Prefix("latest", old_version_days=_OLD)
METRICS = Prefix("metrics", old_version_days=_OLD)
GOLDEN = Prefix("golden", old_version_days=_OLD)
"""Golden rows that are kept out of git."""
TRANSFORM = Prefix("transform", old_version_days=_OLD, days=90)
"""Rows to be transformed, and the predictions: neither evidence nor needed for a rollback, and often confidential."""
CAPTURE = Prefix("capture", old_version_days=1, days=90)
"""Requests to the endpoint and its answers. What is deleted must be gone, so its old version goes the day after."""
LOCKS = Prefix("locks")

PREFIXES = (DATA, MODELS, TRAINING, MANIFESTS, LATEST, METRICS, GOLDEN, TRANSFORM, CAPTURE, LOCKS)


def layout(*, capture_days: int) -> tuple[Prefix, ...]:
    """The prefixes, with the days after which a project has captured requests deleted."""
    return tuple(replace(prefix, days=capture_days) if prefix is CAPTURE else prefix for prefix in PREFIXES)


TRANSFORM_INPUT = TRANSFORM.below("input")
TRANSFORM_OUTPUT = TRANSFORM.below("output")

LATEST_MANIFEST = f"{LATEST.key}manifest.json"
"""The manifest of the data that was uploaded last: what the schedule trains on."""
RELEASE_LOCK = f"{LOCKS.key}release"
"""Who is promoting to the environment right now."""


def channel_prefix(channel: str, sha256: str) -> str:
    """The key prefix of a channel. It ends with a slash: a job reads everything that begins with it."""
    return f"{DATA.key}{sha256}/{channel}/"


def model_key(sha256: str) -> str:
    """The key that holds the artifact of a digest."""
    return f"{MODELS.key}{sha256}/model.tar.gz"


def learning_curve_key(artifact_sha256: str) -> str:
    """The key that holds the learning curve of an artifact."""
    return f"{MODELS.key}{artifact_sha256}/learning_curve.json"


def metrics_key(sha256: str) -> str:
    """The key of a model's metrics, by their own digest."""
    return f"{METRICS.key}{sha256}.json"


def golden_key(sha256: str) -> str:
    """The key of golden rows that are kept out of git, by their own digest."""
    return f"{GOLDEN.key}{sha256}.json"


def captured_prefix(prefix: str, artifact_sha256: str) -> str:
    """The key prefix of the requests that one model answered; SageMaker puts endpoint, variant and hour behind it.

    prefix: `[hosting.capture] prefix`, `CAPTURE` or a folder of it. It ends without a slash, as SageMaker adds one.
    """
    return f"{prefix}/{artifact_sha256}"


def manifest_key(sha256: str) -> str:
    """The key of the manifest of an upload, by its own digest."""
    return f"{MANIFESTS.key}{sha256}.json"
