"""The role that a job or a model works in: passed by the caller, assumed by SageMaker, asked for its artifacts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol
from urllib.parse import urlsplit

from localcloud.sagemaker.call import Caller
from localcloud.sagemaker.errors import access_denied, validation_error
from localcloud.sagemaker.scope import Scope
from localcloud.switches import MODEL_ROLE, taken

SERVICE = "sagemaker.amazonaws.com"


class Reading(Protocol):
    """What a role's credentials read in S3."""

    def has_object(self, bucket: str, key: str) -> bool:
        """Whether the object is there. Raises PermissionError where the role may not know."""

    def has_prefix(self, bucket: str, prefix: str) -> bool:
        """Whether any object begins with the prefix. Raises PermissionError where the role may not list."""


class Roles(Protocol):
    """The emulator's IAM and STS, as SageMaker uses them."""

    def environment(self, scope: Scope, role_arn: str, session: str, seconds: int) -> Mapping[str, str]:
        """AWS_* for a process in the role's name. Raises validation_error where the role cannot be assumed."""

    def reading(self, scope: Scope, role_arn: str) -> Reading:
        """S3 as the role sees it. Raises as `environment` does."""


def pass_role(caller: Caller, scope: Scope, role_arn: str) -> None:
    """Refuse a caller who may not give this role to SageMaker, or whose role is another account's."""
    if role_arn.split(":")[4] != scope.account:
        raise access_denied("Cross-account pass role is not allowed.")
    caller.require("iam:PassRole", role_arn, {"iam:PassedToService": SERVICE})


def split_s3(uri: str, region: str) -> tuple[str, str]:
    """Bucket and key of `s3://bucket/key` or of the `https://s3.REGION.amazonaws.com/bucket/key` that CDK writes."""
    parts = urlsplit(uri)
    if parts.scheme == "s3":
        return parts.netloc, parts.path.lstrip("/")
    host = parts.netloc
    if host.startswith(("s3.", "s3-")):
        bucket, _, key = parts.path.lstrip("/").partition("/")
        return bucket, key
    bucket, separator, _ = host.partition(".s3")
    if not separator:
        raise validation_error(f"The S3 URI {uri} is not in {region}.")
    return bucket, parts.path.lstrip("/")


def check_model_data(reading: Reading, url: str, role_arn: str, region: str) -> None:
    """Refuse a model whose artifact is missing, or is out of its role's reach, as CreateModel does."""
    bucket, key = split_s3(url, region)
    try:
        if taken(MODEL_ROLE):
            raise PermissionError
        there = reading.has_object(bucket, key)
    except PermissionError:
        raise validation_error(
            f'Could not access model data at {url}. Please ensure that the role "{role_arn}" exists and that its trust '
            f'relationship policy allows the action "sts:AssumeRole" for the service principal "{SERVICE}". Also '
            f'ensure that the role has "s3:GetObject" permissions and that the object is located in {region}.'
        ) from None
    if not there:
        raise validation_error(f"Could not find model data at {url}.")


def check_input_data(reading: Reading, url: str, role_arn: str, region: str) -> None:
    """Refuse a channel that holds nothing, or that its role may not list, as CreateTrainingJob does."""
    bucket, prefix = split_s3(url, region)
    try:
        there = reading.has_prefix(bucket, prefix)
    except PermissionError:
        there = False
    if not there:
        raise validation_error(
            f'No S3 objects found under S3 URL "{url}" given in input data source. Please ensure that the bucket '
            f"exists in the selected region ({region}), that objects exist under that S3 prefix, and that the role "
            f'"{role_arn}" has "s3:ListBucket" permissions on bucket "{bucket}".'
        )
