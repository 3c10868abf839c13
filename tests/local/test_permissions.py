"""What the deployed policies let their holders do, and nothing more: training and hosting role, fitter, predictor,
reviewer. The stacks are the real ones, the policies as CloudFormation made them.
"""

from __future__ import annotations

import hashlib
import http.client
import json
import signal
import subprocess
import sys
from contextlib import closing
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.exceptions import ClientError
from console_world import TOKEN, ask
from deployed_project import DeployedProject, make_deployed_project
from markupsafe import escape
from policy_holders import job_of_role, session_of, user
from policy_probes import Calls, allowed, objects, outcomes, s3_calls, write_calls
from sagemaker_world import wait_for

from console.reading import Source
from console.server import VIEWS
from kickstand.aws.session import open_session
from kickstand.config.load import load_project
from kickstand.release.file import read_release
from kickstand.workspace import Workspace
from localcloud.cloud import LocalCloud


@pytest.fixture(scope="session")
def project(cloud: LocalCloud, tmp_path_factory: pytest.TempPathFactory) -> DeployedProject:
    """Both stacks of a project with alerts, its model fitted by somebody who holds the fitter policy alone."""
    alerts = '[environments.dev.alerts]\nemails = ["team@example.com"]\n'
    made = make_deployed_project(tmp_path_factory.mktemp("policies"), cloud, alerts)
    fitted = made.kickstand(user(made, "fitter"), "fit", "dev")
    assert (fitted.code, fitted.err) == (0, ""), fitted.out
    made.deploy("hosting")
    for key in ("training/others/output/model.tar.gz", "golden/rows.json", "models/x/model.tar.gz"):
        made.client("s3").put_object(Bucket=made.names.bucket, Key=key, Body=b"1")
    return made


def test_the_training_role_reads_data_and_writes_training(project: DeployedProject) -> None:
    credentials = session_of(project, project.names.training_stack)
    found = outcomes(project, credentials, {**s3_calls(project), **write_calls(project)})
    assert allowed(found) == {
        *("list data", "get data", "head data"),
        *("put training", "add training", "begin training"),
    }


def test_the_hosting_role_reads_models(project: DeployedProject) -> None:
    credentials = session_of(project, project.names.hosting_stack)
    found = outcomes(project, credentials, {**s3_calls(project), **write_calls(project)})
    assert allowed(found) == {"get models", "head models"}


def test_a_job_cannot_read_models_nor_write_outside_its_prefix(project: DeployedProject) -> None:
    sagemaker, data = project.client("sagemaker"), objects(project, "data").rpartition("/")[0]
    with pytest.raises(ClientError, match=r'has "s3:ListBucket" permissions'):
        sagemaker.create_training_job(**job_of_role(project, "models/", "training"))
    request = job_of_role(project, f"{data}/", "models")
    sagemaker.create_training_job(**request)
    job = wait_for(
        lambda: sagemaker.describe_training_job(TrainingJobName=request["TrainingJobName"]),
        lambda one: one["TrainingJobStatus"] != "InProgress",
        60,
    )
    assert job["TrainingJobStatus"] == "Failed"
    assert "s3:PutObject" in job["FailureReason"] or "AccessDenied" in job["FailureReason"], job["FailureReason"]


def test_the_fitter_fits_and_does_nothing_more(project: DeployedProject) -> None:
    """Given the model that the fixture fitted; when everything else is tried; then it is refused."""
    environment = project.names.environment
    release = read_release(project.folder / "releases" / "dev.json", environment)
    assert release.model_package_arn == project.names.arn(
        "sagemaker", f"model-package/{project.names.model_package_group}/1"
    )
    key = user(project, "fitter")
    invoke = {"EndpointName": project.names.endpoint, "Body": b"0.5,0.5\n", "ContentType": "text/csv"}
    found = outcomes(
        project,
        key,
        {**s3_calls(project), **write_calls(project), "predict": ("sagemaker-runtime.invoke_endpoint", invoke)},
    )
    prefixes = {"data", "training", "models", "metrics", "golden"}
    reads = {f"{verb} {prefix}" for verb in ("list", "get", "head") for prefix in prefixes}
    assert allowed(found) == reads | {f"add {prefix}" for prefix in prefixes - {"training"}} | {"begin data"}


