"""Where something is in S3, in the two ways that SageMaker's API lets it be said."""

from __future__ import annotations

import re
from dataclasses import dataclass

_PATH_STYLE = re.compile(r"^https://s3[.-][a-z0-9-]+\.amazonaws\.com(?:\.cn)?/(?P<bucket>[^/]+)(?:/(?P<key>.*))?$")
_S3_URI = re.compile(r"^s3://(?P<bucket>[^/]+)(?:/(?P<key>.*))?$")


@dataclass(frozen=True, slots=True)
class S3Location:
    """A bucket and a key, or a key prefix."""

    bucket: str
    key: str

    @classmethod
    def parse(cls, text: str) -> S3Location:
        """From `s3://bucket/key` or `https://s3.REGION.amazonaws.com/bucket/key`. Raises ValueError for others."""
        match = _S3_URI.match(text) or _PATH_STYLE.match(text)
        if match is None:
            raise ValueError(f"{text!r} is not an S3 URL")
        return cls(match["bucket"], match["key"] or "")

    @property
    def uri(self) -> str:
        return f"s3://{self.bucket}/{self.key}"

    def below(self, *parts: str) -> S3Location:
        """The location with `parts` appended, one slash between them."""
        return S3Location(self.bucket, "/".join([part for part in (self.key.rstrip("/"), *parts) if part]))
