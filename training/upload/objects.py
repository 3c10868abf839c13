"""Put one file at one key of S3: never over another object, and only the bytes that were checked.

What is sent is hashed as it is read, so a file that changed since the check is noticed before S3 keeps it; each request
carries its SHA-256, so what S3 keeps is what was sent.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity.html
"""

from __future__ import annotations

import base64
import hashlib
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO

from botocore.exceptions import ClientError

from kickstand.aws.errors import AWS_FAILURES, error_code
from kickstand.aws.s3 import CONFLICT, EXISTS
from kickstand.errors import KickstandError, Problem
from training.data.files import FileReport

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import CompletedPartTypeDef
    from rich.console import Console


PART = 16 << 20
"""Bytes of a part. Files of at most this size go in one request."""
_MOST_PARTS = 10_000
_PARALLEL = 4
_ATTEMPTS = 3
_SHA256_METADATA = "sha256"
"""Metadata of what is uploaded here, for people who look at a multipart object. It is a note that whoever may write
can write, so nothing is believed of it."""


@dataclass(frozen=True, slots=True)
class ObjectUpload:
    """Uploads into one bucket.

    s3:       a boto3 S3 client.
    requests: parameters of every request (`ExpectedBucketOwner`).
    writes:   parameters of every new object (encryption).
    progress: called with the bytes sent, or found in place, since the last call.
    """

    s3: S3Client
    bucket: str
    requests: Mapping[str, Any]
    writes: Mapping[str, Any]
    progress: Callable[[int], None] = lambda count: None

    def put(self, key: str, file: FileReport, *, present: bool) -> bool:
        """Make sure that `key` holds the file; whether it had to be sent.

        present: whether a listing showed the key. (Asked for a missing one, S3 answers 403 to those who may list
        their own prefixes only.)
        Raises KickstandError where another object stands there or the file has changed; botocore's errors pass.
        """
        for _ in range(_ATTEMPTS):
            if present:
                self._demand_same(key, file)
                self.progress(file.size)
                return False
            try:
                self._send(key, file)
            except ClientError as error:
                if error_code(error) not in EXISTS | CONFLICT:
                    raise
                present = error_code(error) in EXISTS  # somebody else was quicker with the same data
                continue
            return True
        message = "Somebody else is writing the same object again and again."
        raise KickstandError(Problem(message, self._uri(key), "Wait for the other upload, then run it again."))

    def _demand_same(self, key: str, file: FileReport) -> None:
        head = self.s3.head_object(Bucket=self.bucket, Key=key, ChecksumMode="ENABLED", **self.requests)
        if head["ContentLength"] == file.size and self._holds(key, head, file):
            return
        message = f"An object other than {file.path} stands at its key; nothing is written over it."
        fix = "Find out who wrote it; delete that object, then run the same command."
        raise KickstandError(Problem(message, self._uri(key), fix))

    def _holds(self, key: str, head: Mapping[str, Any], file: FileReport) -> bool:
        """Whether an object holds the file: by S3's own checksum, of the whole or of our parts, else by its bytes."""
        checksum = str(head.get("ChecksumSHA256", ""))
        if checksum and "-" not in checksum:
            return base64.b64decode(checksum).hex() == file.sha256
        if checksum and checksum == _checksum_of_parts(file):
            return True
        digest = hashlib.sha256()
        answer = self.s3.get_object(Bucket=self.bucket, Key=key, **self.requests)
        for piece in answer["Body"].iter_chunks(1 << 20):
            digest.update(piece)
        return digest.hexdigest() == file.sha256

    def _send(self, key: str, file: FileReport) -> None:
        with file.path.open("rb") as content:
            if file.size <= PART:
                self._send_whole(key, file, content)
            else:
                self._send_parts(key, file, content)

    def _send_whole(self, key: str, file: FileReport, content: BinaryIO) -> None:
        body = content.read(file.size + 1)
        digest = hashlib.sha256(body)
        _demand_unchanged(file, digest.hexdigest())
        self.s3.put_object(
            Bucket=self.bucket,
            Key=key,
            Body=body,
            ChecksumSHA256=_base64(digest.digest()),
            Metadata={_SHA256_METADATA: file.sha256},
            IfNoneMatch="*",
            **self.requests,
            **self.writes,
        )
        self.progress(len(body))

    def _send_parts(self, key: str, file: FileReport, content: BinaryIO) -> None:
        place: dict[str, Any] = {"Bucket": self.bucket, "Key": key, **self.requests}
        begun = self.s3.create_multipart_upload(
            **place, **self.writes, ChecksumAlgorithm="SHA256", Metadata={_SHA256_METADATA: file.sha256}
        )
        place["UploadId"] = begun["UploadId"]
        try:
            parts = self._parts(place, file, content)
            self.s3.complete_multipart_upload(**place, MultipartUpload={"Parts": parts}, IfNoneMatch="*")
        except BaseException:
            with suppress(*AWS_FAILURES):  # the bucket's lifecycle rule removes what stays behind
                self.s3.abort_multipart_upload(**place)
            raise

    def _parts(self, place: Mapping[str, Any], file: FileReport, content: BinaryIO) -> list[CompletedPartTypeDef]:
        """Send the file in parts, a few at a time. Raises KickstandError if it is not what was checked."""
        size = _part_size(file)
        digest = hashlib.sha256()
        parts: list[CompletedPartTypeDef] = []
        running: deque[Future[CompletedPartTypeDef]] = deque()
        with ThreadPoolExecutor(_PARALLEL, "upload") as pool:
            try:
                while body := content.read(size):
                    digest.update(body)
                    running.append(pool.submit(self._part, place, len(parts) + len(running) + 1, body))
                    if len(running) > _PARALLEL:
                        parts.append(running.popleft().result())
                parts += [part.result() for part in running]
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise
        _demand_unchanged(file, digest.hexdigest())
        return parts

    def _part(self, place: Mapping[str, Any], number: int, body: bytes) -> CompletedPartTypeDef:
        checksum = _base64(hashlib.sha256(body).digest())
        answer = self.s3.upload_part(**place, PartNumber=number, Body=body, ChecksumSHA256=checksum)
        self.progress(len(body))
        return {"PartNumber": number, "ETag": answer["ETag"], "ChecksumSHA256": checksum}

    def _uri(self, key: str) -> str:
        return f"s3://{self.bucket}/{key}"