def test_the_fitter_cannot_write_over_the_artifact_that_is_served(project: DeployedProject) -> None:
    """Given the served artifact; when its fitter puts, copies or completes another over it; then it stays."""
    release = read_release(project.folder / "releases" / "dev.json", project.names.environment)
    bucket, _, key = release.artifact.s3_uri.removeprefix("s3://").partition("/")
    place = {"Bucket": bucket, "Key": key}
    copy = {**place, "CopySource": {"Bucket": bucket, "Key": objects(project, "training")}}
    overs: dict[str, tuple[str, dict[str, Any]]] = {
        "put": ("s3.put_object", {**place, "Body": b"forged"}),
        "copy": ("s3.copy_object", copy),
        "copy if absent": ("s3.copy_object", {**copy, "IfNoneMatch": "*"}),
        "begin parts": ("s3.create_multipart_upload", place),
    }
    found = outcomes(project, user(project, "fitter"), overs)
    assert "PreconditionFailed" in found.pop("copy if absent")
    assert found == {"put": "denied", "copy": "denied", "begin parts": "denied"}
    stored = project.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
    assert hashlib.sha256(stored).hexdigest() == release.artifact.sha256


def test_the_fitter_uploads_adopts_and_follows(project: DeployedProject) -> None:
    release = read_release(project.folder / "releases" / "dev.json", project.names.environment)
    key, job = user(project, "fitter"), release.training_job.name
    for words in (("upload", "dev"), ("adopt", job, "dev"), ("fit", "dev", "--follow", job)):
        done = project.kickstand(key, *words)
        assert (done.code, done.err) == (0, ""), done.out


def test_the_predictor_asks_the_endpoint_and_nothing_else(project: DeployedProject) -> None:
    key = user(project, "predictor")
    rows = project.folder / "rows.csv"
    rows.write_text("0.5,0.5\n0.1,0.9\n")
    done = project.kickstand(key, "predict", "dev", str(rows))
    assert (done.code, len(done.out.splitlines())) == (0, 2), done.err
    assert allowed(outcomes(project, key, {**s3_calls(project), **write_calls(project)})) == set()
    refused = project.kickstand(user(project, "reviewer"), "predict", "dev", str(rows))
    assert refused.code == 1
    assert "attach the environment's policy" in refused.err


def reviewed(project: DeployedProject) -> Calls:
    """What a review looks at."""
    names, sagemaker = project.names, project.client("sagemaker")
    config = sagemaker.describe_endpoint(EndpointName=names.endpoint)["EndpointConfigName"]
    described = sagemaker.describe_endpoint_config(EndpointConfigName=config)
    release = read_release(project.folder / "releases" / "dev.json", names.environment)
    machine = {"stateMachineArn": names.state_machine_arn}
    execution = project.client("stepfunctions").list_executions(**machine)["executions"][0]["executionArn"]
    stack = {"StackName": names.hosting_stack}
    calls: dict[str, tuple[str, dict[str, Any]]] = {
        "stack": ("cloudformation.describe_stacks", stack),
        "events": ("cloudformation.describe_stack_events", stack),
        "template": ("cloudformation.get_template", stack),
        "endpoint": ("sagemaker.describe_endpoint", {"EndpointName": names.endpoint}),
        "config": ("sagemaker.describe_endpoint_config", {"EndpointConfigName": config}),
        "model": ("sagemaker.describe_model", {"ModelName": described["ProductionVariants"][0]["ModelName"]}),
        "job": ("sagemaker.describe_training_job", {"TrainingJobName": release.training_job.name}),
        "package": ("sagemaker.describe_model_package", {"ModelPackageName": release.model_package_arn}),
        "packages": ("sagemaker.list_model_packages", {"ModelPackageGroupName": names.model_package_group}),
        "jobs": ("sagemaker.list_training_jobs", {}),
        "executions": ("stepfunctions.list_executions", machine),
        "execution": ("stepfunctions.describe_execution", {"executionArn": execution}),
        "history": ("stepfunctions.get_execution_history", {"executionArn": execution}),
    }
    for group in ("/aws/sagemaker/TrainingJobs", names.endpoint_log_group, names.state_machine_log_group):
        calls[f"log {group}"] = ("logs.filter_log_events", {"logGroupName": group})
    return calls


