"""Search: which records an expression finds, in which order and on which page; expected answers from the API reference.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_Filter.html and API_SearchExpression.html
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sagemaker_fakes import IMAGE, SCOPE, Plane, make_plane, refusal, serve

JOBS = {"slow": ("0.05", 3.0, "red"), "middle": ("0.5", 2.0, "blue"), "fast": ("0.9", 1.0, "blue")}
"""Name: eta, final train:rmse, tag `team`. One job was made each 100 seconds from 1000 on."""


@pytest.fixture
def plane(tmp_path: Path) -> Plane:
    plane = make_plane(tmp_path)
    for number, (name, (eta, rmse, team)) in enumerate(JOBS.items()):
        plane.fakes.clock.now = 1000.0 + 100 * number
        tags = [{"Key": "team", "Value": team}]
        plane.train(name, HyperParameters={"eta": eta, "num_round": "5"}, Tags=tags)
        run = plane.fakes.runs[-1]
        run.say("metric", metric=("train:rmse", rmse))
        if name != "middle":
            run.say("finished", outcome="Completed", artifact=f"s3://b/{name}.tar.gz")
    return plane


def found(plane: Plane, *filters: dict[str, Any], **more: Any) -> list[str]:
    """Names of the training jobs that are found, in order."""
    expression = {"SearchExpression": {"Filters": list(filters)}} if filters else {}
    answer = plane("Search", Resource="TrainingJob", **{**expression, **more})
    return [record["TrainingJob"]["TrainingJobName"] for record in answer["Results"]]


def where(name: str, operator: str | None = None, value: str | None = None) -> dict[str, Any]:
    given = {"Name": name, "Operator": operator, "Value": value}
    return {key: item for key, item in given.items() if item is not None}


@pytest.mark.parametrize(
    ("condition", "names"),
    [
        (where("TrainingJobName", "Equals", "slow"), ["slow"]),
        (where("TrainingJobName", value="slow"), ["slow"]),
        (where("TrainingJobName", "NotEquals", "slow"), ["fast", "middle"]),
        (where("TrainingJobName", "Contains", "d"), ["middle"]),
        (where("TrainingJobName", "In", "slow, fast,other"), ["fast", "slow"]),
        (where("TrainingJobStatus", "Equals", "InProgress"), ["middle"]),
        (where("Tags.team", "Equals", "blue"), ["fast", "middle"]),
        (where("Tags.team", "Exists"), ["fast", "middle", "slow"]),
        (where("Tags.other", "NotExists"), ["fast", "middle", "slow"]),
        (where("ModelArtifacts", "NotExists"), ["middle"]),
        (where("Metrics.train:rmse", "GreaterThan", "2"), ["slow"]),
        (where("Metrics.train:rmse", "LessThanOrEqualTo", "2.0"), ["fast", "middle"]),
        (where("HyperParameters.eta", "LessThan", "0.5"), ["slow"]),
        (where("HyperParameters.eta", "GreaterThanOrEqualTo", "0.5"), ["fast", "middle"]),
        # "If the specified Value is an integer, the decimal hyperparameter values are treated as integers."
        (where("HyperParameters.eta", "Equals", "0"), ["fast", "middle", "slow"]),
        (where("CreationTime", "GreaterThan", "1970-01-01T00:18:20"), ["fast"]),
        (where("CreationTime", "LessThanOrEqualTo", "1970-01-01T00:16:40"), ["slow"]),
        (where("ResourceConfig.InstanceCount", "Equals", "1"), ["fast", "middle", "slow"]),
        (where("EnableManagedSpotTraining", "Equals", "true"), []),
        (where("InputDataConfig.ChannelName", "Equals", "train"), ["fast", "middle", "slow"]),
    ],
    ids=lambda value: "-".join(value.values()) if isinstance(value, dict) else None,
)
def test_each_operator(plane: Plane, condition: dict[str, Any], names: list[str]) -> None:
    assert found(plane, condition) == names


def test_filters_are_joined_by_and_and_by_or(plane: Plane) -> None:
    slow, blue = where("TrainingJobName", "Equals", "slow"), where("Tags.team", "Equals", "blue")
    done = where("TrainingJobStatus", "Equals", "Completed")
    assert found(plane, blue, done) == ["fast"]
    both = {"Filters": [done], "SubExpressions": [{"Filters": [slow, blue], "Operator": "Or"}]}
    assert found(plane, SearchExpression=both) == ["fast", "slow"]
    assert found(plane, SearchExpression={**both, "Operator": "Or"}) == ["fast", "middle", "slow"]


def test_a_nested_filter_is_satisfied_by_one_entry_of_the_list(plane: Plane) -> None:
    """Given a job with train on data/a and validation on data/b; then train on data/b is not found."""
    channels = [
        {
            "ChannelName": name,
            "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"s3://b/data/{folder}/"}},
        }
        for name, folder in (("train", "a"), ("validation", "b"))
    ]
    plane.train("two", InputDataConfig=channels)

    def asked(folder: str) -> list[str]:
        filters = [
            where("InputDataConfig.ChannelName", "Equals", "train"),
            where("InputDataConfig.DataSource.S3DataSource.S3Uri", "Contains", f"data/{folder}"),
        ]
        nested = {"NestedPropertyName": "InputDataConfig", "Filters": filters}
        return found(plane, SearchExpression={"NestedFilters": [nested]})

    assert asked("a") == ["two"]
    assert asked("b") == []


def test_order_and_pages(plane: Plane) -> None:
    assert found(plane) == ["fast", "middle", "slow"]
    assert found(plane, SortBy="TrainingJobName", SortOrder="Ascending") == ["fast", "middle", "slow"]
    assert found(plane, SortBy="Metrics.train:rmse", SortOrder="Descending") == ["slow", "middle", "fast"]
    assert found(plane, SortBy="HyperParameters.eta", SortOrder="Ascending") == ["slow", "middle", "fast"]
    first = plane("Search", Resource="TrainingJob", MaxResults=2)
    assert first["TotalHits"] == {"Value": 3, "Relation": "EqualTo"}
    assert len(first["Results"]) == 2
    last = plane("Search", Resource="TrainingJob", MaxResults=2, NextToken=first["NextToken"])
    assert [record["TrainingJob"]["TrainingJobName"] for record in last["Results"]] == ["slow"]
    assert "NextToken" not in last
    assert plane("Search", Resource="Endpoint")["Results"] == []


def test_models_endpoints_packages_and_groups(plane: Plane) -> None:
    serve(plane)
    plane("CreateModelPackageGroup", ModelPackageGroupName="g", Tags=[{"Key": "team", "Value": "red"}])
    containers = [{"Image": IMAGE, "ModelDataUrl": "s3://b/m.tar.gz"}]
    for approval in ("Approved", "Rejected"):
        plane(
            "CreateModelPackage",
            ModelPackageGroupName="g",
            ModelApprovalStatus=approval,
            InferenceSpecification={"Containers": containers},
            CustomerMetadataProperties={"owner": approval.lower()},
        )

    def one(resource: str, *filters: dict[str, Any]) -> dict[str, Any]:
        (record,) = plane("Search", Resource=resource, SearchExpression={"Filters": list(filters)})["Results"]
        assert list(record) == [resource]
        return dict(record[resource])

    package = one("ModelPackage", where("ModelApprovalStatus", "Equals", "Rejected"))
    # "For a versioned model, the name … follows the format 'ModelPackageGroupName/ModelPackageVersion'."
    assert (package["ModelPackageName"], package["ModelPackageVersion"]) == ("g/2", 2)
    assert (
        one("ModelPackage", where("CustomerMetadataProperties.owner", "Equals", "approved"))["ModelPackageVersion"] == 1
    )
    assert one("ModelPackageGroup", where("Tags.team", "Equals", "red"))["ModelPackageGroupName"] == "g"
    assert one("Endpoint", where("EndpointStatus", "Equals", "InService"))["EndpointName"] == "ep"
    model = one("Model", where("ModelName", "Contains", "AllTraffic"))
    assert model["Model"]["ModelArn"] == SCOPE.arn("model", "c1-AllTraffic")
    assert [endpoint["EndpointName"] for endpoint in model["Endpoints"]] == ["ep"]
    assert one("Model", where("Model.ModelName", "Equals", "c1-AllTraffic")) == model


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        ({"Resource": "Pipeline"}, "Search for Pipeline is not supported by the local cloud yet."),
        (
            {"SearchExpression": {}},
            "A SearchExpression must have at least one subexpression, filter or nested filter.",
        ),
        (
            {"SearchExpression": {"Filters": [where("TrainingJobNam", value="a")]}},
            "Unknown property TrainingJobNam in TrainingJobNam: the resource has no such property.",
        ),
        ({"SortBy": "Nothing"}, "Unknown property Nothing in Nothing: the resource has no such property."),
        (
            {"SearchExpression": {"Filters": [where("TrainingJobName", "GreaterThan", "a")]}},
            "Operator GreaterThan is not supported for text property TrainingJobName.",
        ),
        (
            {"SearchExpression": {"Filters": [where("CreationTime", "Contains", "1970")]}},
            "Operator Contains is only supported for text properties; CreationTime is a timestamp.",
        ),
        (
            {"SearchExpression": {"Filters": [where("CreationTime", "LessThan", "yesterday")]}},
            "The value 'yesterday' of property CreationTime is not a timestamp.",
        ),
        (
            {"SearchExpression": {"Filters": [where("TrainingJobName", "Contains", x) for x in "ab"]}},
            "'CONTAINS' operator usage limit of 1 exceeded.",
        ),
        (
            {"SearchExpression": {"Filters": [where("TrainingJobName", "Equals")]}},
            "The filter on TrainingJobName with operator Equals must have a Value.",
        ),
        (
            {"CrossAccountFilterOption": "CrossAccount"},
            "CrossAccountFilterOption is not supported by the local cloud yet.",
        ),
    ],
)
def test_what_is_refused(plane: Plane, request_: dict[str, Any], message: str) -> None:
    assert refusal(plane, "Search", **{"Resource": "TrainingJob", **request_}) == f"ValidationException: {message}"


def test_search_sees_one_account_and_region(plane: Plane) -> None:
    plane.control.stores.training_jobs.put(
        type(SCOPE)("444455556666", "us-east-1"), "other", {**plane.job("slow"), "TrainingJobName": "other"}
    )
    assert found(plane) == ["fast", "middle", "slow"]
