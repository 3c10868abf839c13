"""`deploy --training`: the training stack alone, and not where an environment takes only what was reviewed."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from samples import environment, release
from typer.testing import CliRunner
from workspaces import workspace

from cli.commands import app
from deployment.cdk import Cdk
from deployment.deploy import deploy_environment, deploy_training
from deployment.endpoint.triggers import Triggers
from kickstand.config.promotion import Review
from kickstand.errors import InputError, KickstandError


def unsaid(line: str) -> None:
    """A line that no test reads."""


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """What the CDK command line was asked."""
    asked: list[tuple[str, ...]] = []
    monkeypatch.setattr(Cdk, "run", lambda _, *words: asked.append(words))
    monkeypatch.setattr("deployment.deploy.refuse_without_bootstrap", lambda workspace: None)
    return asked


class Session:
    """A session whose only client is CloudFormation's."""

    def __init__(self, cloudformation: Any) -> None:
        self._cloudformation = cloudformation

    def client(self, service: str) -> Any:
        assert service == "cloudformation"
        return self._cloudformation


class Events:
    """CloudFormation's records of failures: those that were there before, and then those of the deployment too."""

    def __init__(
        self,
        before: tuple[dict[str, str], ...] = (),
        after: tuple[dict[str, str], ...] = (),
        stacks: Sequence[dict[str, Any]] = (),
    ) -> None:
        self.recorded, self.after, self.stacks = before, after, [*stacks]
        self.change_sets: list[str] = []

    def describe_stacks(self, **asked: str) -> dict[str, Any]:
        assert asked == {"StackName": "bikes-dev-training"}
        if not self.stacks:
            told = f"Stack with id {asked['StackName']} does not exist"
            raise ClientError({"Error": {"Code": "ValidationError", "Message": told}}, "DescribeStacks")
        return {"Stacks": [self.stacks.pop(0) if len(self.stacks) > 1 else self.stacks[0]]}

    def list_change_sets(self, **asked: str) -> dict[str, Any]:
        assert asked == {"StackName": "bikes-dev-training"}
        return {"Summaries": [{"ChangeSetName": name} for name in self.change_sets]}

    def describe_events(self, **asked: Any) -> dict[str, Any]:
        assert asked == {"StackName": "bikes-dev-training", "Filters": {"FailedEvents": True}}
        return {"OperationEvents": [one for one in self.recorded if "OperationId" in one]}

    def describe_stack_events(self, **asked: str) -> dict[str, Any]:
        if not self.recorded:
            told = f"Stack [{asked['StackName']}] does not exist"
            raise ClientError({"Error": {"Code": "ValidationError", "Message": told}}, "DescribeStackEvents")
        return {"StackEvents": [one for one in self.recorded if "OperationId" not in one]}

    def get_paginator(self, operation: str) -> Events:
        assert operation == "describe_stack_events"
        return self

    def paginate(self, **asked: str) -> list[dict[str, Any]]:
        return [self.describe_stack_events(**asked)]


def event(number: int, reason: str, resource: str = "Bucket", **more: str) -> dict[str, str]:
    named = {"LogicalResourceId": resource, "ResourceType": "AWS::S3::Bucket"}
    return {
        "EventId": str(number),
        "Timestamp": f"2026-11-23T12:00:{number:02}Z",
        "ResourceStatus": "CREATE_FAILED",
        "ResourceStatusReason": reason,
        **named,
        **more,
    }


def validation(number: int, reason: str, mode: str = "FAIL") -> dict[str, str]:
    """An event as DescribeEvents has it; it is on no list of stack events."""
    found = event(number, "", OperationId="1", ValidationFailureMode=mode, ValidationStatusReason=reason)
    del found["ResourceStatus"], found["ResourceStatusReason"]
    return found


