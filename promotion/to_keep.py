"""What may be left of a destroyed environment: what the project file says to keep, and what is not its own."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from kickstand.config.model import Environment
from kickstand.errors import Problem

What = Literal[
    "endpoint",
    "training job",
    "transform job",
    "schedule",
    "artifact bucket",
    "endpoint log",
    "trigger log",
    "transform log",
    "training logs",
    "transform logs",
    "packages",
]

HOURLY = math.inf
"""Dollars a month of what is charged by the time that it runs."""

_OF_TRAINING = ("training job", "schedule", "artifact bucket", "trigger log", "training logs", "packages")
_RETAINED = ("artifact bucket", "endpoint log", "trigger log", "transform log", "packages")
_SHARED: dict[What, str] = {"training logs": "training", "transform logs": "transform"}
"""Logs in SageMaker's one group for jobs of a kind."""

_GET_RID: dict[What, str] = {
    "endpoint": "aws sagemaker delete-endpoint --endpoint-name {name}",
    "training job": "aws sagemaker stop-training-job --training-job-name {name}",
    "transform job": "aws sagemaker stop-transform-job --transform-job-name {name}",
    "schedule": "aws scheduler delete-schedule --name {name}",
    "artifact bucket": "Empty it with all its versions, then delete it, in the S3 console.",
    "endpoint log": "aws logs delete-log-group --log-group-name {name}",
    "trigger log": "aws logs delete-log-group --log-group-name {name}",
    "transform log": "aws logs delete-log-group --log-group-name {name}",
}


@dataclass(frozen=True, slots=True)
class Remainder:
    """One thing that is still there.

    amount:          how much of it, in words.
    dollars_a_month: 0: nothing is charged. HOURLY: by the time that it runs.
    """

    what: What
    name: str
    amount: str
    dollars_a_month: float

    @property
    def billable(self) -> bool:
        return self.dollars_a_month > 0


def kept_because(left: Remainder, environment: Environment, *, hosting_only: bool) -> str:
    """Why it is right that it is still there; empty where nothing says so.

    hosting_only: `--hosting`, which leaves everything of training as it is.
    """
    if hosting_only and left.what in _OF_TRAINING:
        return "--hosting leaves training as it is"
    if left.what in _SHARED:
        return f"the group is shared by all {_SHARED[left.what]} jobs of the account"
    if left.what == "artifact bucket" and environment.storage.existing_bucket:
        return "the organisation's own: [storage] existing_bucket"
    if environment.name == "prod" and left.what in _RETAINED:
        return "prod keeps its evidence"
    return ""


def surplus(found: Iterable[Remainder], environment: Environment, *, hosting_only: bool) -> list[Problem]:
    """What costs and is not to be kept, each with how to get rid of it."""
    return [
        Problem(
            f"The {left.what} {left.name} is still there and is charged for: {left.amount}.",
            f"account {environment.account}, {environment.region}",
            _GET_RID[left.what].format(name=left.name),
        )
        for left in found
        if left.billable and not kept_because(left, environment, hosting_only=hosting_only)
    ]
