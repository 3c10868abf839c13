"""A reviewed deployment by the CDK CLI: reviewed by a reviewer, prepared, changed by hand, executed.

One story in order, in one local cloud, so that each step starts from what the former one left. Nothing of it says
`--local`: releases and reviews lie in the project's own folder, as on AWS.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from typed_command import Typed, type_here
from warm_cdk import run_warm
from workshop import ACCOUNT, REGION, REPOSITORY, Workshop, make_project, open_workshop

from deployment.cdk import CLI, node

PAGE = (REPOSITORY / "docs" / "review.md").read_text(encoding="utf-8")
TYPED: list[str] = []
"""Every command that the story has typed and that went well, as the page writes it."""
TRAINING, HOSTING = "kites-dev-training", "kites-dev-hosting"


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workshop]:
    yield from open_workshop(tmp_path_factory.mktemp("workshop"))


@pytest.fixture(scope="module")
def kites(tmp_path_factory: pytest.TempPathFactory, workshop: Workshop) -> Path:
    """A project whose training stack is deployed and whose first model is released: hosting is to be reviewed."""
    project = make_project(tmp_path_factory.mktemp("projects") / "kites")
    workshop.kickstand(project, "deploy", "dev", "--yes").good()
    bootstrap_as_of_version_21(workshop)
    with (project / "kickstand.toml").open("a") as toml:
        toml.write("[environments.dev.review]\nrequire_review = true\n")
    typed(workshop, project, "fit", "dev").good()
    synthesise(workshop, project)
    return project


def bootstrap_as_of_version_21(workshop: Workshop) -> None:
    """The deploy role of an older bootstrap stack: what it may do with CloudFormation, written out from its template.

    Listing change sets is not among it.
    """
    iam, role = workshop.client("iam"), f"cdk-hnb659fds-deploy-role-{ACCOUNT}-{REGION}"
    for attached in iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]:
        iam.detach_role_policy(RoleName=role, PolicyArn=attached["PolicyArn"])
    document = iam.get_role_policy(RoleName=role, PolicyName="default")["PolicyDocument"]
    others = [one for one in document["Statement"] if "cloudformation:" not in json.dumps(one["Action"])]
    verbs = ["CreateChangeSet", "DeleteChangeSet", "DescribeChangeSet", "DescribeStacks", "ExecuteChangeSet"]
    verbs += ["CreateStack", "UpdateStack", "DescribeStackEvents", "GetTemplate", "DeleteStack"]
    verbs += ["UpdateTerminationProtection", "GetTemplateSummary"]
    old = {"Effect": "Allow", "Resource": "*", "Action": [f"cloudformation:{verb}" for verb in verbs]}
    document = {**document, "Statement": [*others, old]}
    iam.put_role_policy(RoleName=role, PolicyName="default", PolicyDocument=json.dumps(document))
    version = "/cdk-bootstrap/hnb659fds/version"
    workshop.client("ssm").put_parameter(Name=version, Value="21", Type="String", Overwrite=True)


def typed(workshop: Workshop, project: Path, *words: str | Path, **more: str) -> Typed:
    """A command as on AWS: the credentials are in the process's environment."""
    variables = {**workshop.variables(), **workshop.cloud_environment(), **more}
    done = type_here(REPOSITORY, variables, "--config", project / "kickstand.toml", *words)
    if done.code == 0:
        line = " ".join(["kickstand", *map(str, words)])
        TYPED.append(line.replace(f"{project}/", "").replace(str(assembly(project)), "assembly").replace("dev", "prod"))
    return done


def synthesise(workshop: Workshop, project: Path) -> None:
    """What the pull request's job builds once, and all others work from."""
    context = (f"config={project / 'kickstand.toml'}", f"releases={project / 'releases'}", "environment=dev")
    shutil.rmtree(assembly(project), ignore_errors=True)
    words = ("synth", "dev/*", "--quiet", "--output", str(assembly(project)))
    command = [node(), str(CLI), *words, *(word for one in context for word in ("-c", one))]
    assert run_warm(command, cwd=REPOSITORY, env=workshop.variables()) == 0


def assembly(project: Path) -> Path:
    return project.parent / "assembly"


