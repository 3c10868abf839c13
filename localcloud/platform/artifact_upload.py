"""Bring what a job made to S3: `<S3OutputPath>/<job>/output/model.tar.gz` and `output.tar.gz`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from boto3.exceptions import S3UploadFailedError
from boto3.s3.transfer import TransferConfig
from botocore.exceptions import BotoCoreError, ClientError

from localcloud.platform.archive import has_files, pack
from localcloud.platform.clients import reason_of
from localcloud.platform.failure import JobFailure
from localcloud.platform.s3_location import S3Location

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_TRANSFER = TransferConfig(multipart_threshold=64 << 20, multipart_chunksize=32 << 20)


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
    settings = request["OutputDataConfig"]
    try:
        target = S3Location.parse(settings["S3OutputPath"]).below(request["TrainingJobName"], "output", archive.name)
    except ValueError as error:
        raise JobFailure(f"ClientError: Artifact upload failed:{error}") from None
    key = settings.get("KmsKeyId")
    encryption = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key} if key else {}
    try:
        pack(content, archive)
        s3.upload_file(str(archive), target.bucket, target.key, ExtraArgs=encryption, Config=_TRANSFER)
    except S3UploadFailedError as error:
        cause = error.__cause__ or error.__context__
        reason = reason_of(cause) if isinstance(cause, ClientError | BotoCoreError) else str(error)
        raise JobFailure(f"ClientError: Artifact upload failed:{reason} ({target.uri})") from None
    except (ClientError, BotoCoreError) as error:
        raise JobFailure(f"ClientError: Artifact upload failed:{reason_of(error)} ({target.uri})") from None
    except OSError as error:
        raise JobFailure(f"ClientError: Artifact upload failed:{error.strerror}") from None
    finally:
        archive.unlink(missing_ok=True)
    return target.uri