def test_the_reviewer_reads_and_changes_nothing(project: DeployedProject) -> None:
    key, wanted = user(project, "reviewer"), reviewed(project)
    assert allowed(outcomes(project, key, wanted)) == set(wanted)
    found = outcomes(project, key, {**s3_calls(project), **write_calls(project)})
    listings = {f"list {prefix}" for prefix in ("data", "training", "models", "metrics", "golden")}
    reads = {f"{verb} {prefix}" for verb in ("get", "head") for prefix in ("models", "metrics")}
    assert allowed(found) == {"list the bucket"} | listings | reads
    stack = project.client("cloudformation").describe_stacks(StackName=project.names.hosting_stack)["Stacks"][0]
    assert stack["StackStatus"] == "CREATE_COMPLETE"


def test_the_promoter_reads_what_gates_ask_about(project: DeployedProject) -> None:
    key, s3 = user(project, "promoter"), project.client("s3")
    found = allowed(outcomes(project, key, {**s3_calls(project), **write_calls(project)}))
    prefixes = ("models", "metrics", "golden")
    listed = {"list models", "list metrics", "list golden"}
    assert found - {"get data", "head data"} == listed | {
        f"{verb} {one}" for verb in ("get", "head") for one in prefixes
    }
    listing = s3.list_objects_v2(Bucket=project.names.bucket, Prefix="data/")["Contents"]
    keys = [one["Key"] for one in listing if not one["Key"].startswith("data/probe/")]
    calls: Calls = {one: ("s3.get_object", {"Bucket": project.names.bucket, "Key": one}) for one in keys}
    assert {one.split("/")[2] for one in keys} == {"train", "validation", "test"}
    assert {one.split("/")[2] for one in allowed(outcomes(project, key, calls))} == {"test"}
    invoke = {"EndpointName": project.names.endpoint, "Body": b"0.5,0.5\n", "ContentType": "text/csv"}
    wanted = {name: call for name, call in reviewed(project).items() if name in ("stack", "template", *SERVED)}
    wanted["predict"] = ("sagemaker-runtime.invoke_endpoint", invoke)
    assert allowed(outcomes(project, key, wanted)) == {"stack", "template", "predict", *SERVED}


SERVED = ("endpoint", "config", "model", "package", "packages")


def test_the_approver_approves_and_does_nothing_more(project: DeployedProject) -> None:
    approver = user(project, "approver")
    found = allowed(outcomes(project, approver, {**s3_calls(project), **write_calls(project), **reviewed(project)}))
    assert found == {"approve a package", "package", "packages"}
    for job in ("fitter", "promoter", "reviewer"):
        refused = project.kickstand(user(project, job), "approve", "dev", "--reason", "mine", "--again")
        assert (refused.code, "attach the environment's policy" in refused.err) == (1, True), refused.err


