"""What each check of `kickstand doctor` makes of what it saw."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import botocore.session
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from samples import environment

from deployment.doctor.account import (
    _ACCOUNT_MANAGEMENT,
    bootstrap_verdict,
    clock_verdict,
    needed_version,
    region_findings,
    region_verdict,
)
from deployment.doctor.bucket import key_verdict, logs_verdict
from deployment.doctor.finding import Finding, findings_of, problems
from deployment.doctor.roles import role_verdict, services_of, trusts
from deployment.doctor.stacks import alert_finding, endpoint_verdict, scaling_findings, scaling_verdict, stack_verdict
from deployment.doctor.tools import image_finding, resource_type_finding
from kickstand.config.model import Hosting, Roles, Training
from kickstand.config.operation import Alerts, Scaling
from kickstand.errors import InputError, Problem

ACCOUNT = "111122223333"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/team/train"
KEY = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/1234abcd-12ab-34cd-56ef-1234567890ab"
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
PLACE = "--region us-east-1"


def refusal(code: str, message: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, "GetRole")


def test_every_check_runs_whatever_the_others_do() -> None:
    def denied() -> list[Finding]:
        raise refusal("AccessDenied", "User: x is not authorized to perform: iam:GetRole on resource: y")

    def unreachable() -> list[Finding]:
        raise EndpointConnectionError(endpoint_url="https://kms")

    def wrong() -> list[Finding]:
        raise InputError(Problem("One.", fix="Fix one."), Problem("Two."))

    last = Finding("last", "ok", "Here.")
    found = list(findings_of([("roles", denied), ("KMS", unreachable), ("image", wrong), ("last", lambda: [last])]))
    assert [(one.name, one.status) for one in found] == [
        ("roles", "skipped"),
        ("KMS", "problem"),
        ("image", "problem"),
        ("image", "problem"),
        ("last", "ok"),
    ]
    assert "the permission iam:GetRole" in found[0].fix
    assert (found[2].found, found[2].fix) == ("One.", "Fix one.")
    assert problems(found) == 3


@pytest.mark.parametrize(
    ("state", "known", "status"),
    [
        ("ENABLED_BY_DEFAULT", ["us-east-1"], "ok"),
        ("ENABLED", ["us-east-1"], "ok"),
        ("ENABLED", [], "warning"),
        ("ENABLING", ["us-east-1"], "warning"),
        ("DISABLED", ["us-east-1"], "problem"),
    ],
)
def test_region(state: str, known: list[str], status: str) -> None:
    assert region_verdict("us-east-1", known, state).status == status


class _Regions:
    """A session that knows SageMaker everywhere, and reaches the Account Management service where it exists."""

    def __init__(self) -> None:
        self.called: list[str] = []

    def get_available_regions(self, service: str, partition_name: str) -> list[str]:
        return ["us-east-1", "us-gov-west-1", "cn-north-1"]

    def client(self, service: str) -> _Regions:
        self.called.append(service)
        return self

    def get_region_opt_status(self, RegionName: str) -> dict[str, str]:  # noqa: N803
        return {"RegionOptStatus": "DISABLED"}


@pytest.mark.parametrize(
    ("region", "called", "status"),
    [("us-east-1", ["account"], "problem"), ("us-gov-west-1", [], "ok")],
)
def test_a_partition_without_account_management_is_not_looked_up_there(
    region: str, called: list[str], status: str
) -> None:
    session = _Regions()
    workspace = SimpleNamespace(environment=SimpleNamespace(region=region), session=session)
    (found,) = region_findings(workspace)  # type: ignore[arg-type]
    assert (session.called, found.status) == (called, status)


def test_account_management_is_in_the_partitions_where_botocore_knows_an_endpoint_of_it() -> None:
    partitions = botocore.session.get_session().get_data("endpoints")["partitions"]
    assert {one["partition"] for one in partitions if "account" in one["services"]} == _ACCOUNT_MANAGEMENT


@pytest.mark.parametrize(
    ("found", "status", "told"),
    [
        (None, "problem", "The CDK bootstrap stack is missing."),
        ("5", "problem", "Version 5; the stacks need 6."),
        ("x", "problem", "Its version is not a number: 'x'."),
        ("6", "ok", "Version 6; the stacks need 6."),
        ("30", "ok", "Version 30; the stacks need 6."),
    ],
)
def test_bootstrap(found: str | None, status: str, told: str) -> None:
    verdict = bootstrap_verdict(found, 6, "Run: it")
    assert (verdict.status, verdict.found, verdict.fix) == (status, told, "" if status == "ok" else "Run: it")


def test_an_old_bootstrap_is_a_warning_where_deployments_are_reviewed() -> None:
    old = bootstrap_verdict("31", 6, "Run: it", reviewed=True)
    assert (old.status, old.fix) == ("warning", "Run: it")
    assert old.found == (
        "Version 31; its deploy role may not list change sets, as it may from version 32 on. Whoever prepares a review "
        "needs cloudformation:ListChangeSets, which the reviewer policy has."
    )
    assert bootstrap_verdict("32", 6, "Run: it", reviewed=True).status == "ok"
    assert bootstrap_verdict("5", 6, "Run: it", reviewed=True).status == "problem"


def test_the_greatest_version_of_an_assembly_counts() -> None:
    artifacts = {
        "a": {"properties": {"requiresBootstrapStackVersion": 6}},
        "b": {"properties": {"requiresBootstrapStackVersion": 8}},
        "tree": {},
    }
    assert needed_version({"artifacts": artifacts}) == 8
    assert needed_version({}) == 0


@pytest.mark.parametrize(
    ("region", "status", "found"),
    [
        ("us-east-1", "ok", "CloudFormation has all that the stacks need in us-east-1."),
        (
            "me-south-1",
            "warning",
            "cfn-lint's schemas know nothing of me-south-1: whether CloudFormation has the stacks' types is not known.",
        ),
        (
            "ap-southeast-4",
            "problem",
            "The project file names a region where CloudFormation has no AWS::SageMaker::ModelPackageGroup, which the "
            'stacks need: "ap-southeast-4".',
        ),
    ],
)
def test_the_resource_types_of_a_region(region: str, status: str, found: str) -> None:
    verdict = resource_type_finding(region)
    assert (verdict.status, verdict.found) == (status, found)
    assert (verdict.fix == "") == (status == "ok")


@pytest.mark.parametrize(
    ("seconds", "status", "told"),
    [
        (0, "ok", "Within 1 s of AWS's."),
        (-59, "ok", "Within 60 s of AWS's."),
        (61, "warning", "The clock is 61 s ahead of AWS's; from 300 s on AWS refuses signatures."),
        (300, "warning", "The clock is 300 s ahead of AWS's; from 300 s on AWS refuses signatures."),
        (-3601, "problem", "The clock is 3,601 s behind AWS's; AWS refuses signatures that are 300 s off."),
    ],
)
def test_clock(seconds: int, status: str, told: str) -> None:
    verdict = clock_verdict(NOW + timedelta(seconds=seconds), NOW)
    assert (verdict.status, verdict.found) == (status, told)


def test_image() -> None:
    assert image_finding(environment()).found.startswith("683313688378.dkr.ecr.us-east-1.amazonaws.com/")
    with pytest.raises(InputError, match="no built-in XGBoost image in region 'mars-1'"):
        image_finding(environment(region="mars-1"))


def trust(*services: str, effect: str = "Allow", action: str = "sts:AssumeRole") -> dict[str, Any]:
    return {"Statement": [{"Effect": effect, "Principal": {"Service": list(services)}, "Action": action}]}


def test_trust() -> None:
    assert trusts(trust("a.com", "b.com"), "b.com")
    assert trusts({"Statement": {"Effect": "Allow", "Principal": {"Service": "a.com"}, "Action": "sts:*"}}, "a.com")
    assert not trusts(trust("a.com"), "b.com")
    assert not trusts(trust("a.com", action="sts:TagSession"), "a.com")
    assert not trusts({"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole"}]}, "a.com")
    both = trust("a.com")["Statement"] + trust("a.com", effect="Deny")["Statement"]
    assert not trusts({"Statement": both}, "a.com")


def test_roles() -> None:
    services = ("sagemaker.amazonaws.com",)
    good = role_verdict("training", ROLE, ACCOUNT, trust(*services), services)
    assert (good.status, good.found) == ("ok", f"{ROLE} trusts sagemaker.amazonaws.com.")
    bad = role_verdict("training", ROLE, ACCOUNT, trust("ec2.amazonaws.com"), services)
    assert (bad.name, bad.status) == ("roles.training", "problem")
    assert bad.found == f"{ROLE} does not trust sagemaker.amazonaws.com."
    assert "update-assume-role-policy --role-name train " in bad.fix
    assert role_verdict("training", ROLE, ACCOUNT, None, services).found == f"There is no role {ROLE}."
    assert "is in another account" in role_verdict("training", ROLE, "444455556666", None, services).found


def test_the_trigger_role_is_taken_on_by_what_starts_it_too() -> None:
    roles = Roles(trigger=ROLE)
    plain = environment(roles=roles)
    assert services_of(plain) == {"trigger": ("states.amazonaws.com",)}
    full = environment(roles=roles, training=Training(schedule="rate(7 days)", on_new_data=True))
    started = ("states.amazonaws.com", "scheduler.amazonaws.com", "events.amazonaws.com")
    assert services_of(full) == {"trigger": started}


@pytest.mark.parametrize(
    ("described", "told"),
    [
        (None, f"There is no key {KEY}."),
        ({"KeyState": "Disabled"}, f"{KEY} is Disabled."),
        ({"KeyState": "PendingDeletion"}, f"{KEY} is PendingDeletion."),
        (
            {"KeyState": "Enabled", "KeyUsage": "SIGN_VERIFY", "KeySpec": "RSA_2048"},
            f"{KEY} is a key of kind RSA_2048 for SIGN_VERIFY; AWS encrypts with symmetric keys.",
        ),
    ],
)
def test_a_key_that_cannot_be_used(described: dict[str, str] | None, told: str) -> None:
    verdict = key_verdict("storage.kms_key_arn", KEY, described, "us-east-1")
    assert (verdict.status, verdict.found) == ("problem", told)
    assert verdict.fix


def test_keys() -> None:
    enabled = {"KeyState": "Enabled", "KeyUsage": "ENCRYPT_DECRYPT", "KeySpec": "SYMMETRIC_DEFAULT"}
    assert key_verdict("k", KEY, enabled, "us-east-1").status == "ok"
    assert key_verdict("k", KEY, enabled, "eu-west-1").found == f"{KEY} is in us-east-1, not eu-west-1."
    assert logs_verdict(KEY, trust("logs.us-east-1.amazonaws.com"), "us-east-1").status == "ok"
    assert logs_verdict(KEY, trust("logs.eu-west-1.amazonaws.com"), "us-east-1").status == "problem"
    assert logs_verdict(KEY, trust("logs.us-east-1.amazonaws.com", effect="Deny"), "us-east-1").status == "problem"


@pytest.mark.parametrize(
    ("stack", "status", "fix"),
    [
        (None, "ok", ""),
        ("CREATE_COMPLETE", "ok", ""),
        ("UPDATE_IN_PROGRESS", "warning", "Wait for its end."),
        ("REVIEW_IN_PROGRESS", "ok", ""),
        (
            "UPDATE_ROLLBACK_COMPLETE",
            "warning",
            f"Its events say why: aws cloudformation describe-stack-events --stack-name s {PLACE}",
        ),
        (
            "ROLLBACK_COMPLETE",
            "problem",
            f"Run: aws cloudformation delete-stack --stack-name s {PLACE}; then deploy again",
        ),
        (
            "UPDATE_ROLLBACK_FAILED",
            "problem",
            f"Fix what its events name, then: aws cloudformation continue-update-rollback --stack-name s {PLACE}",
        ),
        (
            "DELETE_FAILED",
            "problem",
            "Its events say what is in the way: empty or detach that, then: kickstand destroy dev",
        ),
    ],
)
def test_stacks(stack: str | None, status: str, fix: str) -> None:
    verdict = stack_verdict("s", stack, PLACE, "kickstand destroy dev")
    assert (verdict.status, verdict.fix) == (status, fix)


@pytest.mark.parametrize(
    ("state", "status"),
    [
        ("InService", "ok"),
        ("Updating", "warning"),
        ("Failed", "problem"),
        ("OutOfService", "problem"),
        (None, "problem"),
    ],
)
def test_endpoint(state: str | None, status: str) -> None:
    assert endpoint_verdict("bikes-dev", state, "", "D", "X").status == status


@pytest.mark.parametrize("code", ["", "NoSuchEntity", "AccessDenied"])
def test_the_role_of_application_auto_scaling_is_looked_for_where_something_scales(code: str) -> None:
    named: list[str] = []

    def get_role(RoleName: str) -> None:  # noqa: N803
        named.append(RoleName)
        if code:
            raise refusal(code, "no")

    def workspace(hosting: Hosting) -> Any:
        client = SimpleNamespace(get_role=get_role)
        session = SimpleNamespace(client=lambda service: client)
        return SimpleNamespace(environment=environment(hosting=hosting), session=session, aws_options=PLACE)

    assert [*scaling_findings(workspace(Hosting()))] == []
    scaled = workspace(Hosting(scaling=Scaling(maximum=4, concurrent_requests=2)))
    if code == "AccessDenied":
        with pytest.raises(ClientError):
            list(scaling_findings(scaled))
    else:
        assert [*scaling_findings(scaled)] == [scaling_verdict(PLACE, made=not code)]
    assert named == ["AWSServiceRoleForApplicationAutoScaling_SageMakerEndpoint"]


def test_a_role_that_is_not_there_yet_is_a_warning_with_the_command_that_makes_it() -> None:
    found = scaling_verdict(PLACE, made=False)
    assert (found.status, scaling_verdict(PLACE, made=True).status) == ("warning", "ok")
    assert found.fix.endswith(
        "aws iam create-service-linked-role --aws-service-name sagemaker.application-autoscaling.amazonaws.com "
        "--region us-east-1"
    )


def test_a_failed_endpoint_gives_its_reason_and_the_two_steps() -> None:
    verdict = endpoint_verdict("bikes-dev", "Failed", "No ping.", "kickstand deploy dev", "kickstand destroy dev")
    assert verdict.found == "bikes-dev is Failed. No ping."
    assert verdict.fix == "Run: kickstand destroy dev; then: kickstand deploy dev"


@pytest.mark.parametrize(
    ("settings", "status", "sentence"),
    [
        ({"name": "dev"}, "ok", "Alarms notify nobody."),
        ({"name": "prod"}, "warning", "Alarms notify nobody."),
        (
            {"name": "prod", "alerts": Alerts(emails=("a@example.com", "b@example.com"))},
            "ok",
            "Alarms notify a@example.com, b@example.com, once each address has confirmed.",
        ),
        (
            {"name": "prod", "alerts": Alerts(topic_arn="arn:aws:sns:us-east-1:111122223333:on-call")},
            "ok",
            "Alarms notify arn:aws:sns:us-east-1:111122223333:on-call.",
        ),
    ],
)
def test_alarms_tell_somebody_in_prod(settings: dict[str, Any], status: str, sentence: str) -> None:
    found = alert_finding(environment(**settings))
    assert (found.name, found.status, found.found) == ("alerts", status, sentence)
    assert bool(found.fix) == (status == "warning")
