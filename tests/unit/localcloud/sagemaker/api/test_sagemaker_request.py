"""Requests against botocore's model, in AWS's words."""

from __future__ import annotations

from typing import Any

import pytest
from sagemaker_fakes import training_request

from localcloud.sagemaker.api.call import ServiceError
from localcloud.sagemaker.api.service_model import check_request, compiled, matches, operation_input, service_model

NAME_PATTERN = "[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}"


def refusal(operation: str, request: dict[str, Any]) -> ServiceError:
    with pytest.raises(ServiceError) as caught:
        check_request(operation_input(operation), request)
    return caught.value


def test_a_whole_request_passes() -> None:
    check_request(operation_input("CreateTrainingJob"), training_request())


def test_a_name_that_does_not_fit_the_pattern() -> None:
    error = refusal("CreateTrainingJob", training_request("a_b"))
    assert error.code == "ValidationException"
    assert error.message == (
        "1 validation error detected: Value 'a_b' at 'trainingJobName' failed to satisfy constraint: "
        f"Member must satisfy regular expression pattern: {NAME_PATTERN}"
    )


def test_all_violations_are_told_at_once() -> None:
    error = refusal("DescribeEndpoint", {})
    assert error.message == (
        "1 validation error detected: Value null at 'endpointName' failed to satisfy constraint: "
        "Member must not be null"
    )
    request = {**training_request(), "RoleArn": "x", "StoppingCondition": {"MaxRuntimeInSeconds": 0}}
    message = refusal("CreateTrainingJob", request).message
    assert message.startswith("3 validation errors detected: Value 'x' at 'roleArn' failed")
    assert "Value 'x' at 'roleArn' failed to satisfy constraint: Member must have length greater than or equal to 20"
    assert message.endswith(
        "Value '0' at 'stoppingCondition.maxRuntimeInSeconds' failed to satisfy constraint: "
        "Member must have value greater than or equal to 1"
    )


def test_places_inside_lists_and_enumerations() -> None:
    request = training_request()
    request["InputDataConfig"][0]["DataSource"]["S3DataSource"]["S3DataType"] = "Prefix"
    assert refusal("CreateTrainingJob", request).message == (
        "1 validation error detected: Value 'Prefix' at 'inputDataConfig.1.member.dataSource.s3DataSource.s3DataType' "
        "failed to satisfy constraint: Member must satisfy enum value set: "
        "[ManifestFile, S3Prefix, AugmentedManifestFile, Converse]"
    )


def test_a_map_names_the_constraint_of_its_values() -> None:
    error = refusal("CreateTrainingJob", {**training_request(), "HyperParameters": {"a": "x" * 2501}})
    assert error.message.endswith(
        "at 'hyperParameters' failed to satisfy constraint: "
        "Map value must satisfy constraint: [Member must have length less than or equal to 2500]"
    )


@pytest.mark.parametrize(
    ("member", "value", "text"),
    [
        ("EndpointName", 5, "NUMBER_VALUE can not be converted to a String"),
        ("EndpointName", ["a"], "Start of list found where not expected"),
        ("EndpointName", {"a": 1}, "Start of structure or map found where not expected."),
    ],
)
def test_another_json_type_is_a_serialization_exception(member: str, value: Any, text: str) -> None:
    error = refusal("DescribeEndpoint", {member: value})
    assert (error.code, error.message) == ("SerializationException", text)


def test_integers_are_not_floats_or_booleans() -> None:
    for value, found in ((1.5, "DECIMAL_VALUE"), (True, "TRUE_VALUE"), ("1", "STRING_VALUE")):
        error = refusal("ListModels", {"MaxResults": value})
        assert error.message == f"{found} can not be converted to an Integer"


def test_javas_classes_are_understood() -> None:
    tag_key = r"([\p{L}\p{Z}\p{N}_.:/=+\-@]*)"
    assert matches(tag_key, "größe 1_.:/=+-@")
    assert not matches(tag_key, "a#b")
    metadata = r"([\p{L}\p{Z}\p{N}_.:\/=+\-@]*)${1,128}"
    assert matches(metadata, "sha256") and not matches(metadata, "a{b}")


def test_every_pattern_of_the_operations_that_are_served_can_be_checked() -> None:
    unsaid: set[str] = set()
    seen: set[str] = set()

    def walk(shape: Any) -> None:
        if shape.name in seen:
            return
        seen.add(shape.name)
        pattern = shape.metadata.get("pattern")
        if pattern and compiled(pattern) is None:
            unsaid.add(pattern)
        for member in getattr(shape, "members", {}).values():
            walk(member)
        for part in ("member", "key", "value"):
            if hasattr(shape, part):
                walk(getattr(shape, part))

    for operation in ("CreateTrainingJob", "CreateModel", "CreateEndpointConfig", "CreateEndpoint", "AddTags"):
        walk(service_model().operation_model(operation).input_shape)
    assert unsaid == set()
