"""What updates have replaced is deleted once the endpoint serves what replaced it, and not before."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from botocore.exceptions import ClientError
from samples import environment

from deployment.endpoint.superseded import CONFIG, MODEL, Superseded, delete_superseded, superseded
from kickstand.names import Names

NAMES = Names(environment())
ARN = "arn:aws:sagemaker:us-east-1:111122223333:"


def skipped(type_: str, name: str, status: str = "DELETE_SKIPPED") -> dict[str, Any]:
    kind = "endpoint-config" if type_ == CONFIG else "model"
    return {"ResourceStatus": status, "ResourceType": type_, "PhysicalResourceId": f"{ARN}{kind}/{name}"}


@dataclass
class Account:
    """An account whose stack has config-3 and model-3, as the services describe it."""

    serving: str = "Config-3"
    events: list[dict[str, Any]] = field(default_factory=list)
    there: set[str] = field(default_factory=set)
    refused: str = ""
    deleted: list[str] = field(default_factory=list)
    read: int = 0

    def client(self, _service: str) -> Account:
        return self

    def get_paginator(self, _operation: str) -> Account:
        return self

    def paginate(self, StackName: str) -> Iterator[dict[str, Any]]:  # noqa: N803
        assert StackName == "bikes-dev-hosting"
        for event in self.events:
            self.read += 1
            yield {"StackEvents": [event]}

    def describe_stack_resources(self, StackName: str) -> dict[str, Any]:  # noqa: N803
        assert StackName == "bikes-dev-hosting"
        of_stack = [(CONFIG, "endpoint-config/config-3"), (MODEL, "model/model-3"), ("AWS::IAM::Role", "role")]
        return {"StackResources": [{"ResourceType": t, "PhysicalResourceId": f"{ARN}{name}"} for t, name in of_stack]}

    def describe_endpoint(self, EndpointName: str) -> dict[str, Any]:  # noqa: N803
        assert EndpointName == "bikes-dev"
        return {"EndpointConfigName": self.serving, "EndpointStatus": "InService"}

    def describe_endpoint_config(self, EndpointConfigName: str) -> dict[str, Any]:  # noqa: N803
        return {"ProductionVariants": [{"ModelName": EndpointConfigName.replace("Config", "Model")}]}

    def delete_endpoint_config(self, EndpointConfigName: str) -> None:  # noqa: N803
        self._delete(EndpointConfigName)

    def delete_model(self, ModelName: str) -> None:  # noqa: N803
        self._delete(ModelName)

    def _delete(self, name: str) -> None:
        if self.refused:
            raise ClientError({"Error": {"Code": self.refused, "Message": "no"}}, "Delete")
        if name not in self.there:
            raise ClientError({"Error": {"Code": "ValidationException", "Message": "Could not find it."}}, "Delete")
        self.deleted.append(name)


EVENTS = [
    skipped(CONFIG, "config-3", "CREATE_COMPLETE"),
    skipped(CONFIG, "config-2"),
    skipped(MODEL, "model-2"),
    skipped(CONFIG, "config-1"),
    skipped(CONFIG, "config-2"),
    skipped(MODEL, "model-1"),
]


@pytest.mark.parametrize(
    ("serving", "with_serving", "names"),
    [
        ("Config-3", False, ["config-2", "model-2", "config-1", "model-1"]),
        ("Config-2", False, ["config-1", "model-1"]),
        ("Config-2", True, ["config-2", "model-2", "config-1", "model-1"]),
    ],
    ids=["the stack's", "rolled back silently", "about to be deleted"],
)
def test_what_serves_is_not_superseded_whatever_the_stack_says(
    serving: str, with_serving: bool, names: list[str]
) -> None:
    account = Account(serving, EVENTS)
    found = superseded(account, NAMES, with_serving=with_serving)  # type: ignore[arg-type]
    assert [one.name for one in found] == names


def test_a_thousand_events_are_read() -> None:
    account = Account(events=[*EVENTS[:1] * 1000, *EVENTS])
    assert superseded(account, NAMES) == []  # type: ignore[arg-type]
    assert account.read == 1000


def test_a_stack_that_has_replaced_nothing_has_nothing_superseded() -> None:
    assert superseded(Account(events=EVENTS[:1]), NAMES) == []  # type: ignore[arg-type]


FOUND = [Superseded(CONFIG, "config-2"), Superseded(MODEL, "model-2"), Superseded(CONFIG, "config-1")]


def test_configurations_go_before_their_models_up_to_the_first_that_is_gone() -> None:
    account, said = Account(there={"config-2", "model-2", "config-0"}), list[str]()
    delete_superseded(account, [*FOUND, Superseded(CONFIG, "config-0")], said.append)  # type: ignore[arg-type]
    assert (account.deleted, said) == (["config-2", "model-2"], [])


def test_a_refusal_is_a_line_and_fails_nothing() -> None:
    account, said = Account(refused="AccessDeniedException"), list[str]()
    delete_superseded(account, FOUND, said.append)  # type: ignore[arg-type]
    assert said == [
        "config-2, which the stack has replaced, may not be deleted; it costs nothing.",
        "model-2, which the stack has replaced, may not be deleted; it costs nothing.",
    ]
