"""AWS clients made from an environment that is given as a value; places in S3 as SageMaker names them; uploads."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import botocore.loaders
import botocore.session
from boto3.exceptions import S3UploadFailedError
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from localcloud.jobs.events import JobFailure

if TYPE_CHECKING:
    from mypy_boto3_logs import CloudWatchLogsClient
    from mypy_boto3_s3 import S3Client


_CONFIG = Config(
    retries={"mode": "standard", "total_max_attempts": 4},
    connect_timeout=5,
    read_timeout=60,
    max_pool_connections=8,
)


def s3_client(environment: Mapping[str, str]) -> S3Client:
    """An S3 client with the credentials, endpoint and CA bundle of AWS_* in `environment`."""
    client: S3Client = _client("s3", environment)
    return client


def logs_client(environment: Mapping[str, str]) -> CloudWatchLogsClient:
    """A CloudWatch Logs client, likewise."""
    client: CloudWatchLogsClient = _client("logs", environment)
    return client


def reason_of(error: ClientError | BotoCoreError) -> str:
    """`AccessDenied (403): …` for an AWS error, the message alone for a failure to reach AWS."""
    if isinstance(error, ClientError):
        details = error.response.get("Error", {})
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", "")
        return f"{details.get('Code', 'Unknown')} ({status}): {details.get('Message', '')}"
    return str(error)


def core_session() -> botocore.session.Session:
    """A session of botocore that shares with the others of this process what was read of the services' models.

    Reading those of S3 and of logs takes 0.2 s of CPU, which each instance of an endpoint would need.
    """
    made = botocore.session.Session()
    made.register_component("data_loader", _loader())
    return made


@cache
def _loader() -> Any:
    return botocore.loaders.create_loader()


_MAKING = threading.Lock()
"""A session may make one client at a time (boto3 documentation, Session, multithreading)."""


def _client(service: Any, environment: Mapping[str, str]) -> Any:
    with _MAKING:
        return _session().client(
            service,
            region_name=environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION"),
            endpoint_url=environment.get("AWS_ENDPOINT_URL") or None,
            verify=environment.get("AWS_CA_BUNDLE") or True,
            aws_access_key_id=environment.get("AWS_ACCESS_KEY_ID"),
            aws_secret_access_key=environment.get("AWS_SECRET_ACCESS_KEY"),
            aws_session_token=environment.get("AWS_SESSION_TOKEN"),
            config=_CONFIG,
        )


@cache
def _session() -> boto3.Session:
    core = core_session()
    for setting in ("config_file", "credentials_file"):  # the user's own profiles are not the job's
        core.set_config_variable(setting, os.devnull)
    return boto3.Session(botocore_session=core)


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


_TRANSFER = TransferConfig(multipart_threshold=64 << 20, multipart_chunksize=32 << 20)


def upload_result(s3: S3Client, settings: Mapping[str, Any], file: Path, *below: str) -> str:
    """Upload one file of a job; its S3 URI. Raises JobFailure with SageMaker's reason.

    settings: OutputDataConfig or TransformOutput: where to, and with which key. below: the parts of its path there.
    """
    try:
        target = S3Location.parse(settings["S3OutputPath"]).below(*below)
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
