"""What a job writes to S3: its artifacts, packed when it ends, and its checkpoints, while it trains.

`<S3OutputPath>/<job>/output/model.tar.gz` and `output.tar.gz` have no times, owners or modes of this machine in them:
the digest of an artifact depends on the model alone. Checkpoints are synced as SageMaker does for `CheckpointConfig`:
what lies below S3Uri is there before the program starts, and every file that the program writes to LocalPath is
uploaded while it runs, whatever becomes of the job. Nothing is deleted in S3.
"""

from __future__ import annotations

import gzip
import sys
import tarfile
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from boto3.exceptions import S3UploadFailedError
from botocore.exceptions import BotoCoreError, ClientError

from localcloud.jobs.events import JobFailure
from localcloud.jobs.s3 import S3Location, reason_of, upload_result

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


_EVERY_SECONDS = 1.0
_DEFAULT_PATH = "/opt/ml/checkpoints"

Stamp = tuple[int, int]


def checkpoint_folder(request: Mapping[str, Any], base: Path) -> Path | None:
    """The folder below `base`, which stands for /opt/ml; None for a job without checkpoints."""
    settings = request.get("CheckpointConfig")
    if not settings:
        return None
    return base / PurePosixPath(local_path(settings)).relative_to("/opt/ml")


def local_path(settings: Mapping[str, Any]) -> str:
    """LocalPath of a CheckpointConfig, or its default."""
    return str(settings.get("LocalPath") or _DEFAULT_PATH)


class Checkpoints:
    """The checkpoint folders of a job's hosts and their place in S3.

    folders: one for each host. All get what is in S3; what any of them writes goes there.
    Raises JobFailure for an S3Uri that is none.
    """

    def __init__(self, s3: S3Client, uri: str, folders: Sequence[Path]) -> None:
        try:
            self._place = S3Location.parse(uri)
        except ValueError as error:
            raise JobFailure(f"ClientError: Checkpoint download failed:{error}") from None
        self._s3, self._folders = s3, tuple(folders)
        self._known: dict[Path, Stamp] = {}
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._sync, name="checkpoints", daemon=True)

    def start(self) -> None:
        """Bring what is there, and sync from now on. Raises JobFailure with SageMaker's reason."""
        prefix = self._place.below("").key
        start = f"{prefix}/" if prefix and not prefix.endswith("/") else prefix
        try:
            for page in self._s3.get_paginator("list_objects_v2").paginate(Bucket=self._place.bucket, Prefix=start):
                for entry in page.get("Contents", []):
                    path = PurePosixPath(entry["Key"].removeprefix(start))
                    if entry["Key"].endswith("/") or path.is_absolute() or ".." in path.parts:
                        continue
                    self._bring(entry["Key"], path)
        except (ClientError, BotoCoreError) as error:
            reason = f"{reason_of(error)} ({self._place.uri})"
            raise JobFailure(f"ClientError: Checkpoint download failed:{reason}") from None
        for folder in self._folders:
            folder.mkdir(parents=True, exist_ok=True)
        self._thread.start()

    def finish(self) -> None:
        """Upload what is left and end. An upload that S3 refuses is told on standard error, as nothing else waits."""
        self._ended.set()
        if self._thread.ident is not None:
            self._thread.join()
            self._upload()

    def _bring(self, key: str, path: PurePosixPath) -> None:
        content = self._s3.get_object(Bucket=self._place.bucket, Key=key)["Body"].read()
        for folder in self._folders:
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
            self._known[target] = _stamp(target)

    def _sync(self) -> None:
        while not self._ended.wait(_EVERY_SECONDS):
            self._upload()

    def _upload(self) -> None:
        for folder in self._folders:
            for file in sorted(path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()):
                try:
                    stamp = _stamp(file)
                    if self._known.get(file) == stamp:
                        continue
                    target = self._place.below(file.relative_to(folder).as_posix())
                    self._s3.upload_file(str(file), target.bucket, target.key)
                    self._known[file] = stamp
                except (ClientError, BotoCoreError, S3UploadFailedError, OSError) as error:
                    # a file may be gone before it was read: the program keeps the last ones only
                    sys.stderr.write(f"checkpoint {file.name} was not uploaded: {error}\n")


def _stamp(file: Path) -> Stamp:
    status = file.stat()
    return status.st_mtime_ns, status.st_size


def has_files(folder: Path) -> bool:
    """Whether there is any file in `folder` or below; False for a folder that does not exist."""
    return any(path.is_file() for path in folder.rglob("*"))


def pack(folder: Path, archive: Path) -> None:
    """Write everything in `folder` to the gzipped tar `archive`, paths relative to the folder, sorted.

    Links are left out: what they point to is not the job's to give away.
    """
    with (
        archive.open("wb") as out,
        gzip.GzipFile(filename="", fileobj=out, mode="wb", compresslevel=6, mtime=0) as zipped,
        tarfile.open(fileobj=zipped, mode="w", format=tarfile.USTAR_FORMAT) as tar,
    ):
        for path in sorted(folder.rglob("*")):
            if path.is_symlink() or not path.is_file():
                continue
            member = tarfile.TarInfo(path.relative_to(folder).as_posix())
            member.size = path.stat().st_size
            member.mode = 0o644
            with path.open("rb") as content:
                tar.addfile(member, content)


def upload_artifact(s3: S3Client, request: Mapping[str, Any], model: Path, folder: Path, *, whole: bool) -> str:
    """Pack and upload the model folder; return the S3 URI.

    folder: where the archive is made.
    whole:  the job was not cut short. A stopped job that left no model uploads none, and "" is returned.
    Raises JobFailure with SageMaker's reason.
    """
    if not whole and not has_files(model):
        return ""
    return _upload(s3, request, model, folder / "model.tar.gz")


def upload_output(s3: S3Client, request: Mapping[str, Any], data: Path, folder: Path) -> str:
    """Pack and upload output data; return the S3 URI, or "" where the job left none. Raises JobFailure."""
    return _upload(s3, request, data, folder / "output.tar.gz") if has_files(data) else ""


def _upload(s3: S3Client, request: Mapping[str, Any], content: Path, archive: Path) -> str:
    try:
        pack(content, archive)
        below = (request["TrainingJobName"], "output", archive.name)
        return upload_result(s3, request["OutputDataConfig"], archive, *below)
    except OSError as error:
        raise JobFailure(f"ClientError: Artifact upload failed:{error.strerror}") from None
    finally:
        archive.unlink(missing_ok=True)
