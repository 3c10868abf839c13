"""Bring a model artifact from S3 to the folder that a container reads it from."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

from kickstand.errors import InputError
from localcloud.platform.clients import reason_of, s3_client
from localcloud.platform.model_answer import HostingError
from localcloud.platform.s3_location import S3Location
from training.model.archive import extract_model


def fetch_model(model_data_url: str, folder: Path, environment: Mapping[str, str]) -> None:
    """Download model.tar.gz with the role's credentials and unpack it safely into `folder`, emptied first.

    Raises HostingError in SageMaker's words for an artifact that is not there or may not be read, and with every unsafe
    member for one that must not be unpacked.
    """
    try:
        source = S3Location.parse(model_data_url)
    except ValueError as error:
        raise HostingError(f"Failed to download model data: {error}") from None
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    with tempfile.TemporaryFile(dir=folder.parent) as archive:
        try:
            answer = s3_client(environment).get_object(Bucket=source.bucket, Key=source.key)
            shutil.copyfileobj(answer["Body"], archive, 1 << 20)
        except (ClientError, BotoCoreError) as error:
            raise HostingError(
                f"Failed to download model data for container from URL: {source.uri}. Please ensure that there is an "
                f"object located at the URL and that the role passed to CreateModel has permissions to download the "
                f"object. {reason_of(error)}"
            ) from None
        archive.seek(0)
        try:
            extract_model(archive, folder)
        except InputError as error:
            problems = " ".join(problem.message for problem in error.problems)
            raise HostingError(f"Failed to extract model data archive from URL {source.uri}. {problems}") from None
        except OSError as error:
            raise HostingError(f"Failed to extract model data archive from URL {source.uri}. {error}") from None
