"""Two reviews to draw: a calm one, and one with everything dangerous in it."""

from __future__ import annotations

import copy
from functools import cache
from typing import Any

import numpy as np
from review_templates import ACCOUNT, MODELS, REGION, both, pair, template
from samples import environment

from review.bundle import Bundle, ChangeSet
from review.infrastructure import infrastructure
from review.model.charts.predictions import draw_predicted_actual, draw_residuals
from review.model.charts.training import draw_importance, draw_learning_curve
from review.reports import (
    Acknowledged,
    CostLine,
    CostReport,
    DriftedResource,
    DriftReport,
    Finding,
    Headline,
    Infrastructure,
    MetricPair,
    ModelReport,
    Plot,
    PolicyReport,
    SliceMetric,
    StackDrift,
)
from training.model.learning_curve import Curve

STACK, TRAINING = "bikes-dev-hosting", "bikes-dev-training"
WORSE = "The new model is worse: rmsle 0.52 instead of 0.4 on the same 6,493 test rows (by 30 %)."
RENAMED = (
    "The endpoint bikes-dev is replaced by bikes-dev-two: bikes-dev-two is made, then bikes-dev deleted. Callers of "
    "bikes-dev get errors until they call bikes-dev-two."
)
PUBLIC = f"Everyone on the internet may now read objects (s3:GetObject) on {MODELS}."
WIDENED = f"The role Role (The endpoint) may now do anything in S3 (s3:*) on {MODELS}."
CROSS = "Principals of the account 444455556666 may now act as the role Role (The endpoint)."


def headline(level: Any, sentence: str) -> Headline:
    return Headline(level=level, sentence=sentence)


