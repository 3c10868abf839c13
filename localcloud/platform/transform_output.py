"""Bring an output file of a transform job to S3: `<S3OutputPath>/<path of the input>.out`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from boto3.exceptions import S3UploadFailedError
from boto3.s3.transfer import TransferConfig
from botocore.exceptions import BotoCoreError, ClientError

from localcloud.platform.clients import reason_of
from localcloud.platform.failure import JobFailure
from localcloud.platform.s3_location import S3Location

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_TRANSFER = TransferConfig(multipart_threshold=64 << 20, multipart_chunksize=32 << 20)


def upload_output(s3: S3Client, request: Mapping[str, Any], file: Path, name: str) -> str:
    """Upload one output file; its S3 URI. Raises JobFailure with SageMaker's reason."""
    settings = request["TransformOutput"]
    try:
        target = S3Location.parse(settings["S3OutputPath"]).below(name)
    except ValueError as error:
        raise JobFailure(f"ClientError: Artifact upload failed:{error}") from None
    key = settings.get("KmsKeyId")
    encryption = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key} if key else {}
    try:
        s3.upload_file(str(file), target.bucket, target.key, ExtraArgs=encryption, Config=_TRANSFER)
    except S3UploadFailedError as error:
        cause = error.__cause__ or error.__context__
        reason = reason_of(cause) if isinstance(cause, ClientError | BotoCoreError) else str(error)
        raise JobFailure(f"ClientError: Artifact upload failed:{reason} ({target.uri})") from None
    except (ClientError, BotoCoreError) as error:
        raise JobFailure(f"ClientError: Artifact upload failed:{reason_of(error)} ({target.uri})") from None
    return target.uri