def test_a_refusal_shows_cloudformations_own_reasons_and_no_older_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    old = (validation(1, "of yesterday"), event(2, "of yesterday too"))
    calls = Events(
        old,
        (
            *old,
            event(5, "Validation failed with 1 error(s). Call DescribeEvents …", resource="bikes-dev-training"),
            validation(4, "The bucket name bikes-dev is taken."),
            validation(3, "a warning", mode="WARN"),
            event(6, "Resource creation cancelled", resource="Role"),
            event(7, "The bucket name bikes-dev is taken."),
            event(8, "No such key.", resource="Key"),
        ),
    )

    def fail(command: Any, **more: Any) -> int:
        calls.recorded = calls.after
        return 1

    monkeypatch.setattr("deployment.cdk.run_child", fail)
    monkeypatch.setattr(Cdk, "command", lambda *words: [])
    monkeypatch.setattr("deployment.deploy.refuse_without_bootstrap", lambda workspace: None)
    with pytest.raises(KickstandError) as caught:
        deploy_training(cdk(calls), unsaid)
    assert [(one.where, one.message) for one in caught.value.problems] == [
        ("Bucket (AWS::S3::Bucket) of bikes-dev-training", "The bucket name bikes-dev is taken."),
        ("Key (AWS::S3::Bucket) of bikes-dev-training", "No such key."),
        ("bikes-dev", "cdk deploy failed (exit code 1)."),
    ]


def test_a_failure_before_cloudformation_claims_no_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("deployment.cdk.run_child", lambda command, **more: 1)
    monkeypatch.setattr(Cdk, "command", lambda *words: [])
    monkeypatch.setattr("deployment.deploy.refuse_without_bootstrap", lambda workspace: None)
    with pytest.raises(KickstandError) as caught:
        deploy_training(cdk(Events()), unsaid)
    assert [one.message for one in caught.value.problems] == ["cdk deploy failed (exit code 1)."]


@pytest.mark.parametrize("what", [[], ["--training"], ["--pipeline"]])
def test_without_a_terminal_a_deployment_is_refused_before_anything_starts(what: list[str], tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["--config", str(tmp_path / "none.toml"), "deploy", "dev", *what])
    assert isinstance(done.exception, InputError)
    assert str(done.exception) == (
        "deploy dev: Security-relevant changes are asked about, and there is no terminal to answer in. Nothing was "
        "deployed. Add --yes."
    )


def cdk(calls: Any = None, **changes: Any) -> Cdk:
    return Cdk(workspace(Session(calls or Events()), of=environment(**changes)))


def test_only_the_training_stack_is_deployed(ran: list[tuple[str, ...]]) -> None:
    deploy_training(cdk(), unsaid)
    deploy_training(cdk(), unsaid, prompt=False)
    (first, second) = ran
    assert [one[:3] + one[4:] for one in ran] == [
        ("deploy", "dev/training", "--change-set-name"),
        ("deploy", "dev/training", "--change-set-name", "--require-approval", "never"),
    ]
    assert first[3] != second[3]  # of two runs at once, neither deletes or waits for the other's change set
    assert all(re.fullmatch("kickstand-deploy-[0-9a-f]{12}", one[3]) for one in ran)


def test_bootstrapping_synthesises_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The CLI runs the app of cdk.json otherwise, also where it is told the account and the region."""
    commands: list[list[str]] = []

    def run_child(command: list[str], **more: object) -> int:
        commands.append(command)
        return 0

    monkeypatch.setattr("deployment.cdk.run_child", run_child)
    cdk().bootstrap()
    ((*_, verb, where, option, app, _, _),) = commands
    assert [verb, where, option, app] == ["bootstrap", "aws://111122223333/us-east-1", "--app", ""]


def stack(status: str, hour: int = 2) -> dict[str, Any]:
    began, changed = (datetime(2026, 11, 29, at, 30, tzinfo=UTC) for at in (1, hour))
    return {"StackStatus": status, "CreationTime": began, "LastUpdatedTime": changed}


def test_another_deployment_is_named_once_a_status_and_waited_for(
    ran: list[tuple[str, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    busy = ["UPDATE_IN_PROGRESS", "UPDATE_IN_PROGRESS", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "UPDATE_COMPLETE"]
    calls = Events(stacks=[*map(stack, busy)])
    monkeypatch.setattr("deployment.failures.wait_for_others.__kwdefaults__", {"sleep": lambda _: None})
    deploy_training(cdk(calls), said.append)
    assert said == [
        f"stack bikes-dev-training: Another deployment runs: the stack is {status} since 02:30:00 UTC. Waiting for it; "
        "Ctrl-C ends the waiting."
        for status in ("UPDATE_IN_PROGRESS", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS")
    ]
    assert len(ran) == 1


@pytest.mark.parametrize("status", ["REVIEW_IN_PROGRESS", "UPDATE_COMPLETE", "ROLLBACK_COMPLETE"])
def test_a_stack_that_rests_is_not_waited_for(ran: list[tuple[str, ...]], status: str) -> None:
    deploy_training(cdk(Events(stacks=[stack(status)])), pytest.fail)
    assert len(ran) == 1


CALLED_ANOTHER = "Another deployment runs: the stack is UPDATE_IN_PROGRESS since 03:30:00 UTC."
CHANGED_ANOTHER = "Another deployment changed the stack at 03:30:00 UTC, while this one ran."
FAILED = "cdk deploy failed (exit code 1)."


@pytest.mark.parametrize(
    ("after", "change_sets", "messages"),
    [
        (stack("UPDATE_IN_PROGRESS", 3), [], [CALLED_ANOTHER, FAILED]),
        (stack("UPDATE_COMPLETE", 3), ["kickstand-deploy-of-another"], [CHANGED_ANOTHER, FAILED]),
        (stack("UPDATE_COMPLETE", 3), ["kickstand-deploy-ours"], [FAILED]),
        (stack("UPDATE_COMPLETE", 2), [], [FAILED]),
    ],
)
def test_what_another_deployment_refused_is_said(
    monkeypatch: pytest.MonkeyPatch, after: dict[str, Any], change_sets: list[str], messages: list[str]
) -> None:
    """It began between the look and CloudFormation's own check."""
    calls = Events(stacks=[stack("UPDATE_COMPLETE")])

    def fail(command: Any, **more: Any) -> int:
        calls.stacks, calls.change_sets = [after], change_sets
        return 1

    monkeypatch.setattr("secrets.token_hex", lambda count: "ours")
    monkeypatch.setattr("deployment.cdk.run_child", fail)
    monkeypatch.setattr(Cdk, "command", lambda *words: [])
    monkeypatch.setattr("deployment.deploy.refuse_without_bootstrap", lambda workspace: None)
    with pytest.raises(KickstandError) as caught:
        deploy_training(cdk(calls), unsaid)
    assert [one.message for one in caught.value.problems] == messages


