"""The main job by the real CDK CLI: from CSV files to predictions, to the next model, and back from a bad one.

One story in order, in one local cloud, so that each step starts from what the former one left.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from workshop import ACCOUNT, BIN, REGION, Workshop, features_of, make_project, open_workshop, write_toml

from kickstand.config.load import load_project
from kickstand.release.file import write_release
from kickstand.release.model import Release

GROUP = "/aws/sagemaker/Endpoints/fans-dev"
LATE = "was refused because IAM had not spread its new role's policy yet; deploying once more."


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workshop]:
    yield from open_workshop(tmp_path_factory.mktemp("workshop"))


@pytest.fixture
def as_a_user(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without what makes synthesis cheaper in tests: each one is made, and checked by the CDK."""
    for name in ("CDK_APP", "CDK_VALIDATION"):
        monkeypatch.delenv(name)


@pytest.fixture(scope="module")
def pumps(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_project(tmp_path_factory.mktemp("projects") / "pumps")


def predictions(workshop: Workshop, project: Path) -> list[float]:
    rows = project / "rows.csv"
    rows.write_text(features_of(project))
    answers = workshop.kickstand(project, "predict", "dev", rows).good().out.splitlines()
    assert len(answers) == 80
    return [float(answer) for answer in answers]


def hosted(workshop: Workshop, kind: str) -> list[str]:
    sagemaker = workshop.client("sagemaker")
    if kind == "Models":
        return sorted(one["ModelName"] for one in sagemaker.list_models()["Models"])
    return sorted(one["EndpointConfigName"] for one in sagemaker.list_endpoint_configs()["EndpointConfigs"])


@pytest.mark.usefixtures("as_a_user")
def test_1_training_deploys_before_any_model_exists(workshop: Workshop, pumps: Path) -> None:
    printed = workshop.process(pumps, "deploy", "dev", "--yes").good()
    assert "fit dev" in printed.out
    assert hosted(workshop, "Models") == []


@pytest.mark.usefixtures("as_a_user")
def test_2_fit_and_deploy_lead_to_predictions(workshop: Workshop, pumps: Path) -> None:
    workshop.process(pumps, "fit", "dev").good()
    printed = workshop.process(pumps, "deploy", "dev", "--yes").good()
    assert "pumps-dev is InService" in printed.out
    assert "5 golden rows came back equal" in printed.out
    found = predictions(workshop, pumps)
    golden = workshop.release(pumps)["golden_rows"]["predictions"]
    assert found[:5] == pytest.approx(golden, rel=1e-6)


def test_3_another_hyperparameter_replaces_model_and_config_and_nothing_else(workshop: Workshop, pumps: Path) -> None:
    before, models, configs = predictions(workshop, pumps), hosted(workshop, "Models"), hosted(workshop, "Configs")
    write_toml(pumps, rounds=40)
    workshop.kickstand(pumps, "fit", "dev").good()

    diff = workshop.cdk(pumps, "diff", "dev/*").good()
    # One line a changed resource: `[~] AWS::SageMaker::Model dev/hosting/Model/Model Model2AD80A05 replace`
    changed = re.findall(r"^\[(.)\] (AWS::\S+) .*?( replace)?$", diff.out + diff.err, flags=re.MULTILINE)
    assert sorted(changed) == [
        ("~", "AWS::SageMaker::EndpointConfig", " replace"),
        ("~", "AWS::SageMaker::Model", " replace"),
    ]
    prepared = ("--method=prepare-change-set", "--change-set-name=look", "--require-approval=never")
    workshop.cdk(pumps, "deploy", "dev/hosting", "--exclusively", *prepared).good()
    assert changes(workshop, "pumps-dev-hosting", "look") == {
        "AWS::SageMaker::Model": "True",
        "AWS::SageMaker::EndpointConfig": "True",
        "AWS::SageMaker::Endpoint": "False",  # modified in place: the config that it names is another
        "AWS::CloudWatch::Alarm": "False",  # those of the new instances look at the new config
        "AWS::StepFunctions::StateMachine": "False",  # transforms with the model that is hosted
    }

    workshop.kickstand(pumps, "deploy", "dev", "--yes").good()
    assert predictions(workshop, pumps) != before
    assert len(hosted(workshop, "Models")) == len(hosted(workshop, "Configs")) == 1
    assert not set(hosted(workshop, "Models")) & set(models)
    assert not set(hosted(workshop, "Configs")) & set(configs)


def changes(workshop: Workshop, stack: str, change_set: str) -> dict[str, str]:
    """The resources that a change set modifies: type and whether it is replaced."""
    found = workshop.client("cloudformation").describe_change_set(StackName=stack, ChangeSetName=change_set)
    entries = [entry["ResourceChange"] for entry in found["Changes"]]
    assert {entry["Action"] for entry in entries} == {"Modify"}
    return {entry["ResourceType"]: entry["Replacement"] for entry in entries}


def test_4_deploying_again_changes_nothing(workshop: Workshop, pumps: Path) -> None:
    printed = workshop.kickstand(pumps, "deploy", "dev", "--yes").good()
    assert (printed.out + printed.err).count("(no changes)") == 2


def test_5_a_model_that_cannot_load_is_rolled_back_and_the_old_one_answers(workshop: Workshop, pumps: Path) -> None:
    before, path = predictions(workshop, pumps), workshop.releases(pumps) / "dev.json"
    good = path.read_bytes()
    write_release(path, forged(workshop, json.loads(good)))

    failed = workshop.kickstand(pumps, "deploy", "dev", "--yes")
    path.write_bytes(good)

    assert failed.code == 1
    (stack,) = workshop.client("cloudformation").describe_stacks(StackName="pumps-dev-hosting")["Stacks"]
    assert stack["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    endpoint = workshop.client("sagemaker").describe_endpoint(EndpointName="pumps-dev")
    assert endpoint["EndpointStatus"] == "InService"
    assert predictions(workshop, pumps) == before


def forged(workshop: Workshop, release: dict[str, Any]) -> Release:
    """A release whose artifact is an archive of a model that XGBoost cannot read."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        entry = tarfile.TarInfo("xgboost-model")
        entry.size = 9
        archive.addfile(entry, io.BytesIO(b"not a one"))
    digest = hashlib.sha256(packed.getvalue()).hexdigest()
    key = f"models/{digest}/model.tar.gz"
    workshop.client("s3").put_object(Bucket=release["bucket"], Key=key, Body=packed.getvalue())
    uri = f"s3://{release['bucket']}/{key}"
    artifact = {"s3_uri": uri, "sha256": digest, "size": len(packed.getvalue())}
    return Release(**{**release, "artifact": artifact, "learning_curve": None})


def test_6_who_lacks_the_predictor_policy_may_not_invoke(workshop: Workshop, pumps: Path) -> None:
    iam, runtime = workshop.client("iam"), workshop.client("sagemaker-runtime")
    iam.create_user(UserName="caller")
    key = iam.create_access_key(UserName="caller")["AccessKey"]
    asking = workshop.client("sagemaker-runtime", key["AccessKeyId"], key["SecretAccessKey"])
    request = {"EndpointName": "pumps-dev", "ContentType": "text/csv", "Body": features_of(pumps, 1).encode()}
    with pytest.raises(asking.exceptions.ClientError) as denied:
        asking.invoke_endpoint(**request)
    assert denied.value.response["Error"]["Code"] == "AccessDeniedException"
    policy = f"arn:aws:iam::{ACCOUNT}:policy/pumps-dev-predictor-{REGION}"
    iam.attach_user_policy(UserName="caller", PolicyArn=policy)
    answer = asking.invoke_endpoint(**request)
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 200
    assert answer["Body"].read() == runtime.invoke_endpoint(**request)["Body"].read()


def test_7_a_second_project_lives_beside_the_first(workshop: Workshop, pumps: Path) -> None:
    """Its account is new to IAM: both deployments are refused once, and a log group of a former endpoint is there."""
    fans, logs, group = make_project(pumps.parent / "fans", seed=2), workshop.client("logs"), GROUP
    workshop.run(BIN / "kickstand", "local", "switch", "machine-role", "late").good()
    first = workshop.kickstand(fans, "deploy", "dev", "--yes").good()
    assert first.out.count(f"(AWS::StepFunctions::StateMachine) {LATE}") == 1
    workshop.kickstand(fans, "fit", "dev").good()
    logs.create_log_group(logGroupName=group)
    logs.create_log_stream(logGroupName=group, logStreamName="former")
    workshop.run(BIN / "kickstand", "local", "switch", "model-role", "late").good()
    second = workshop.kickstand(fans, "deploy", "dev", "--yes").good()
    assert f"Taking back into fans-dev-hosting what was kept: {group}" in second.out
    assert second.out.count(f"(AWS::SageMaker::Model) {LATE}") == 1
    (kept,) = logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]
    assert kept["retentionInDays"] == 90
    assert "former" in [one["logStreamName"] for one in logs.describe_log_streams(logGroupName=group)["logStreams"]]
    assert predictions(workshop, fans) != predictions(workshop, pumps)
    assert load_project(fans / "kickstand.toml").name == "fans"


def test_8_destroy_takes_one_project_and_leaves_the_other(workshop: Workshop, pumps: Path) -> None:
    fans = pumps.parent / "fans"
    workshop.kickstand(fans, "destroy", "dev", "--yes").good()
    stacks = workshop.client("cloudformation").describe_stacks()["Stacks"]
    assert not [one["StackName"] for one in stacks if one["StackName"].startswith("fans-")]
    buckets = [one["Name"] for one in workshop.client("s3").list_buckets()["Buckets"]]
    assert f"fans-dev-{ACCOUNT}-{REGION}" not in buckets
    assert f"pumps-dev-{ACCOUNT}-{REGION}" in buckets
    predictions(workshop, pumps)