def built(project: Path) -> tuple[str | Path, ...]:
    return ("--assembly", assembly(project))


def review_file(project: Path) -> Path:
    return project / "review" / "dev" / "review.json"


def reviewed(project: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(review_file(project).read_bytes())
    return found


def deploy(workshop: Workshop, project: Path) -> Typed:
    return typed(workshop, project, "deploy", "dev", "--reviewed", review_file(project), *built(project))


def change_sets(workshop: Workshop, stack: str) -> dict[str, str]:
    """ARN and execution status of each change set of a stack."""
    cloudformation = workshop.client("cloudformation")
    found = cloudformation.list_change_sets(StackName=stack)["Summaries"]
    return {one["ChangeSetId"]: one["ExecutionStatus"] for one in found}


def stacks(workshop: Workshop) -> dict[str, str]:
    found = workshop.client("cloudformation").describe_stacks()["Stacks"]
    return {one["StackName"]: one["StackStatus"] for one in found if one["StackName"].startswith("kites-")}


def training_role(workshop: Workshop) -> str:
    roles = workshop.client("iam").list_roles()["Roles"]
    (name,) = [one["RoleName"] for one in roles if one["RoleName"].startswith(f"{TRAINING}-TrainingRole")]
    return str(name)


@contextmanager
def widened_role(workshop: Workshop) -> Iterator[None]:
    iam, role = workshop.client("iam"), training_role(workshop)
    before = iam.get_role_policy(RoleName=role, PolicyName="kites-dev-training")["PolicyDocument"]
    more = {"Sid": "ReadData", "Effect": "Allow", "Action": "s3:*", "Resource": "*"}
    document = {**before, "Statement": [more, *before["Statement"][1:]]}
    iam.put_role_policy(RoleName=role, PolicyName="kites-dev-training", PolicyDocument=json.dumps(document))
    yield
    iam.put_role_policy(RoleName=role, PolicyName="kites-dev-training", PolicyDocument=json.dumps(before))


@contextmanager
def opened_bucket(workshop: Workshop) -> Iterator[None]:
    s3, bucket = workshop.client("s3"), f"kites-dev-{ACCOUNT}-{REGION}"
    before = s3.get_bucket_policy(Bucket=bucket)["Policy"]
    s3.delete_bucket_policy(Bucket=bucket)
    yield
    s3.put_bucket_policy(Bucket=bucket, Policy=before)


def test_1_a_deployment_without_a_review_is_refused(workshop: Workshop, kites: Path) -> None:
    refused = typed(workshop, kites, "deploy", "dev", "--yes")
    assert refused.code == 2
    assert "dev is deployed only by change sets that were reviewed (require_review = true)" in refused.err
    assert stacks(workshop) == {TRAINING: "CREATE_COMPLETE"}


def test_2_a_reviewer_reviews_twice_to_the_same_bytes_and_changes_nothing(workshop: Workshop, kites: Path) -> None:
    iam = workshop.client("iam")
    iam.create_user(UserName="reviewer")
    for policy in ("reviewer", "drift"):
        arn = f"arn:aws:iam::{ACCOUNT}:policy/kites-dev-{policy}-{REGION}"
        iam.attach_user_policy(UserName="reviewer", PolicyArn=arn)
    made = iam.create_access_key(UserName="reviewer")["AccessKey"]
    key = {"AWS_ACCESS_KEY_ID": made["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": made["SecretAccessKey"]}

    said = typed(workshop, kites, "review", "dev", *built(kites), **key).good().out
    first = review_file(kites).read_bytes()
    day = ("--as-of", json.loads(first)["as_of"])
    again = ("--drift", review_file(kites), "-o", kites / "again")
    typed(workshop, kites, "review", "dev", *day, *again, *built(kites), **key).good()

    assert (kites / "again" / "review.json").read_bytes() == first
    bundle = json.loads(first)
    assert bundle["drift"]["headlines"] == []
    assert [(one["stack"], one["status"]) for one in bundle["drift"]["stacks"]] == [
        (TRAINING, "IN_SYNC"),
        (HOSTING, "NOT_DEPLOYED"),
    ]
    assert bundle["change_sets"] == []
    assert "review dev --prepare" in said
    assert stacks(workshop) == {TRAINING: "CREATE_COMPLETE"}
    assert change_sets(workshop, TRAINING).keys() == {
        arn for arn, status in change_sets(workshop, TRAINING).items() if status == "EXECUTE_COMPLETE"
    }
    refused = typed(workshop, kites, "review", "dev", "--prepare", *built(kites), **key)
    assert refused.code == 1
    assert stacks(workshop) == {TRAINING: "CREATE_COMPLETE"}
    assert review_file(kites).read_bytes() == first


def forge(project: Path) -> bytes:
    """Rewrite what an approver reads, and seal it again; what was there before."""
    file = review_file(project)
    good = file.read_bytes()
    fields = json.loads(good)
    del fields["sha256"]
    fields["cost"].update(after=1.0, headlines=[])
    fields["policy"].update(findings=[], headlines=[])
    fields["model"]["metrics"][0]["released"] = 0.001
    fields["sha256"] = hashlib.sha256(sealed(fields)).hexdigest()
    file.write_bytes(sealed(fields))
    return good


def sealed(fields: dict[str, Any]) -> bytes:
    return (json.dumps(fields, sort_keys=True, indent=2, ensure_ascii=False) + "\n").encode()


def test_3_a_forged_review_is_not_prepared(workshop: Workshop, kites: Path) -> None:
    good = forge(kites)
    forged = review_file(kites).read_bytes()
    refused = typed(workshop, kites, "review", "dev", "--prepare", *built(kites))
    assert refused.code == 2
    assert "The review is not what comes of it when it is made anew: cost.after is 1.0 in it, and " in refused.err
    assert "model.metrics[0].released is 0.001 in it, and " in refused.err
    assert stacks(workshop) == {TRAINING: "CREATE_COMPLETE"}
    assert review_file(kites).read_bytes() == forged
    review_file(kites).write_bytes(good)


def test_3_preparing_makes_one_change_set_a_stack_and_records_it(workshop: Workshop, kites: Path) -> None:
    typed(workshop, kites, "review", "dev", "--prepare", *built(kites)).good()
    former = {one["stack"]: one["arn"] for one in reviewed(kites)["change_sets"]}
    typed(workshop, kites, "review", "dev", "--prepare", *built(kites)).good()

    recorded = {one["stack"]: one for one in reviewed(kites)["change_sets"]}
    assert [*recorded] == [TRAINING, HOSTING]
    assert recorded[TRAINING]["empty"]
    assert change_sets(workshop, HOSTING) == {recorded[HOSTING]["arn"]: "AVAILABLE"}
    assert recorded[HOSTING]["arn"] != former[HOSTING]
    assert f"changeSet/kickstand-{reviewed(kites)['assembly_sha256'][:32]}/" in recorded[HOSTING]["arn"]
    assert stacks(workshop) == {TRAINING: "CREATE_COMPLETE", HOSTING: "REVIEW_IN_PROGRESS"}


def test_4_what_was_changed_by_hand_since_is_refused_by_name(workshop: Workshop, kites: Path) -> None:
    with widened_role(workshop):
        role = deploy(workshop, kites)
    with opened_bucket(workshop):
        bucket = deploy(workshop, kites)
    template = next(assembly(kites).glob("assembly-dev/*hosting*.template.json"))
    good = template.read_bytes()
    template.write_bytes(good.replace(b"ml.m5.large", b"ml.m5.4xlarge"))
    swapped = deploy(workshop, kites)
    template.write_bytes(good)
    prepared = forge(kites)
    forged = deploy(workshop, kites)
    review_file(kites).write_bytes(prepared)

    assert forged.code == 2
    assert "when it is made anew: cost.after is 1.0 in it, and " in forged.err
    assert [one.code for one in (role, bucket, swapped)] == [2, 2, 2]
    assert 'PolicyDocument.Statement[0].Action: expected ["s3:GetObject"], found "s3:*"' in role.err
    assert (
        "is DELETED (AWS::S3::BucketPolicy) of kites-dev-training, since the review. Nothing was changed." in bucket.err
    )
    assert "The cloud assembly is not the reviewed one" in swapped.err
    assert stacks(workshop)[HOSTING] == "REVIEW_IN_PROGRESS"


def test_5_the_very_change_set_is_executed_and_the_endpoint_proved(workshop: Workshop, kites: Path) -> None:
    (arn,) = change_sets(workshop, HOSTING)
    done = deploy(workshop, kites).good()
    assert f"{HOSTING}: executing {arn}" in done.out
    assert "kites-dev is InService" in done.out
    assert "5 golden rows came back equal" in done.out
    assert change_sets(workshop, HOSTING) == {arn: "EXECUTE_COMPLETE"}
    assert stacks(workshop) == {TRAINING: "CREATE_COMPLETE", HOSTING: "CREATE_COMPLETE"}

    again = deploy(workshop, kites).good()
    assert f"{HOSTING}: its change set was executed before." in again.out


def test_6_an_endpoint_changed_by_hand_and_a_stack_updated_meanwhile_are_refused(
    workshop: Workshop, kites: Path
) -> None:
    with (kites / "kickstand.toml").open("a") as toml:
        toml.write('[environments.dev.hosting]\ninstance_type = "ml.m5.xlarge"\n')
    synthesise(workshop, kites)
    day = ("--as-of", "2026-11-23")
    typed(workshop, kites, "review", "dev", *day, *built(kites), "--fail-on", "danger").good()
    typed(workshop, kites, "review", "dev", "--prepare", *built(kites)).good()
    (arn,) = [one["arn"] for one in reviewed(kites)["change_sets"] if one["stack"] == HOSTING]

    sagemaker, cloudformation = workshop.client("sagemaker"), workshop.client("cloudformation")
    # The alarms are there now: they are rollback triggers, of the only change set that is left.
    assert [one for one, status in change_sets(workshop, HOSTING).items() if status == "AVAILABLE"] == [arn]
    triggers = cloudformation.describe_change_set(ChangeSetName=arn)["RollbackConfiguration"]
    assert [one["Arn"].rpartition(":")[2] for one in triggers["RollbackTriggers"]] == [
        f"kites-dev-all-{what}" for what in ("5xx-rate", "model-errors", "p99-latency")
    ]
    assert triggers["MonitoringTimeInMinutes"] == 0
    config = sagemaker.describe_endpoint(EndpointName="kites-dev")["EndpointConfigName"]
    variants = sagemaker.describe_endpoint_config(EndpointConfigName=config)["ProductionVariants"]
    sagemaker.create_endpoint_config(EndpointConfigName="by-hand", ProductionVariants=variants)
    sagemaker.update_endpoint(EndpointName="kites-dev", EndpointConfigName="by-hand")
    sagemaker.get_waiter("endpoint_in_service").wait(EndpointName="kites-dev", WaiterConfig={"Delay": 1})
    moved = deploy(workshop, kites)
    sagemaker.update_endpoint(EndpointName="kites-dev", EndpointConfigName=config)
    sagemaker.get_waiter("endpoint_in_service").wait(EndpointName="kites-dev", WaiterConfig={"Delay": 1})

    tags = [{"Key": "by", "Value": "hand"}]
    cloudformation.update_stack(
        StackName=HOSTING, UsePreviousTemplate=True, Tags=tags, Capabilities=["CAPABILITY_NAMED_IAM"]
    )
    cloudformation.get_waiter("stack_update_complete").wait(StackName=HOSTING, WaiterConfig={"Delay": 1})
    obsolete = deploy(workshop, kites)

    assert (moved.code, obsolete.code) == (2, 2)
    assert f'EndpointConfigName: expected "{config}", found "by-hand"' in moved.err
    assert (
        f"{arn}: The change set is obsolete: the stack was updated since it was made. Nothing was changed."
        in obsolete.err
    )
    assert sagemaker.describe_endpoint(EndpointName="kites-dev")["EndpointConfigName"] == config


def test_7_every_command_of_the_page_was_typed(workshop: Workshop, kites: Path) -> None:
    typed(workshop, kites, "deploy", "dev", "--take-back").good()
    lines = [line for block in re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL) for line in block.splitlines()]
    days = re.compile(r"--as-of \S+")
    assert len(lines) == 6
    assert {days.sub("--as-of DAY", line) for line in lines} <= {days.sub("--as-of DAY", line) for line in TYPED}