def test_an_environment_that_is_reviewed_is_not_deployed_past_its_review(ran: list[tuple[str, ...]]) -> None:
    with pytest.raises(InputError, match="require_review = true"):
        deploy_training(cdk(review=Review(require_review=True)), unsaid)
    assert ran == []


def test_a_hosting_stack_that_is_deleted_while_training_is_deployed_is_made_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its working hours end in between: there is no alarm any more that the update could have for a trigger."""
    seen = iter([Triggers({"bikes-dev-all-5xx-rate": "arn:alarm"}, 5), None])
    made: list[tuple[str, ...]] = []
    monkeypatch.setattr("deployment.deploy.find_triggers", lambda *_: next(seen))
    monkeypatch.setattr("deployment.deploy.guarded_update", lambda *_, **__: nullcontext())
    monkeypatch.setattr("deployment.deploy.deploy_twice", lambda session, stacks, deploy, say: deploy())
    monkeypatch.setattr("deployment.deploy._run_deploy", lambda _, what, __, *words, **___: made.append((what, *words)))
    monkeypatch.setattr(Cdk, "assembly", lambda _: Path("/assembly"))
    for step in ("require_deployable", "end_watch", "wait_for_others", "import_retained", "prove"):
        monkeypatch.setattr(f"deployment.deploy.{step}", lambda *_, **__: None)
    deploy_environment(cdk(), release(), unsaid)
    assert made == [("dev/training",), ("dev/hosting", "--exclusively")]


def test_who_interrupts_a_deployment_is_given_the_command_that_follows_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("deployment.cdk.run_child", lambda *_, **__: interrupt())
    monkeypatch.setattr("deployment.deploy.require_deployable", lambda *_, **__: None)
    monkeypatch.setattr("deployment.deploy.guarded_update", lambda *_, **__: nullcontext())
    monkeypatch.setattr("deployment.deploy.deploy_twice", lambda session, stacks, deploy, say: deploy())
    monkeypatch.setattr("deployment.deploy.import_retained", lambda *_: None)
    cdk = Cdk(workspace(Session(Events()), Path("/none"), of=environment()))
    monkeypatch.setattr("deployment.deploy.wait_for_others", lambda *_: cdk.run("deploy", "dev/*"))
    with pytest.raises(KickstandError) as interrupted:
        deploy_environment(cdk, None, unsaid)
    (problem,) = interrupted.value.problems
    assert problem.message == "cdk deploy was interrupted; CloudFormation goes on with what it had begun."
    assert problem.fix == "Follow it to its end: kickstand deploy dev"
