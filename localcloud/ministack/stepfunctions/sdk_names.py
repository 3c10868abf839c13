"""The names of Step Functions' SDK integrations: those of the AWS SDK for Java 2.x, arguments, results and errors.

A service is named by its Java package (`cloudwatchlogs`), members are those of the Java classes with a capital, and
errors are Java's exception classes. https://docs.aws.amazon.com/step-functions/latest/dg/supported-services-awssdk.html
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

Shape = Any
"""A shape of a botocore model."""


class UnknownFieldError(ValueError):
    """An argument that the operation does not have."""


def java_name(service_id: str) -> str:
    """The name of a service's Java classes: `CloudWatchLogs` of `CloudWatch Logs`, `Sfn` of `SFN`.

    https://github.com/aws/aws-sdk-java-v2, CodegenNamingUtils.pascalCase
    """
    text = re.sub(r"[^A-Za-z0-9]+", " ", service_id)
    text = re.sub(r"(?<=[a-z])(?=[A-Z][a-zA-Z0-9])", " ", text)
    text = re.sub(r"([A-Z]+)([A-Z][a-z])", r"\1 \2", text)
    text = re.sub(r"([0-9])([a-zA-Z])", r"\1 \2", text)
    return "".join(word[0].upper() + word[1:].lower() for word in text.split())


def member_name(name: str) -> str:
    """The name of a member: an abbreviation that it begins with is a word: `DbInstanceArn` of `DBInstanceArn`.

    One elsewhere in it stays (`NotificationARNs`), and `executionArn` gets its capital.
    """
    leading = re.match(r"[A-Z]+(?![a-z])|[A-Z]", name)
    word = leading[0] if leading else name[:1]
    return word[:1].upper() + word[1:].lower() + name[len(word) :]


def exception_name(service: str, code: str, errors: dict[str, str]) -> str:
    """How Retry and Catch name an error: `Sfn.ExecutionDoesNotExistException`, `Sfn.SfnException`.

    service: the Java name of the service.
    errors:  see `modelled_errors`; what the model does not name is the exception that all of the service derive from.
    """
    shape = errors.get(code)
    if shape is None:
        return f"{service}.{service}Exception"
    base = shape.removesuffix("Fault") if shape.endswith("Fault") else shape.removesuffix("Exception")
    return f"{service}.{java_name(base)}Exception"


def modelled_errors(service: Any, operation: Any) -> dict[str, str]:
    """The errors that the model of a service names: code -> name of the shape.

    A refusal by IAM has a class where the operation names it: S3's model has one, of which getObject knows nothing.
    """
    own = {shape.name for shape in operation.error_shapes}
    shapes = [each for each in service.error_shapes if each.name in own or not each.name.startswith("AccessDenied")]
    found = {shape.name: shape.name for shape in shapes}
    return found | {shape.metadata.get("error", {}).get("code") or shape.name: shape.name for shape in shapes}


def to_request(value: Any, shape: Shape) -> Any:
    """Arguments of a task as the API names them. Raises UnknownFieldError.

    A whole number that JSONata made a fraction of is a whole number where the API wants one.
    """
    if shape.type_name == "structure" and isinstance(value, dict) and not getattr(shape, "is_document_type", False):
        names = {member_name(name): name for name in shape.members}
        for field in value:
            if field not in names:
                raise UnknownFieldError(field)
        return {names[field]: to_request(each, shape.members[names[field]]) for field, each in value.items()}
    if shape.type_name == "list" and isinstance(value, list):
        return [to_request(each, shape.member) for each in value]
    if shape.type_name == "map" and isinstance(value, dict):
        return {key: to_request(each, shape.value) for key, each in value.items()}
    if shape.type_name in ("integer", "long") and isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def to_result(value: Any, shape: Shape) -> Any:
    """An answer of the API as a task's result names it: times as ISO text, bytes as text; keys of maps are data."""
    if shape.type_name == "structure" and isinstance(value, dict):
        known = {name: each for name, each in value.items() if name in shape.members and each is not None}
        return {member_name(name): to_result(each, shape.members[name]) for name, each in known.items()}
    if shape.type_name == "list" and isinstance(value, list):
        return [to_result(each, shape.member) for each in value]
    if shape.type_name == "map" and isinstance(value, dict):
        return {key: to_result(each, shape.value) for key, each in value.items()}
    if isinstance(value, datetime):
        return iso(value)
    return value.decode("utf-8", errors="replace") if isinstance(value, bytes) else value


def iso(moment: datetime) -> str:
    """A time with its milliseconds, in UTC."""
    moment = moment.astimezone(UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"
