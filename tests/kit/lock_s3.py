"""S3 as a lock sees it, in memory: one object, conditional puts and deletes, a clock of its own."""

# ruff: noqa: N803  boto3's parameters

from __future__ import annotations

import io
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

from memory_s3 import refusal


@dataclass
class LockS3:
    """`now` is S3's clock; the machine's own is never asked."""

    now: datetime = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
    lock: tuple[bytes, str, datetime] | None = None
    calls: list[str] = field(default_factory=list)
    count: int = 0

    def later(self, minutes: float) -> None:
        self.now += timedelta(minutes=minutes)

    def put_object(self, *, Body: bytes, IfNoneMatch: str = "", IfMatch: str = "", **more: Any) -> dict[str, Any]:
        self.calls.append("put")
        if (IfNoneMatch and self.lock) or (IfMatch and (not self.lock or self.lock[1] != IfMatch)):
            raise refusal("PreconditionFailed", "PutObject", 412)
        self.count += 1
        self.lock = (Body, f'"{self.count}"', self.now)
        return {"ETag": self.lock[1]}

    def get_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:
        if not self.lock:
            raise refusal("NoSuchKey", "GetObject", 404)
        body, etag, modified = self.lock
        headers = {"date": format_datetime(self.now, usegmt=True)}
        answer = {"Body": io.BytesIO(body), "ETag": etag, "LastModified": modified}
        return {**answer, "ResponseMetadata": {"HTTPHeaders": headers}}

    def delete_object(self, *, Bucket: str, Key: str, IfMatch: str) -> None:
        self.calls.append("delete")
        if not self.lock or self.lock[1] != IfMatch:
            raise refusal("PreconditionFailed", "DeleteObject", 412)
        self.lock = None
