"""An input file of a transform job, cut into records, and the records gathered into payloads.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateTransformJob.html: SplitType, BatchStrategy,
MaxPayloadInMB.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import BinaryIO, Literal

MEGABYTE = 1024**2
_BLOCK = 1 << 20
BatchStrategy = Literal["MultiRecord", "SingleRecord"]


class PayloadTooLarge(Exception):  # noqa: N818  the words of the data log are its message
    """One record is over the payload limit."""

    def __init__(self) -> None:
        super().__init__("Too much data for max payload size")


@dataclass(frozen=True, slots=True)
class Payload:
    """The records of one request: whole lines, or the one whole file."""

    records: tuple[bytes, ...]

    def body(self, records: Iterable[bytes] | None = None) -> bytes:
        """What is sent: the records (or what a filter made of them), a newline between each two."""
        return b"\n".join(self.records if records is None else records)


def lines_of(source: BinaryIO, limit: int) -> Iterator[bytes]:
    """The lines of a stream without their newlines; the last one may lack it.

    limit: bytes; raises PayloadTooLarge for a longer line, without reading it whole.
    """
    rest = b""
    while block := source.read(_BLOCK):
        *whole, rest = (rest + block).split(b"\n")
        yield from whole
        if len(rest) > limit:
            raise PayloadTooLarge
    if rest:
        yield rest


def records_of(source: BinaryIO, split: str, limit: int) -> Iterator[bytes]:
    """The records of a file: its lines for the SplitType Line, for None the whole of it.

    Raises PayloadTooLarge for a record of more than `limit` bytes.
    """
    if split == "Line":
        yield from lines_of(source, limit)
        return
    whole = source.read(limit + 1)
    if len(whole) > limit:
        raise PayloadTooLarge
    yield whole


def payloads_of(records: Iterable[bytes], strategy: BatchStrategy, limit: int) -> Iterator[Payload]:
    """Records in their order, as many in a payload as fit into `limit` bytes, or one in each.

    Raises PayloadTooLarge for a record that does not fit by itself.
    """
    waiting: list[bytes] = []
    size = 0
    for record in records:
        if len(record) > limit:
            raise PayloadTooLarge
        longer = size + len(record) + (1 if waiting else 0)
        if waiting and (strategy == "SingleRecord" or longer > limit):
            yield Payload(tuple(waiting))
            waiting, longer = [], len(record)
        waiting.append(record)
        size = longer
    if waiting:
        yield Payload(tuple(waiting))
