"""The records of a transform job: cut out of a file, gathered into payloads, filtered, joined with their answers.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateTransformJob.html (SplitType, BatchStrategy,
MaxPayloadInMB) and API_DataProcessing.html.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO, Literal

from localcloud.jobs.transform.json_path import JsonPath

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


_WHOLE = JsonPath("$", ())
_CSV = "text/csv"
_JSON = ("application/json", "application/jsonlines")


class RecordError(Exception):
    """A record or an answer that cannot be filtered or joined; the message goes to the data log."""


@dataclass(frozen=True, slots=True)
class DataProcessing:
    """Filters and join of one job. content_type: of its input, and with a join of its output too."""

    content_type: str = ""
    input_filter: JsonPath = _WHOLE
    output_filter: JsonPath = _WHOLE
    join: bool = False

    @classmethod
    def of(cls, request: Mapping[str, Any]) -> DataProcessing:
        """Of a CreateTransformJob request. Raises JsonPathError for a filter that cannot be read."""
        settings = request.get("DataProcessing") or {}
        return cls(
            content_type=str(request["TransformInput"].get("ContentType") or "").split(";")[0].strip().lower(),
            input_filter=JsonPath.parse(settings.get("InputFilter") or "$"),
            output_filter=JsonPath.parse(settings.get("OutputFilter") or "$"),
            join=settings.get("JoinSource") == "Input",
        )

    @property
    def touches_answers(self) -> bool:
        """Whether an answer has to be taken apart; else it is stored as the container gave it."""
        return self.join or not self.output_filter.whole

    def sent(self, record: bytes) -> bytes:
        """What of a record the model gets. Raises RecordError."""
        if self.input_filter.whole:
            return record
        return self._write(self._filtered(self.input_filter, self._read(record)))

    def kept(self, record: bytes, answer: bytes) -> bytes:
        """What of a record and its answer is stored. Raises RecordError."""
        if not self.touches_answers:
            return answer
        if self.join and self.output_filter.whole and self.content_type == _CSV:
            return record.rstrip(b"\r\n") + b"," + answer.rstrip(b"\r\n")
        found = self._read(answer)
        if self.join:
            found = self._joined(self._read(record), found)
        return self._write(self._filtered(self.output_filter, found))

    def answers(self, body: bytes, records: int) -> Sequence[bytes]:
        """One answer a record: the lines of a body, or for one record the whole of it.

        Raises RecordError where their number differs.
        """
        if not self.touches_answers:
            return (body,)
        if records == 1 and self.content_type in _JSON:
            return (body,)
        found = body.removesuffix(b"\n").split(b"\n") if body else []
        if len(found) != records:
            raise RecordError(f"The model gave {len(found)} answers to {records} records")
        return found

    def _joined(self, record: Any, answer: Any) -> Any:
        if self.content_type == _CSV:
            return [*record, *answer]
        if isinstance(record, dict):
            return {**record, "SageMakerOutput": answer}
        return {"SageMakerInput": record, "SageMakerOutput": answer}

    def _filtered(self, path: JsonPath, value: Any) -> Any:
        try:
            return path.select(value)
        except ValueError as error:
            raise RecordError(str(error)) from None

    def _read(self, record: bytes) -> Any:
        try:
            text = record.decode("utf-8")
            return cells_of(text) if self.content_type == _CSV else json.loads(text)
        except ValueError as error:
            raise RecordError(f"A record is not {self.content_type}: {error}") from None

    def _write(self, value: Any) -> bytes:
        if self.content_type != _CSV:
            return json.dumps(value).encode()
        return line_of(value if isinstance(value, list) else [value]).encode()


def cells_of(line: str) -> list[str]:
    """The cells of a line of CSV, as text."""
    line = line.rstrip("\r\n")
    return next(iter(csv.reader([line])), []) if '"' in line else line.split(",")


def line_of(cells: Sequence[str]) -> str:
    """A line of CSV; a cell with a comma, a quote or a line break in it is quoted."""
    if not any(set(cell) & set(',"\r\n') for cell in cells):
        return ",".join(cells)
    out = io.StringIO()
    csv.writer(out, lineterminator="").writerow(cells)
    return out.getvalue()


def assembled(parts: Iterator[bytes], assemble_with: str) -> Iterator[bytes]:
    """The parts of an output file: for AssembleWith Line each ends in a newline, for None they are put end to end."""
    for part in parts:
        yield part if assemble_with != "Line" or part.endswith(b"\n") else part + b"\n"