def test_a_yes_and_a_no_are_kept_with_who_and_why(project: DeployedProject) -> None:
    release = read_release(project.folder / "releases" / "dev.json", project.names.environment)
    sagemaker = project.client("sagemaker")
    arn = release.model_package_arn
    sagemaker.update_model_package(ModelPackageArn=arn, ModelApprovalStatus="PendingManualApproval")
    ana, ben = user(project, "approver"), user(project, "approver")
    who = {
        one["UserName"]: project.client("iam").get_user(UserName=one["UserName"])["User"]["Arn"] for one in (ana, ben)
    }
    done = project.kickstand(ana, "approve", "dev", "--reason", "RMSE below [0.3],\n slices fine")
    assert (done.code, done.err) == (0, ""), done.out
    words = f"{who[ana['UserName']]}: RMSE below [0.3], slices fine"
    assert f"Approved by {words}\n" in done.out
    assert f"  sha256     {release.artifact.sha256}\n" in done.out
    described = sagemaker.describe_model_package(ModelPackageName=arn)
    assert (described["ModelApprovalStatus"], described["ApprovalDescription"]) == ("Approved", words)
    assert described["LastModifiedBy"]["IamIdentity"]["Arn"] == who[ana["UserName"]]
    again = project.kickstand(ben, "approve", "dev", "--reason", "me too")
    assert (again.code, f"It is so already: Approved by {words}" in again.out) == (0, True), again.err
    against = project.kickstand(ben, "reject", "dev", "--reason", "no")
    assert (against.code, f"Approved by {words}" in against.err, "--again" in against.err) == (2, True, True)
    assert project.kickstand(ben, "reject", "dev", "--reason", "no", "--again").code == 0
    described = sagemaker.describe_model_package(ModelPackageName=arn)
    assert described["ModelApprovalStatus"] == "Rejected"
    assert described["ApprovalDescription"] == f"{who[ben['UserName']]}: no"


def test_a_package_of_another_artifact_is_refused(project: DeployedProject) -> None:
    release = read_release(project.folder / "releases" / "dev.json", project.names.environment)
    sagemaker, arn = project.client("sagemaker"), release.model_package_arn
    forged = {"CustomerMetadataProperties": {"artifact-sha256": "ab" * 32}}
    sagemaker.update_model_package(ModelPackageArn=arn, ModelApprovalStatus="PendingManualApproval", **forged)
    try:
        refused = project.kickstand(user(project, "approver"), "approve", "dev", "--reason", "fine")
        assert (refused.code, f"records {'ab' * 32}" in refused.err) == (2, True), refused.err
        assert sagemaker.describe_model_package(ModelPackageName=arn)["ModelApprovalStatus"] == "PendingManualApproval"
    finally:
        true = {"CustomerMetadataProperties": {"artifact-sha256": release.artifact.sha256}}
        sagemaker.update_model_package(ModelPackageArn=arn, **true)


def test_drift_is_detected_by_reviewers(project: DeployedProject) -> None:
    # The policy for drift has what the reviewer's lacks; each alone reads some of the resources only.
    key, names = user(project, "reviewer", "drift"), project.names
    cloudformation = project.client("cloudformation", key)
    checked: dict[str, set[str]] = {}
    for stack in (names.training_stack, names.hosting_stack):
        detection = cloudformation.detect_stack_drift(StackName=stack)["StackDriftDetectionId"]
        ended = wait_for(
            lambda detection=detection: cloudformation.describe_stack_drift_detection_status(
                StackDriftDetectionId=detection
            ),
            lambda one: one["DetectionStatus"] != "DETECTION_IN_PROGRESS",
            60,
        )
        assert (ended["DetectionStatus"], ended["StackDriftStatus"]) == ("DETECTION_COMPLETE", "IN_SYNC"), ended
        for one in cloudformation.describe_stack_resource_drifts(StackName=stack)["StackResourceDrifts"]:
            checked.setdefault(one["ResourceType"], set()).add(one["StackResourceDriftStatus"])
    watched = ("AWS::CloudWatch::Alarm", "AWS::KMS::Key", "AWS::SNS::Topic")
    assert {kind: checked.get(kind) for kind in watched} == {kind: {"IN_SYNC"} for kind in watched}
    stack = names.training_stack
    refused: Calls = {"drift": ("cloudformation.detect_stack_drift", {"StackName": stack})}
    assert allowed(outcomes(project, user(project, "promoter"), refused)) == set()


def test_of_all_keys_a_reviewer_reads_the_one_of_alerts(project: DeployedProject) -> None:
    found = project.client("cloudformation").describe_stack_resources(StackName=project.names.training_stack)
    (own,) = [one["PhysicalResourceId"] for one in found["StackResources"] if one["ResourceType"] == "AWS::KMS::Key"]
    other = project.client("kms").create_key()["KeyMetadata"]["KeyId"]
    reads = ("describe_key", "get_key_policy", "get_key_rotation_status", "list_resource_tags")
    calls: Calls = {f"{read} {key}": (f"kms.{read}", {"KeyId": key}) for read in reads for key in (own, other)}
    assert allowed(outcomes(project, user(project, "reviewer", "drift"), calls)) == {f"{read} {own}" for read in reads}


