"""What a job or a model runs with: its image, and the role that the caller passes and SageMaker assumes.

The images are the built-in XGBoost in the versions that `kickstand.xgboost_container` knows.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import urlsplit

from kickstand.images import ImageTable
from kickstand.xgboost_container import OWN_IMAGE, XGBOOST
from localcloud.jobs.process.program import ForeignVariablesError, require_own_variables
from localcloud.sagemaker.api.call import Caller, Scope, access_denied, unsupported, validation_error
from localcloud.state import MODEL_ROLE, taken

_URI = re.compile(
    r"(?P<account>\d{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.(?P<domain>[a-z0-9.-]+)/"
    r"(?P<repository>[^:@]+)(?:(?P<separator>[:@])(?P<tag>.+))?"
)


def check_environment(holder: Mapping[str, Any]) -> None:
    """Refuse variables in the member `Environment` that are not the image's own. Raises ServiceError, naming them."""
    try:
        require_own_variables(holder.get("Environment") or {})
    except ForeignVariablesError as error:
        raise validation_error(str(error)) from None


@dataclass(frozen=True, slots=True)
class Image:
    """An image URI taken apart; `tag` is empty where there is none."""

    account: str
    region: str
    domain: str
    repository: str
    tag: str
    uri: str

    def repository_arn(self, partition: str) -> str:
        """What IAM is asked about the image."""
        return f"arn:{partition}:ecr:{self.region}:{self.account}:repository/{self.repository}"


def parse_image(uri: str) -> Image | None:
    """The parts of an ECR image URI; None where it is none."""
    match = _URI.fullmatch(uri)
    if match is None:
        return None
    return Image(match["account"], match["region"], match["domain"], match["repository"], match["tag"] or "", uri)


class Images:
    """Which image URIs the local cloud runs.

    registries: prefixes `<account>.dkr.ecr.<region>.<domain>` by region. Empty: any registry account is accepted,
    and the region is still compared.
    """

    def __init__(self, registries: Mapping[str, str]) -> None:
        self._registries = registries

    @classmethod
    def of(cls, table: ImageTable) -> Images:
        """AWS's own images, in the registries of a table."""
        return cls(
            {
                region: f"{account}.dkr.ecr.{region}.{table.domains[region]}"
                for region, account in table.accounts.items()
            }
        )

    def check(self, uri: str, region: str) -> Image:
        """The image, if the local cloud can stand in for it; else a ValidationException that names why."""
        image = parse_image(uri)
        if image is None or image.repository != "sagemaker-xgboost":
            raise unsupported(f"The image {uri} (anything but the built-in sagemaker-xgboost)")
        expected = self._registries.get(region)
        if self._registries and expected is None:
            raise validation_error(f"There is no built-in XGBoost image in {region}.")
        registry = f"{image.account}.dkr.ecr.{image.region}.{image.domain}"
        if image.region != region or (expected is not None and registry != expected):
            place = f" Expected {expected}/sagemaker-xgboost:{image.tag or OWN_IMAGE}." if expected else ""
            raise validation_error(
                f"Cannot pull the image {uri}: the built-in XGBoost of {region} is in another registry.{place}"
            )
        if image.tag not in XGBOOST:
            raise unsupported(
                f"XGBoost version {image.tag or 'without a tag'} (the local cloud runs {', '.join(XGBOOST)})"
            )
        return image


SERVICE = "sagemaker.amazonaws.com"


class Reading(Protocol):
    """What a role's credentials read in S3."""

    def has_object(self, bucket: str, key: str) -> bool:
        """Whether the object is there. Raises PermissionError where the role may not know."""

    def has_prefix(self, bucket: str, prefix: str) -> bool:
        """Whether any object begins with the prefix. Raises PermissionError where the role may not list."""


class Writing(Protocol):
    """What a role's credentials write to S3."""

    def put(self, bucket: str, key: str, body: bytes, kms_key: str) -> None:
        """Write an object, encrypted with a key of KMS where one is named. Raises what S3 refuses."""


class Roles(Protocol):
    """The emulator's IAM and STS, as SageMaker uses them."""

    def environment(self, scope: Scope, role_arn: str, session: str, seconds: int) -> Mapping[str, str]:
        """AWS_* for a process in the role's name. Raises validation_error where the role cannot be assumed."""

    def reading(self, scope: Scope, role_arn: str) -> Reading:
        """S3 as the role sees it. Raises as `environment` does."""

    def writing(self, scope: Scope, role_arn: str) -> Writing:
        """S3 as the role writes to it. Raises as `environment` does."""

    def denial(self, scope: Scope, role_arn: str, action: str, resource: str) -> str:
        """IAM's message where the role may not do an action on a resource; empty where it may."""


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
