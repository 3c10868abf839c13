"""Roles, callers, the event bus, networks and keys as the emulator has them."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import botocore.config
import botocore.exceptions

from localcloud.jobs.s3 import core_session
from localcloud.ministack.iam import acting
from localcloud.ministack.iam.requests import find_vpc
from localcloud.ministack.iam.sts import AccessDenied, RoleNotAssumable, issue_role_credentials
from localcloud.ministack.kms.authorization import KeyRefused, KeyUse, authorize, require_usable
from localcloud.ministack.kms.keys import find_key, key_arn
from localcloud.ministack.registry import request_scope
from localcloud.ministack.stepfunctions.integrations import put_service_event
from localcloud.sagemaker.api.call import Scope, ServiceError, access_denied, validation_error
from localcloud.server.running import ServerContext

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_LOG = logging.getLogger(__name__)
_READING_SECONDS = 900


class ActingCaller:
    """The one on whose behalf the code runs: a request's caller, a state machine's role, CloudFormation."""

    def require(self, action: str, resource: str, context: Mapping[str, str] | None = None) -> None:
        try:
            acting.require(action, resource, context=context)
        except AccessDenied as refusal:
            raise access_denied(str(refusal)) from refusal

    def identity(self) -> Mapping[str, str]:
        found = acting.identity()
        return {} if found is None else {"Arn": found[0], "PrincipalId": found[1]}


class EmulatorRoles:
    """Execution roles: temporary credentials for processes, and S3 as a role sees it."""

    def __init__(self, context: ServerContext) -> None:
        self._context = context
        self._clients = _S3Clients(context.url, str(context.ca))

    def environment(self, scope: Scope, role_arn: str, session: str, seconds: int) -> Mapping[str, str]:
        credentials = _credentials(scope, role_arn, session, seconds)
        return self._context.process_environment(scope.region, **credentials)

    def reading(self, scope: Scope, role_arn: str) -> _RoleReading:
        return _RoleReading(
            self._clients.client(scope.region, _credentials(scope, role_arn, "SageMaker", _READING_SECONDS))
        )

    def writing(self, scope: Scope, role_arn: str) -> _RoleWriting:
        return _RoleWriting(
            self._clients.client(scope.region, _credentials(scope, role_arn, "SageMaker", _READING_SECONDS))
        )

    def denial(self, scope: Scope, role_arn: str, action: str, resource: str) -> str:
        source = scope.service_arn("sagemaker", "*")
        try:
            with (
                request_scope(scope.account, scope.region),
                acting.acting_as(role_arn, "sagemaker.amazonaws.com", "SageMaker", source),
            ):
                acting.require(action, resource)
        except (AccessDenied, RoleNotAssumable) as refusal:
            return str(refusal)
        return ""


class EmulatorBus:
    """The default event bus. An event that cannot be put is lost, as events may be on AWS."""

    def put(self, scope: Scope, detail_type: str, resource: str, detail: Mapping[str, Any]) -> None:
        try:
            put_service_event(
                scope.account,
                scope.region,
                source="aws.sagemaker",
                detail_type=detail_type,
                resource=resource,
                detail=detail,
            )
        except Exception:
            _LOG.exception("the event %s of %s was lost", detail_type, resource)


class EmulatorResources:
    """Subnets and security groups of EC2, keys of KMS."""

    def vpc_of(self, scope: Scope, kind: str, name: str) -> str | None:
        return find_vpc(kind, name, scope.account, scope.region)

    def key_problem(self, scope: Scope, key: str) -> str:
        arn = key_arn(key, scope.account, scope.region)
        found = find_key(arn) if arn.count(":") == 5 else None
        if found is None:
            return f"Alias {arn} is not found." if ":alias/" in arn else f"Key '{arn}' does not exist"
        try:
            require_usable(found, KeyUse("kms:GenerateDataKey", "sagemaker", scope.region))
        except KeyRefused as refusal:
            return str(refusal)
        return ""

    def key_denial(self, scope: Scope, key: str, actions: tuple[str, ...], role_arn: str) -> str:
        arn = key_arn(key, scope.account, scope.region)
        for action in actions:
            volumes = action == "kms:CreateGrant"
            use = KeyUse(action, "sagemaker" if volumes else "s3", scope.region, for_aws_resource=volumes)
            keys = [_role_key(scope, role_arn)] if role_arn else []
            keys += [acting.access_key()] if volumes else []
            if denials := _denials(use, arn, keys):
                return denials[0]
        return ""


def _denials(use: KeyUse, arn: str, access_keys: list[str | None]) -> list[str]:
    """The messages of those who may not use a key; empty where one of them may, a service in its own name too."""
    found = []
    for access_key in access_keys:
        try:
            if access_key is not None:
                authorize(use, arn, access_key=access_key)
        except KeyRefused as refusal:
            found.append(str(refusal))
        else:
            return []
    return found


def _role_key(scope: Scope, role_arn: str) -> str | None:
    """The access key of a session of a role; None for one that cannot be assumed, which is refused elsewhere."""
    try:
        return _credentials(scope, role_arn, "SageMaker", _READING_SECONDS)["access_key_id"]
    except ServiceError:
        return None


class _RoleReading:
    def __init__(self, client: S3Client) -> None:
        self._client = client

    def has_object(self, bucket: str, key: str) -> bool:
        return _there(lambda: self._client.head_object(Bucket=bucket, Key=key)) is not None

    def has_prefix(self, bucket: str, prefix: str) -> bool:
        found = _there(lambda: self._client.list_objects_v2(Bucket=bucket, Prefix=prefix, MaxKeys=1))
        return bool(found and found["KeyCount"])


class _RoleWriting:
    def __init__(self, client: S3Client) -> None:
        self._client = client

    def put(self, bucket: str, key: str, body: bytes, kms_key: str) -> None:
        if kms_key:
            self._client.put_object(
                Bucket=bucket, Key=key, Body=body, ServerSideEncryption="aws:kms", SSEKMSKeyId=kms_key
            )
        else:
            self._client.put_object(Bucket=bucket, Key=key, Body=body)


def _there(read: Callable[[], Any]) -> Any | None:
    """The answer, None for 404. Raises PermissionError for 403."""
    try:
        return read()
    except botocore.exceptions.ClientError as error:
        status = error.response["ResponseMetadata"]["HTTPStatusCode"]
        if status == 403:
            raise PermissionError(str(error)) from error
        if status == 404:
            return None
        raise


class _S3Clients:
    """S3 clients of this server, one a use: their credentials differ, the service model that they share does not."""

    def __init__(self, url: str, ca: str) -> None:
        self._url, self._ca = url, ca
        self._session = core_session()
        self._lock = threading.Lock()

    def client(self, region: str, credentials: Mapping[str, str]) -> Any:
        with self._lock:  # a botocore session makes one client at a time
            return self._session.create_client(
                "s3",
                region_name=region,
                endpoint_url=self._url,
                verify=self._ca,
                aws_access_key_id=credentials["access_key_id"],
                aws_secret_access_key=credentials["secret_access_key"],
                aws_session_token=credentials["session_token"],
                config=botocore.config.Config(
                    s3={"addressing_style": "path"}, proxies={}, connect_timeout=10, read_timeout=30
                ),
            )


def _credentials(scope: Scope, role_arn: str, session: str, seconds: int) -> dict[str, str]:
    partition = role_arn.split(":")[1]
    source = f"arn:{partition}:sagemaker:{scope.region}:{scope.account}:*"
    try:
        issued = issue_role_credentials(role_arn, session, seconds, source_arn=source)
    except RoleNotAssumable as refusal:
        raise validation_error(str(refusal)) from refusal
    return {
        "access_key_id": issued.access_key_id,
        "secret_access_key": issued.secret_access_key,
        "session_token": issued.session_token,
    }
