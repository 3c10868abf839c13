"""The artifact bucket as writers see it: its name, whose it is, and the key that new objects are encrypted with."""

from __future__ import annotations

from dataclasses import dataclass

from kickstand.config.model import Environment
from kickstand.names import Names


@dataclass(frozen=True, slots=True)
class ArtifactBucket:
    """owner: the account it must belong to, so that another's bucket of the same name receives nothing; None for an
    organisation's own bucket, which may be anywhere. kms_key_arn: None leaves encryption to the bucket."""

    name: str
    owner: str | None = None
    kms_key_arn: str | None = None

    @property
    def writes(self) -> dict[str, str]:
        """Parameters of every new object."""
        owner = {"ExpectedBucketOwner": self.owner} if self.owner else {}
        key = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": self.kms_key_arn} if self.kms_key_arn else {}
        return {"Bucket": self.name, **owner, **key}


def artifact_bucket(environment: Environment) -> ArtifactBucket:
    """The bucket of an environment."""
    return ArtifactBucket(
        name=Names(environment).bucket,
        owner=None if environment.storage.existing_bucket else environment.account,
        kms_key_arn=environment.storage.kms_key_arn,
    )