def _part_size(file: FileReport) -> int:
    return max(PART, -(-file.size // _MOST_PARTS))


def _checksum_of_parts(file: FileReport) -> str:
    """What S3 tells of a file that was sent in our parts: a checksum of their checksums, and how many they are.

    Empty where the file has changed since it was checked.
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html, Composite checksums
    """
    whole, digests, size = hashlib.sha256(), [], _part_size(file)
    with file.path.open("rb") as content:
        while body := content.read(size):
            whole.update(body)
            digests.append(hashlib.sha256(body).digest())
    if whole.hexdigest() != file.sha256:
        return ""
    return f"{_base64(hashlib.sha256(b''.join(digests)).digest())}-{len(digests)}"


def _demand_unchanged(file: FileReport, sha256: str) -> None:
    if sha256 != file.sha256:
        message = "The file changed after it was checked; it was not uploaded."
        raise KickstandError(Problem(message, str(file.path), "Run the same command again."))


def _base64(digest: bytes) -> str:
    return base64.b64encode(digest).decode()


@contextmanager
def bytes_progress(console: Console, doing: str, total: int) -> Iterator[Callable[[int], None]]:
    """Yield a function that counts bytes; draws nothing where the console is not a terminal.

    doing: what stands before the bar, `uploading`. total: bytes expected.
    """
    if not console.is_terminal:
        yield lambda count: None
        return
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task(doing, total=total)
        yield lambda count: progress.advance(task, count)