def test_the_reviewer_may_ask_all_that_the_doctor_asks(project: DeployedProject) -> None:
    """Given both stacks deployed and nothing but the reviewer policy; then no check is skipped and none fails."""
    examined = project.kickstand(user(project, "reviewer"), "doctor", "dev", "--json")
    assert (examined.code, examined.err) == (0, ""), examined.out
    found = {one["name"]: one for one in json.loads(examined.out)["findings"]}
    assert {name: one for name, one in found.items() if one["status"] != "ok"} == {}
    assert found["endpoint"]["found"] == f"{project.names.endpoint} is InService."


MARKUP = '<img src=x onerror="alert(1)">'


def test_the_reviewer_sees_every_view_of_the_console(project: DeployedProject, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given markup in a bucket key, a hyperparameter and a log; then all is read, and all of it is text."""
    bucket, folder = project.names.bucket, f"data/{'fe' * 32}/train/"
    key = f"{folder}{MARKUP}.csv"
    project.client("s3").put_object(Bucket=bucket, Key=key, Body=b"1,2,3\n4,5,6\n")
    request = {**job_of_role(project, folder, "training"), "HyperParameters": {"num_round": MARKUP}}
    project.client("sagemaker").create_training_job(**request)
    for name, value in project.environment(user(project, "reviewer")).items():
        monkeypatch.setenv(name, value)
    loaded = load_project(project.toml)
    dev = loaded.environments["dev"]
    opened = Workspace(loaded, dev, open_session(dev), project.folder / "releases")
    source, job = Source(opened, lambda: opened, project.folder / "review"), request["TrainingJobName"]
    wait_for(
        lambda: project.client("sagemaker").describe_training_job(TrainingJobName=job),
        lambda one: one["TrainingJobStatus"] != "InProgress",
        60,
    )
    pages = {path: ask(VIEWS, source, f"/{TOKEN}/{path}").body for path in (*(v.name for v in VIEWS), f"jobs/{job}")}
    project.client("s3").delete_object(Bucket=bucket, Key=key)
    for path, page in pages.items():
        assert "not read" not in page, (path, page)
        assert "<img" not in page, path
    shown = str(escape(MARKUP))
    assert f"{shown}.csv" in pages["bucket"]
    assert pages[f"jobs/{job}"].count(shown) == 2, pages[f"jobs/{job}"]
    assert "serves model" in pages["endpoint"]
    assert "the release&#39;s" in pages["bucket"]
    assert "instance hours" in pages["cost"]


def test_the_console_is_a_program_that_ctrl_c_ends(project: DeployedProject) -> None:
    """Given nothing but the reviewer policy; then it prints its address, answers there, and ends with 0."""
    environment = project.environment(user(project, "reviewer"))
    words = [sys.executable, "-m", "cli", "--config", str(project.toml), "console", "dev", "--no-browser"]
    with subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, encoding="utf-8", env=environment
    ) as program:
        assert program.stdout is not None
        said = program.stdout.readline(), program.stdout.readline().strip()
        try:
            assert said[0].startswith(f"{project.names.prefix} is shown on this machine alone")
            place = urlsplit(said[1])
            with closing(http.client.HTTPConnection(place.netloc, timeout=60)) as connection:
                connection.request("GET", f"{place.path}endpoint")
                assert "serves model" in connection.getresponse().read().decode()
            taken = project.kickstand(user(project, "reviewer"), "console", "dev", "--port", str(place.port))
        finally:
            program.send_signal(signal.SIGINT)
            rest = program.stdout.read()
    assert (program.returncode, rest.splitlines()[-1]) == (0, "The console has ended.")
    assert (taken.code, "of 127.0.0.1 is taken. Name another one" in " ".join(taken.err.split())) == (2, True)
