"""What a manager reads first of a deployment, and what it means for requests."""

from __future__ import annotations

from typing import Any

import pytest
from review_templates import MODELS, Edit, both, edited, headlines, pair, review, template
from samples import environment

from review.infrastructure import infrastructure
from review.reports import Infrastructure

IN_PLACE = (
    "The endpoint bikes-dev is updated in place: SageMaker starts new instances beside the old ones, which answer all "
    "requests until the new ones are ready. All traffic moves at once; the old ones go at once. No alarm rolls it back."
)
UNTOUCHED = "The endpoint is not touched: requests are answered as before."


def _new_model(r: dict[str, Any]) -> None:
    r["Model"]["Properties"]["PrimaryContainer"]["ModelDataUrl"] = "s3://bikes-models/models/2/model.tar.gz"


def _instance_type(r: dict[str, Any]) -> None:
    r["Config"]["Properties"]["ProductionVariants"][0]["InstanceType"] = "ml.c5.large"


def _renamed(r: dict[str, Any]) -> None:
    r["Endpoint"]["Properties"]["EndpointName"] = "bikes-two"


def _other_logical_id(r: dict[str, Any]) -> None:
    r["Endpoint2"] = r.pop("Endpoint")


def _public(r: dict[str, Any]) -> None:
    statement = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "s3:GetObject", "Resource": MODELS}
    r["BucketPolicy"]["Properties"]["PolicyDocument"]["Statement"].append(statement)
    r["Bucket"]["Properties"]["PublicAccessBlockConfiguration"] = {}


def _widened(r: dict[str, Any]) -> None:
    r["Policy"]["Properties"]["PolicyDocument"]["Statement"][0]["Action"] = "s3:*"


def _without_bucket(r: dict[str, Any]) -> None:
    del r["Bucket"]
    r["BucketPolicy"]["Properties"]["Bucket"] = "bikes-models"


def _log_renamed(r: dict[str, Any]) -> None:
    r["Log"]["Properties"]["LogGroupName"] = "/other"


def _custom_named_model(r: dict[str, Any]) -> None:
    r["Model"]["Properties"]["ModelName"] = "mine"


RENAMED = (
    "The endpoint bikes-dev is replaced by bikes-two: bikes-two is made, then bikes-dev deleted. Callers of bikes-dev "
    "get errors until they call bikes-two."
)
ANEW = "The endpoint bikes-dev is deleted and made anew: its callers get errors meanwhile."
COLLISION = (
    "The endpoint bikes-dev (Endpoint2) cannot be made: the name is still that of Endpoint in bikes-dev-hosting, which "
    "is deleted only afterwards. The deployment would fail and roll back."
)


@pytest.mark.parametrize(
    ("edit", "traffic", "expected"),
    [
        (lambda r: None, UNTOUCHED, [("note", "Nothing changes in the infrastructure.")]),
        (_new_model, IN_PLACE, [("note", "One new model; nothing else changes.")]),
        (
            _instance_type,
            IN_PLACE,
            [
                (
                    "warning",
                    "The instance type of the endpoint configuration Config changes from ml.m5.large to ml.c5.large.",
                )
            ],
        ),
        (_renamed, RENAMED, [("danger", RENAMED)]),
        (_other_logical_id, ANEW, [("danger", COLLISION), ("danger", ANEW)]),
        (
            lambda r: r.pop("Endpoint"),
            "The endpoint bikes-dev is deleted: its callers get errors from then on.",
            [("danger", "The endpoint bikes-dev is deleted: its callers get errors from then on.")],
        ),
        (
            _public,
            UNTOUCHED,
            [
                ("danger", f"Everyone on the internet may now read objects (s3:GetObject) on {MODELS}."),
                (
                    "danger",
                    "The bucket bikes-models may now be made public: BlockPublicAcls, BlockPublicPolicy, "
                    "IgnorePublicAcls and RestrictPublicBuckets of its public access block are off.",
                ),
            ],
        ),
        (
            _widened,
            UNTOUCHED,
            [("danger", f"The role Role (The endpoint) may now do anything in S3 (s3:*) on {MODELS}.")],
        ),
        (
            _without_bucket,
            UNTOUCHED,
            [
                (
                    "danger",
                    "The bucket bikes-models is deleted, and with it the data, models and evidence in it.",
                )
            ],
        ),
        (
            _log_renamed,
            UNTOUCHED,
            [
                (
                    "danger",
                    "The log group /endpoint is replaced by an empty one; the old one is deleted, and the logs with "
                    "it.",
                )
            ],
        ),
        (
            lambda r: r.pop("Alarm"),
            UNTOUCHED,
            [
                (
                    "warning",
                    "The alarm bikes-dev-errors is removed: nobody is notified any longer of what it watches.",
                )
            ],
        ),
    ],
)
def test_the_top_of_a_review(edit: Edit, traffic: str, expected: list[tuple[str, str]]) -> None:
    found = review(edit)
    assert found.traffic == traffic
    assert [one for one in headlines(found) if not one[1].startswith("In all: ")] == expected


