"""Which release an environment serves now: by the artifact of its live endpoint, looked up in git."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from kickstand.errors import InputError, KickstandError
from kickstand.git_file import GitFile
from kickstand.names import Names
from kickstand.release import Release
from kickstand.release_history import history

if TYPE_CHECKING:
    import boto3

_KEY = re.compile(r"/models/([0-9a-f]{64})/model\.tar\.gz\Z")


def served_artifact(session: boto3.Session, names: Names) -> str:
    """SHA-256 of the artifact that the live endpoint's model names.

    Empty: there is no endpoint, or its model was not made by Kickstand.
    Three calls that read: DescribeEndpoint, DescribeEndpointConfig, DescribeModel.
    """
    from botocore.exceptions import ClientError

    sagemaker = session.client("sagemaker")
    try:
        endpoint = sagemaker.describe_endpoint(EndpointName=names.endpoint)
        config = sagemaker.describe_endpoint_config(EndpointConfigName=endpoint["EndpointConfigName"])
        model = sagemaker.describe_model(ModelName=config["ProductionVariants"][0]["ModelName"])
    except ClientError as error:
        if error.response["Error"]["Code"] == "ValidationException":
            return ""  # SageMaker's words for a thing that is not there
        raise
    found = _KEY.search(model.get("PrimaryContainer", {}).get("ModelDataUrl", ""))
    return found[1] if found else ""


def live_release(artifact: str, current: Release | None, file: Path) -> Release | None:
    """The release that brought an artifact into the environment, the latest where there are several.

    artifact: its SHA-256. current: what the release file holds now. file: that file, whose commits are searched.
    None: nothing is served, or no release in git names it.
    """
    if not artifact:
        return None
    if current is not None and current.artifact.sha256 == artifact:
        return current
    try:
        revisions = history(GitFile.of(file))
    except InputError:
        return None  # kept in no git repository: the local cloud's releases
    except KickstandError:
        return None  # no git
    for revision in revisions:
        if revision.release is not None and revision.release.artifact.sha256 == artifact:
            return revision.release
    return None
