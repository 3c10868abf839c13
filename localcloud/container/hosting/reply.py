"""An answer of the serving program: status, body, content type."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Reply:
    """One HTTP answer. more: headers beyond the content's type and length."""

    status: int
    body: bytes = b""
    content_type: bytes = b"text/html; charset=utf-8"
    more: tuple[tuple[bytes, bytes], ...] = ()

    def headers(self) -> list[tuple[bytes, bytes]]:
        """The headers; none of content where there is no content."""
        if self.status == 204:
            return []
        return [(b"content-type", self.content_type), (b"content-length", b"%d" % len(self.body)), *self.more]
