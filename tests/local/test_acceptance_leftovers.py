"""What an acceptance run has left: listed by name, each with its command, and removed, in a running local cloud."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest

from acceptance import run as running
from acceptance.leftovers import find, remove
from acceptance.own_stacks import make_key, make_stack, persona
from acceptance.project import Plan, write_project
from acceptance.run import clear
from acceptance.step import World
from acceptance.steps.first_deployments import orphaned, watched
from deployment.destroy import delete_stack
from kickstand.config.load import load_project
from kickstand.errors import InputError, KickstandError
from kickstand.workspace import Workspace
from localcloud.cloud import LocalCloud

ACCOUNT, REGION = "111122223333", "eu-west-1"
NOW = datetime(2026, 11, 28, 21, tzinfo=UTC)


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    return plan_of("20261128T202600Z", tmp_path)


def plan_of(run: str, folder: Path) -> Plan:
    file = folder / "kickstand.toml"
    file.write_text(
        f'[project]\nname = "left"\n[data]\ntrain = "train.csv"\n[hyperparameters]\nobjective = "reg:squarederror"\n'
        f'num_round = 9\n[environments.dev]\naccount = "{ACCOUNT}"\nregion = "{REGION}"\n'
    )
    dev = load_project(file).environments["dev"]
    return Plan(dev, dev, run)


@pytest.fixture
def entered(cloud: LocalCloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """This process talks to the local cloud, as the root of the account."""
    for name, value in cloud.environment(ACCOUNT, REGION).items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def workspace(plan: Plan, tmp_path: Path, entered: None) -> Workspace:
    project = load_project(write_project(tmp_path / "project-of-the-run", plan, {}))
    environment = project.environments["dev"]
    return Workspace(project, environment, boto3.Session(region_name=REGION), tmp_path)


def stack_with_bucket(workspace: Workspace) -> None:
    """As much of a training stack as keeps one from being deleted: a bucket that holds versions of an object."""
    bucket = {
        "Type": "AWS::S3::Bucket",
        "Properties": {"BucketName": workspace.names.bucket, "VersioningConfiguration": {"Status": "Enabled"}},
    }
    make_stack(workspace, workspace.names.training_stack, {"Resources": {"Bucket": bucket}})
    for body in (b"one", b"two"):
        workspace.session.client("s3").put_object(Bucket=workspace.names.bucket, Key="data/train.csv", Body=body)


def test_all_that_is_left_is_listed_with_its_command_and_removed(workspace: Workspace) -> None:
    make_key(workspace, None)
    stack_with_bucket(workspace)
    logs, names = workspace.session.client("logs"), workspace.names
    logs.create_log_group(logGroupName=names.endpoint_log_group)
    logs.create_log_group(logGroupName="/aws/sagemaker/TrainingJobs")
    for stream in (f"{names.prefix}-job/algo-1", "somebody-else/algo-1"):
        logs.create_log_stream(logGroupName="/aws/sagemaker/TrainingJobs", logStreamName=stream)

    found = find(workspace)
    assert {(one.what, one.name) for one in found} == {
        ("stack", f"{names.prefix}-training"),
        ("stack", f"{names.prefix}-key"),
        ("artifact bucket", names.bucket),
        ("endpoint log", f"/aws/sagemaker/Endpoints/{names.prefix}"),
        ("training logs", "/aws/sagemaker/TrainingJobs"),
    }
    commands = {one.command for one in found}
    assert f"aws cloudformation delete-stack --stack-name {names.prefix}-key --region eu-west-1" in commands
    assert f"aws s3 rb s3://{names.bucket} --force --region eu-west-1" in commands
    assert {one.run for one in found if one.what == "stack"} == {"20261128T202600Z"}

    assert remove(workspace, lambda line: None) == []
    assert find(workspace) == []
    streams = logs.describe_log_streams(logGroupName="/aws/sagemaker/TrainingJobs")["logStreams"]
    assert [one["logStreamName"] for one in streams] == ["somebody-else/algo-1"]
    logs.delete_log_group(logGroupName="/aws/sagemaker/TrainingJobs")


def test_what_cannot_be_removed_keeps_nothing_else_and_is_still_listed(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_key(workspace, None)
    stack_with_bucket(workspace)

    def refuse(*words: Any) -> None:
        raise KickstandError("AWS refuses.")

    with monkeypatch.context() as refusing:
        refusing.setattr("acceptance.leftovers.empty", refuse)
        problems = remove(workspace, lambda line: None)
    assert f"deleting the stack {workspace.names.training_stack}: AWS refuses." in problems
    assert {one.name for one in find(workspace)} == {workspace.names.training_stack, workspace.names.bucket}
    assert remove(workspace, lambda line: None) == []


def test_a_key_is_deleted_with_its_stack(workspace: Workspace) -> None:
    key = make_key(workspace, None)
    remove(workspace, lambda line: None)
    assert workspace.session.client("kms").describe_key(KeyId=key)["KeyMetadata"]["KeyState"] == "PendingDeletion"


def test_a_persona_has_the_policies_that_it_is_made_with_and_no_others(workspace: Workspace) -> None:
    iam = workspace.session.client("iam")
    allowed = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:ListAllMyBuckets","Resource":"*"}]}'
    arns = [
        iam.create_policy(PolicyName=workspace.names.managed_policy(job), PolicyDocument=allowed)["Policy"]["Arn"]
        for job in ("fitter", "reviewer", "drift")
    ]
    session = persona(workspace, "Fitter", "a-secret")
    assert "Buckets" in session.client("s3").list_buckets()
    with pytest.raises(workspace.session.client("iam").exceptions.ClientError, match="not authorized"):
        session.client("iam").list_users()
    assert remove(workspace, lambda line: None) == []
    for arn in arns:
        iam.delete_policy(PolicyArn=arn)


def test_a_run_of_another_machine_is_left_alone_while_it_may_be_at_work(
    workspace: Workspace, plan: Plan, tmp_path: Path
) -> None:
    make_key(workspace, None)
    folder, said = tmp_path / "runs", list[str]()
    with pytest.raises(InputError, match="A run of another machine made this at 20261128T202600Z"):
        clear(folder, plan, said.append, now=NOW)
    assert f"  stack {workspace.names.prefix}-key (account …3333, eu-west-1)" in said
    assert len(find(workspace)) == 1
    clear(folder, plan, said.append, now=NOW + timedelta(minutes=211))
    assert find(workspace) == []
    assert said[-1] == "It is removed."


def test_a_run_of_this_machine_is_removed_at_once_wherever_it_was(
    workspace: Workspace, plan: Plan, tmp_path: Path
) -> None:
    """The project that the last run has left says which environments it worked in."""
    make_key(workspace, None)
    folder = tmp_path / "runs"
    write_project(folder / "project", plan, {})
    clear(folder, plan, lambda line: None, now=NOW)
    assert find(workspace) == []
    assert not (folder / "project").exists()


def test_what_is_not_removed_ends_the_next_run_before_it_begins(
    workspace: Workspace, plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_key(workspace, None)
    with monkeypatch.context() as refusing:
        refusing.setattr(running, "remove", lambda workspace, say: ["AWS refuses."])
        with pytest.raises(KickstandError) as left:
            clear(tmp_path / "runs", plan, lambda line: None, now=NOW, whatever=True)
    (first, *_) = left.value.problems
    assert first.fix.startswith("aws cloudformation delete-stack --stack-name")
    remove(workspace, lambda line: None)


@pytest.mark.parametrize("comes_back", [True, False])
def test_a_log_group_that_comes_back_for_a_moment_is_seen(workspace: Workspace, comes_back: bool) -> None:
    """As where SageMaker's log agent makes it again, and `kickstand destroy` deletes it."""
    names, logs = workspace.names, workspace.session.client("logs")
    group = {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": names.endpoint_log_group}}
    make_stack(workspace, names.hosting_stack, {"Resources": {"Log": group}})
    world = World(plan=None, commands=None, keys={}, began=NOW, workspaces={"dev": workspace})  # type: ignore[arg-type]
    with watched(world, "dev"):
        time.sleep(0.01)  # not in the same millisecond
        delete_stack(workspace.session, names.hosting_stack, show=lambda line: None)
        if comes_back:
            logs.create_log_group(logGroupName=names.endpoint_log_group)
            time.sleep(2)
            logs.delete_log_group(logGroupName=names.endpoint_log_group)
    assert world.returned_logs == [comes_back]


def test_a_log_group_without_its_stack_is_seen_at_the_end(workspace: Workspace) -> None:
    assert not orphaned(workspace)
    workspace.session.client("logs").create_log_group(logGroupName=workspace.names.endpoint_log_group)
    assert orphaned(workspace)
    remove(workspace, lambda line: None)
    assert not orphaned(workspace)
