"""Where something is in S3: `s3://BUCKET/KEY`, taken apart once."""

from __future__ import annotations

from dataclasses import dataclass

from kickstand.errors import InputError, Problem


@dataclass(frozen=True, slots=True)
class S3Location:
    """A bucket and a key (or a prefix of keys)."""

    bucket: str
    key: str

    @property
    def uri(self) -> str:
        return f"s3://{self.bucket}/{self.key}"


def parse_location(uri: str) -> S3Location:
    """The location of an `s3://` URI; InputError for anything else."""
    scheme, _, rest = uri.partition("://")
    bucket, _, key = rest.partition("/")
    if scheme != "s3" or not bucket:
        raise InputError(Problem("An S3 location is written s3://BUCKET/KEY.", uri or "(empty)"))
    return S3Location(bucket, key)