def _dangerous(r: dict[str, Any]) -> None:
    r["Endpoint"]["Properties"]["EndpointName"] = "bikes-dev-two"
    r["Config"]["Properties"]["ProductionVariants"][0]["InstanceType"] = "ml.m5.xlarge"
    r["Model"]["Properties"]["PrimaryContainer"]["ModelDataUrl"] = "s3://bikes-models/models/2/model.tar.gz"
    r["Policy"]["Properties"]["PolicyDocument"]["Statement"][0]["Action"] = "s3:*"
    statement = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "s3:GetObject", "Resource": MODELS}
    r["BucketPolicy"]["Properties"]["PolicyDocument"]["Statement"].append(statement)
    r["Topic"] = {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": "bikes-dev-alarms"}}
    del r["Log"]


def _changed() -> Infrastructure:
    live, planned = template(), copy.deepcopy(template())
    both(_dangerous)(planned["Resources"])
    return infrastructure([pair(live, planned)], environment())


def _unchanged() -> Infrastructure:
    return infrastructure([pair(template(), template())], environment())


@cache
def plots() -> tuple[Plot, ...]:
    """Four pictures of figures that are always the same."""
    random = np.random.default_rng(11)
    actual = random.gamma(1.6, 110.0, 6_493)
    predicted, live = (actual * random.lognormal(0.0, spread, actual.size) for spread in (0.4, 0.3))
    rounds = range(150)
    train = tuple(0.2 + 2.9 * 0.94**number for number in rounds)
    curve = Curve(tuple(rounds), {"train:rmse": train, "validation:rmse": tuple(one + 0.09 for one in train)}, 150)
    gain = {"hour": 61.0, "workingday": 14.0, "temp": 9.0, "humidity": 5.5, "year": 4.5, "season": 3.0, "windspeed": 1}
    drawn = (
        draw_learning_curve(curve),
        draw_predicted_actual(actual, predicted, unit="count"),
        draw_residuals(actual, predicted, live, unit="count"),
        draw_importance(gain, {**gain, "hour": 70.0}),
    )
    return tuple(one for one in drawn if one is not None)


def model(**more: Any) -> ModelReport:
    """The model that is served already."""
    fields: dict[str, Any] = {
        "release_sha256": "5e" * 32,
        "artifact_sha256": "ab" * 32,
        "live_artifact_sha256": "ab" * 32,
        "changed": False,
        "promoted_from": "Trained for dev; it was promoted from nowhere.",
        "overrides": (),
        "signature": "Nobody signed this release; this environment does not require it.",
        "training": (
            ("training job", "bikes-dev-20261123-101112-abcd"),
            ("on", "1 x ml.m5.xlarge, 60 billable seconds"),
        ),
        "hyperparameters": (("max_depth", "6", "6"), ("num_round", "150", "150")),
        "data": (("train", *["sha256 " + "12" * 32 + ", 7,620 rows of 14 columns"] * 2),),
        "metrics": (MetricPair(name="validation:rmse", live=0.29, released=0.29, lower_is_better=True),),
        "slices": (),
        "golden": (("3,0,1,14.76,16.665,81,0.0", "2.5"),),
        "plots": plots(),
        "missing": (),
        "headlines": (headline("note", "Same model as is served: artifact abababababab of job bikes-dev-1."),),
    }
    return ModelReport(**{**fields, **more})


def worse_model() -> ModelReport:
    return model(
        artifact_sha256="cd" * 32,
        changed=True,
        promoted_from="Promoted from dev, its release 7e7e7e7e7e7e, by ada; gates passed: metrics.",
        overrides=("The gate slices was overridden by ada when the model was promoted from dev, because: known.",),
        hyperparameters=(("max_depth", "6", "9"), ("num_round", "150", "150"), ("subsample", "", "0.8")),
        data=(
            (
                "train",
                "sha256 " + "12" * 32 + ", 7,620 rows of 14 columns",
                "sha256 " + "34" * 32 + ", 8,112 rows of 14 columns",
            ),
            ("validation", *["sha256 " + "56" * 32 + ", 3,266 rows of 14 columns"] * 2),
        ),
        metrics=(
            MetricPair(name="validation:rmse", live=0.29, released=0.31, lower_is_better=True),
            MetricPair(name="validation:auc", live=0.9, released=0.92, lower_is_better=False),
            MetricPair(name="test original:rmsle", live=0.4, released=0.52, lower_is_better=True),
            MetricPair(name="test original:mae", live=None, released=31.25, lower_is_better=True),
        ),
        slices=(
            SliceMetric(column="season", value="1", rows=1_600, live=0.41, released=0.61),
            SliceMetric(column="season", value="2", rows=1_640, live=0.39, released=0.38),
        ),
        missing=("Learning curve of the live model: it was trained before curves were kept.",),
        headlines=(headline("danger", WORSE), headline("note", "New model: artifact cdcdcdcdcdcd of job bikes-dev-2.")),
    )


def policy(**more: Any) -> PolicyReport:
    fields: dict[str, Any] = {
        "findings": (),
        "acknowledged": (
            Acknowledged(
                rule="AwsSolutions-S1",
                reason="Access logs are kept by the organisation's own trail.",
                where="kickstand.toml:41",
                resources=("dev/training/ArtifactBucket/Bucket",),
            ),
        ),
        "rules_run": {"cdk-nag": 152, "cfn-lint": 180, "guard": 12},
        "headlines": (headline("note", "No policy findings; 1 finding accepted with its reason."),),
    }
    return PolicyReport(**{**fields, **more})


def broken_policy() -> PolicyReport:
    finding = Finding(
        source="guard",
        rule="KICKSTAND-BUCKET-PRIVATE",
        level="error",
        stack=STACK,
        resource="dev/training/ArtifactBucket/Bucket",
        message="The bucket can be made public.",
        fix="Let all four settings of PublicAccessBlockConfiguration be true.",
    )
    sentence = "The bucket can be made public. (KICKSTAND-BUCKET-PRIVATE: dev/training/ArtifactBucket/Bucket)"
    return policy(findings=(finding,), headlines=(headline("danger", sentence),))


def cost(**more: Any) -> CostReport:
    fields: dict[str, Any] = {
        "currency": "USD",
        "priced_on": "2026-09-28",
        "lines": (
            CostLine(
                what="endpoint bikes-dev: 1 x ml.m5.large",
                quantity="730 instance hours",
                unit_price="0.115 USD an hour",
                before=83.95,
                after=83.95,
            ),
        ),
        "before": 83.95,
        "after": 83.95,
        "unknown": (),
        "assumptions": ("Prices are on demand: without savings plans, free tier, discounts of one's own or taxes.",),
        "headlines": (headline("note", "Costs 83.95 USD a month, as before."),),
    }
    return CostReport(**{**fields, **more})


def dearer() -> CostReport:
    line = {"quantity": "730 instance hours", "unit_price": "0.23 USD an hour"}
    sentence = "Costs 83.95 USD a month more: 167.90 instead of 83.95 (endpoint bikes-dev: 1 x ml.m5.xlarge)."
    return cost(
        lines=(
            CostLine(what="endpoint bikes-dev: 1 x ml.m5.xlarge", **line, before=83.95, after=167.9),
            CostLine(what="a key", quantity="1", unit_price="", before=None, after=None),
        ),
        after=167.9,
        unknown=("a key (service) in us-east-1",),
        headlines=(headline("warning", sentence),),
    )


def drift(*drifted: DriftedResource, **more: Any) -> DriftReport:
    training = StackDrift(stack=TRAINING, status="DRIFTED" if drifted else "IN_SYNC", resources=drifted)
    stacks = (training, StackDrift(stack=STACK, status="IN_SYNC"))
    return DriftReport(**{"detected_at": "2026-11-23T12:00:00Z", "stacks": stacks, "headlines": (), **more})


def calm(**more: Any) -> Bundle:
    """Nothing changes."""
    fields: dict[str, Any] = {
        "project": "bikes",
        "environment": "dev",
        "account": ACCOUNT,
        "region": REGION,
        "as_of": "2026-11-23",
        "assembly_sha256": "a5" * 32,
        "release_sha256": "5e" * 32,
        "versions": {"kickstand": "0.2.0", "aws-cdk-lib": "2.275.0"},
        "infrastructure": _unchanged(),
        "policy": policy(),
        "model": model(),
        "cost": cost(),
        "drift": drift(),
    }
    return Bundle(**{**fields, **more})


def dangerous(**more: Any) -> Bundle:
    """A widened role, a replaced endpoint, a public bucket, a worse model, drift, a broken rule, a dearer endpoint."""
    by_hand = DriftedResource(
        logical_id="BucketPolicy",
        type="AWS::S3::BucketPolicy",
        status="MODIFIED",
        differences=('PolicyDocument.Statement[0].Action: expected "s3:*", found "s3:GetObject"',),
    )
    told = f"BucketPolicy (AWS::S3::BucketPolicy) of {TRAINING} was changed by hand: {by_hand.differences[0]}."
    arn = f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:changeSet/kickstand-0123/1"
    fields: dict[str, Any] = {
        "infrastructure": _changed(),
        "policy": broken_policy(),
        "model": worse_model(),
        "cost": dearer(),
        "drift": drift(by_hand, headlines=(headline("danger", told),)),
        "change_sets": (ChangeSet(stack=STACK, arn=arn, stack_arn="arn:stack"),),
    }
    return calm(**{**fields, **more})