def test_the_worst_stands_first() -> None:
    found = review(both(_public, _widened, _renamed, _instance_type, lambda r: r.pop("Log")))
    assert [(level, sentence.split(" ")[1]) for level, sentence in headlines(found)] == [
        ("danger", "on"),  # everyone on the internet
        ("danger", "bucket"),
        ("danger", "endpoint"),
        ("danger", "log"),
        ("danger", "role"),
        ("warning", "instance"),
        ("note", "all:"),
    ]


def test_the_last_line_counts_them() -> None:
    found = review(both(_instance_type, lambda r: r.pop("Alarm"), lambda r: r.update(T={"Type": "AWS::SNS::Topic"})))
    assert headlines(found)[-1] == ("note", "In all: 1 replaced, 1 removed, 1 changed in place and 1 made.")


def test_another_image_is_told() -> None:
    def image(r: dict[str, Any]) -> None:
        r["Model"]["Properties"]["PrimaryContainer"]["Image"] = "other"

    assert headlines(review(image)) == [("note", "The same model in another image; nothing else changes.")]
    assert headlines(review(both(image, _new_model))) == [
        ("note", "One new model, in another image; nothing else changes.")
    ]


def _with_target(r: dict[str, Any]) -> None:
    r["Target"] = {"Type": "AWS::ApplicationAutoScaling::ScalableTarget", "Properties": {"MaxCapacity": 2}}


STEPS = (
    "The instance type changes (ml.m5.large to ml.c5.large) while the endpoint's capacity is registered for "
    "autoscaling (Target), and SageMaker refuses that. Take two steps: first deploy the old type without "
    "autoscaling, then the new type with it; kickstand deploy does both."
)


@pytest.mark.parametrize("kept", [True, False])
def test_an_instance_type_under_autoscaling_takes_two_steps(kept: bool) -> None:
    planned = edited(both(_instance_type, *([_with_target] if kept else [])))
    found = infrastructure([pair(edited(_with_target), planned)], environment())
    assert headlines(found)[0] == ("warning", STEPS)
    assert found.traffic == f"{STEPS} {IN_PLACE}"


def test_more_instances_at_most() -> None:
    def most(r: dict[str, Any]) -> None:
        _with_target(r)
        r["Target"]["Properties"]["MaxCapacity"] = 4

    found = infrastructure([pair(edited(_with_target), edited(most))], environment())
    assert headlines(found) == [
        ("warning", "The largest number of instances of the scalable target Target changes from 2 to 4."),
        ("note", "In all: 1 changed in place."),
    ]
    assert found.traffic == UNTOUCHED


def test_a_custom_name_forbids_replacement() -> None:
    planned = edited(both(_custom_named_model, _new_model))
    found = infrastructure([pair(edited(_custom_named_model), planned)], environment())
    assert headlines(found)[0] == (
        "danger",
        "The model mine cannot be replaced: the new one would have the name of the old one, which is still there. The "
        "deployment would fail and roll back.",
    )


def test_a_first_deployment() -> None:
    found = infrastructure([pair(None, template())], environment())
    assert headlines(found) == [("note", "First deployment of bikes-dev-hosting: 9 resources are made.")]
    assert found.traffic == "The endpoint bikes-dev is made: nobody calls it yet, so no traffic is at risk."
    assert {one.action for one in found.stacks[0].resources} == {"Add"} and not found.stacks[0].exists


def test_a_stack_that_the_assembly_no_longer_has() -> None:
    found = infrastructure([pair(template(), None)], environment())
    assert headlines(found) == [
        (
            "warning",
            "The stack bikes-dev-hosting is deployed, and the assembly no longer has it. CloudFormation does not "
            "delete it: it stays, and costs what it costs, until somebody deletes it (kickstand destroy).",
        ),
        ("note", "Nothing changes in the infrastructure."),
    ]
    assert found.permissions == ()
    assert found.traffic == "The endpoint bikes-dev stays and serves: its stack is not part of this deployment."


def test_the_same_templates_give_the_same_words() -> None:
    def much(r: dict[str, Any]) -> None:
        _public(r)
        _renamed(r)

    assert review(much).model_dump_json() == review(much).model_dump_json()
    assert Infrastructure.model_validate_json(review(much).model_dump_json()) == review(much)
