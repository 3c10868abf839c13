"""A user's mistakes against a cloud: one clear message, an exit code, nothing half done, and the next command works."""

from __future__ import annotations

import hashlib
import json
import socket
import sys
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from botocore.exceptions import WaiterError
from fit_world import FitWorld
from local_client import ACCOUNT, REGION, Client
from sagemaker_world import World
from typed import Terminal

from deployment.cdk import Cdk
from deployment.failures import FailureLog
from kickstand.release.model import Release
from localcloud.cloud import LocalCloud

QUALIFIER = "mistakes"


@pytest.fixture(scope="module")
def deployed(cloud: LocalCloud, client: Client, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FitWorld]:
    """A project with a release beside its project file, and that release's model behind its endpoint."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in cloud.environment(ACCOUNT, REGION).items():
            patch.setenv(name, value)
        made = FitWorld(tmp_path_factory.mktemp("mistakes"), f"mis{uuid.uuid4().hex[:8]}", client)
        write_toml(made.folder, made.project)
        made.deploy()
        job, known = made.work.start(datetime(2026, 1, 2, tzinfo=UTC), "0a1b")
        release = made.release(made.work.follow(job, show_log=False), known)
        hosting, endpoint = World(made.names.bucket, made.role, client), made.names.endpoint
        hosting.config(endpoint, ("all", hosting.model(endpoint, release.artifact.s3_uri), 1.0))
        hosting.sagemaker.create_endpoint(EndpointName=endpoint, EndpointConfigName=endpoint)
        assert hosting.wait_for_endpoint(endpoint)["EndpointStatus"] == "InService"
        (made.folder / "rows.csv").write_text("0.5,0.25\n1,2\n3,4\n")
        yield made


def write_toml(folder: Path, project: str, account: str = ACCOUNT, hyperparameters: str = "num_round = 5") -> Path:
    path = folder / "kickstand.toml"
    path.write_text(
        f'[project]\nname = "{project}"\n[data]\ntrain = "train.csv"\nvalidation = "validation.csv"\n'
        f'test = "test.csv"\n[bootstrap]\nqualifier = "{QUALIFIER}"\n[hyperparameters]\n{hyperparameters}\n'
        f'[environments.dev]\naccount = "{account}"\nregion = "{REGION}"\n'
    )
    return path


@dataclass
class Shell:
    """A terminal, and the project file that every command names."""

    terminal: Terminal
    config: Path

    def kickstand(self, *words: object, code: int) -> str:
        """Type a command that must end with `code`; what stood on standard error."""
        screen = self.terminal.type("--config", self.config, *words)
        assert screen.code == code, screen
        return screen.err


@pytest.fixture
def shell(deployed: FitWorld, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Shell:
    monkeypatch.chdir(deployed.folder)
    return Shell(Terminal(monkeypatch, capsys), deployed.folder / "kickstand.toml")


@pytest.fixture
def nobody(deployed: FitWorld, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """The credentials of a user without any policy."""
    iam, name = client("iam"), f"nobody-{uuid.uuid4().hex[:8]}"
    iam.create_user(UserName=name)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", key["AccessKeyId"])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", key["SecretAccessKey"])


def test_rows_that_the_model_does_not_take_are_named_and_no_answers_stay(shell: Shell, deployed: FitWorld) -> None:
    folder = deployed.folder
    (folder / "word.csv").write_text("1,2\n3,x\n5,6\n")
    (folder / "label.csv").write_text("9,1,2\n")
    assert shell.kickstand("predict", "dev", "word.csv", "-o", "new/out.csv", code=2) == (
        "error: word.csv:2:2: Column 2 holds 'x'; every cell must be a number.\n"
        "       Turn categories into numbers (pandas.get_dummies, or .astype('category').cat.codes); "
        "leave names and ids out.\n"
    )
    told = shell.kickstand("predict", "dev", "label.csv", "-o", "new/out.csv", code=2)
    assert f"label.csv:1: Expected 2 features (as the model of {folder}/releases/dev.json takes), found 3." in told
    told = shell.kickstand("predict", "--endpoint", deployed.names.endpoint, "label.csv", "-o", "new/out.csv", code=1)
    assert told.startswith("error: label.csv:1: The model refused these rows of 3 features (400): ")
    assert not (folder / "new").exists()
    shell.kickstand("predict", "dev", "rows.csv", "-o", "out.csv", code=0)
    assert len((folder / "out.csv").read_text().splitlines()) == 3


def test_closed_streams_are_told(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdin", None)
        assert "found standard input closed" in shell.kickstand("predict", "dev", "-", code=2)


def test_an_endpoint_that_does_not_exist(shell: Shell, deployed: FitWorld) -> None:
    told = shell.kickstand("predict", "--endpoint", "nowhere", "rows.csv", code=1)
    assert told.startswith(f"error: endpoint nowhere: Endpoint nowhere of account {ACCOUNT} not found.\n")


def test_a_caller_without_the_policy(shell: Shell, nobody: None, deployed: FitWorld) -> None:
    told = shell.kickstand("predict", "dev", "rows.csv", "-o", "denied.csv", code=1)
    assert told.startswith(f"error: endpoint {deployed.names.endpoint}: ")
    assert "These credentials lack the permission sagemaker:InvokeEndpoint" in told
    assert not (deployed.folder / "denied.csv").exists()


def test_a_fitter_without_the_policy_starts_nothing(shell: Shell, nobody: None, deployed: FitWorld) -> None:
    states, machine = deployed.client("stepfunctions"), deployed.names.state_machine_arn
    before = len(states.list_executions(stateMachineArn=machine)["executions"])
    told = shell.kickstand("fit", "dev", code=1)
    assert "These credentials lack the permission states:DescribeStateMachine" in told
    assert len(states.list_executions(stateMachineArn=machine)["executions"]) == before


def test_credentials_of_another_account(shell: Shell, as_root: Callable[[str], None]) -> None:
    as_root("444455556666")
    for words in (
        ("fit", "dev"),
        ("predict", "dev", "rows.csv"),
        ("deploy", "dev", "--yes"),
        ("destroy", "dev", "--yes"),
    ):
        told = shell.kickstand(*words, code=2)
        assert f"dev is in account {ACCOUNT}, but the credentials in use are of account 444455556666" in told


def test_a_cloud_that_does_not_run(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, not listening: connections are refused
        url = f"https://127.0.0.1:{taken.getsockname()[1]}"
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
        told = shell.kickstand("fit", "dev", code=1)
    assert f"AWS_ENDPOINT_URL is {url}: start it (kickstand local start)" in told


def test_everything_that_is_wrong_is_told_at_once_and_nothing_is_uploaded(
    shell: Shell, deployed: FitWorld, tmp_path: Path
) -> None:
    def keys() -> int:
        return int(deployed.client("s3").list_objects_v2(Bucket=deployed.names.bucket)["KeyCount"])

    config = write_toml(tmp_path, deployed.project, hyperparameters="max_dept = 3\neta = 3")
    (tmp_path / "train.csv").write_text("y,a,b\n1,2,3\n")
    (tmp_path / "validation.csv").write_text("")
    (tmp_path / "test.csv").write_text("1,2\n")
    before = keys()
    shell.config = config
    told = shell.kickstand("fit", "dev", code=2)
    assert told.startswith("6 problems:\n")
    for part in (
        "num_round, the number of boosting rounds, is required",
        "Did you mean max_depth?",
        "eta is 3; it must be a number in [0, 1].",
        f"{tmp_path}/train.csv:1: The file begins with a header row (y, a, b)",
        f"{tmp_path}/validation.csv: The file is empty.",
        f"{tmp_path}/test.csv: The file has 2 columns; {tmp_path}/train.csv has 3.",
    ):
        assert part in told
    assert keys() == before


def test_jobs_that_are_not_there(shell: Shell) -> None:
    for name in ("unknown", "no_job's name!"):
        assert "There is no training job" in shell.kickstand("adopt", name, "dev", code=2)
        assert "There is no training job" in shell.kickstand("fit", "dev", "--follow", name, code=2)
        assert "There is no training job" in shell.kickstand("fit", "dev", "--stop", name, code=2)


def test_before_the_training_stack_is_deployed(shell: Shell, deployed: FitWorld, tmp_path: Path) -> None:
    for name in ("train", "validation", "test"):
        (tmp_path / f"{name}.csv").write_bytes((deployed.folder / f"{name}.csv").read_bytes())
    config = write_toml(tmp_path, "fresh")
    shell.config = config
    deploy = f"kickstand --config {config} deploy dev\n"
    assert shell.kickstand("fit", "dev", code=1).endswith(deploy)
    assert shell.kickstand("upload", "dev", code=1).endswith(deploy)
    assert "endpoint fresh-dev" in shell.kickstand("evaluate", "dev", code=1)


def test_an_account_that_is_not_bootstrapped_gets_the_command_and_it_is_not_run(
    shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, as_root: Callable[[str], None]
) -> None:
    as_root("999988887777")
    monkeypatch.setattr(Cdk, "execute", lambda *_, **__: pytest.fail("the CDK was run"))
    shell.config = write_toml(tmp_path, "fresh", account="999988887777")
    told = shell.kickstand("deploy", "dev", "--yes", code=1)
    assert (
        "Run: npx cdk bootstrap aws://999988887777/us-east-1 --qualifier mistakes "
        "--toolkit-stack-name CDKToolkit-mistakes\n"
    ) in told
    assert "AdministratorAccess" in told


def test_an_artifact_that_was_changed_in_s3_is_not_deployed(
    shell: Shell, deployed: FitWorld, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran: list[str] = []
    monkeypatch.setattr(Cdk, "run", lambda self, verb, *words: ran.append(verb))
    # This world's endpoint was made by hand, without the alarms of a hosting stack.
    monkeypatch.setattr("deployment.endpoint.verify.require_guardrails", lambda *_: "")
    client("ssm").put_parameter(Name=f"/cdk-bootstrap/{QUALIFIER}/version", Value="28", Type="String")
    artifact = Release.model_validate_json(deployed.release_file.read_text()).artifact
    place = {"Bucket": deployed.names.bucket, "Key": f"models/{artifact.sha256}/model.tar.gz"}
    s3 = client("s3")
    released = s3.get_object(**place)["Body"].read()

    s3.put_object(**place, Body=b"another model")
    told = shell.kickstand("deploy", "dev", "--yes", code=1)
    assert f"error: {artifact.s3_uri}: The model artifact was changed: expected" in told
    assert f"found 13 bytes of {hashlib.sha256(b'another model').hexdigest()}. Nothing was deployed." in told
    s3.delete_object(**place)
    assert "The model artifact of the release is not there" in shell.kickstand("deploy", "dev", "--yes", code=1)
    assert ran == []

    s3.put_object(**place, Body=released)
    shell.kickstand("deploy", "dev", "--yes", code=0)
    # This world's bucket stands without its stack: deploy synthesises first, to see whether it is to be taken back.
    assert ran == ["synth", "deploy"]


def test_a_release_edited_by_hand_is_refused_and_predictions_go_on(
    shell: Shell, deployed: FitWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Cdk, "execute", lambda *_, **__: pytest.fail("the CDK was run"))
    written = deployed.release_file.read_text()
    try:
        deployed.release_file.write_text(written.replace('"num_round": "5"', '"num_round": "6"'))
        told = shell.kickstand("deploy", "dev", "--yes", code=2)
        assert "The release was changed after it was written" in told
        shell.kickstand("predict", "dev", "rows.csv", "-o", "edited.csv", code=0)
    finally:
        deployed.release_file.write_text(written)


def test_a_bucket_whose_name_is_taken_is_named_by_cloudformation_itself(client: Client) -> None:
    """Nothing is made then, and no stack event names the bucket: the reason is an operation event alone."""
    cloudformation, name = client("cloudformation"), f"taken-{uuid.uuid4().hex[:8]}"
    client("s3").create_bucket(Bucket=name)
    template = {"Resources": {"Data": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": name}}}}
    found: list[list[tuple[str, str]]] = []
    for stack in (name, f"{name}-2"):
        log = FailureLog.open(cloudformation, (name, stack))
        cloudformation.create_stack(StackName=stack, TemplateBody=json.dumps(template))
        with pytest.raises(WaiterError):
            cloudformation.get_waiter("stack_create_complete").wait(
                StackName=stack, WaiterConfig={"Delay": 0.2, "MaxAttempts": 600}
            )
        found.append([(one.where, one.message) for one in log.reasons()])
        message = cloudformation.describe_stack_events(StackName=stack)["StackEvents"]
        assert not any(name in event.get("ResourceStatusReason", "") for event in message)
    reason = f"Resource of type 'AWS::S3::Bucket' with identifier '{name}' already exists."
    assert found == [[(f"Data (AWS::S3::Bucket) of {stack}", reason)] for stack in (name, f"{name}-2")]
