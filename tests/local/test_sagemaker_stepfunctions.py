"""createTrainingJob and createTrainingJob.sync in state machines."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest
from sagemaker_world import ACCOUNT, REGION, Client, World, make_world, wait_for
from state_machines import ended, new_machine, new_role

from infra.state_machines.training_definition import training_definition
from localcloud.cloud import LocalCloud
from localcloud.state import Switches

SYNC = "arn:aws:states:::sagemaker:createTrainingJob.sync"
JOBS = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:training-job/*"


@pytest.fixture(scope="module")
def world(client: Client) -> World:
    return make_world(client, f"states-{uuid.uuid4().hex[:8]}")


@pytest.fixture(scope="module")
def role(client: Client, world: World) -> str:
    return machine_role(client, world, "sagemaker:*Training*", "sagemaker:AddTags")


def machine_role(client: Client, world: World, *actions: str, passes: bool = True) -> str:
    statements: list[dict[str, Any]] = [
        {"Effect": "Allow", "Action": list(actions), "Resource": JOBS},
        {"Effect": "Allow", "Action": "events:PutEvents", "Resource": "*"},
    ]
    if passes:
        condition = {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}}
        statements.append({"Effect": "Allow", "Action": "iam:PassRole", "Resource": world.role, "Condition": condition})
    return new_role(client, policy=json.dumps({"Version": "2012-10-17", "Statement": statements}))


def machine(client: Client, role: str, resource: str = SYNC) -> str:
    task = {"Type": "Task", "Resource": resource, "Arguments": "{% $states.input %}", "End": True}
    return new_machine(client, role, {"Train": task})


def start(client: Client, machine_arn: str, request: dict[str, Any]) -> str:
    states = client("stepfunctions")
    arn: str = states.start_execution(stateMachineArn=machine_arn, input=json.dumps(request))["executionArn"]
    return arn


def name() -> str:
    return f"job-{uuid.uuid4().hex[:8]}"


def test_sync_waits_and_gives_the_finished_job(client: Client, world: World, role: str) -> None:
    request = world.training_job(name(), Tags=[{"Key": "a", "Value": "b"}])
    execution = ended(client, start(client, machine(client, role), request))
    assert execution["status"] == "SUCCEEDED", execution
    job = json.loads(execution["output"])
    assert (job["TrainingJobStatus"], job["HyperParameters"]) == ("Completed", request["HyperParameters"])
    described = world.sagemaker.describe_training_job(TrainingJobName=request["TrainingJobName"])
    assert job["CreationTime"] == round(described["CreationTime"].timestamp() * 1000)
    assert job["ModelArtifacts"] == described["ModelArtifacts"]
    tags = world.sagemaker.list_tags(ResourceArn=described["TrainingJobArn"])["Tags"]
    assert tags == [{"Key": "a", "Value": "b"}, {"Key": "MANAGED_BY_AWS", "Value": "STARTED_BY_STEP_FUNCTIONS"}]


def test_a_failed_job_fails_the_task_with_its_description(client: Client, world: World, role: str) -> None:
    request = world.training_job(name(), HyperParameters={"num_round": "0"})
    execution = ended(client, start(client, machine(client, role), request))
    assert (execution["status"], execution["error"]) == ("FAILED", "States.TaskFailed")
    job = json.loads(execution["cause"])
    assert job["TrainingJobStatus"] == "Failed" and "num_round" in job["FailureReason"]


def test_the_history_names_the_task_by_service_and_action(client: Client, world: World, role: str) -> None:
    """TaskFailedEventDetails and its siblings: `resourceType` and `resource` of the Step Functions API reference."""
    arn = start(client, machine(client, role), world.training_job(name(), HyperParameters={"num_round": "0"}))
    ended(client, arn)
    events = client("stepfunctions").get_execution_history(executionArn=arn)["events"]
    tasks = {
        event["type"]: next(v for k, v in event.items() if k.endswith("EventDetails"))
        for event in events[1:-1]
        if event["type"].startswith("Task") and not event["type"].startswith("TaskState")
    }
    assert list(tasks) == ["TaskScheduled", "TaskFailed"]
    assert {(each["resourceType"], each["resource"]) for each in tasks.values()} == {
        ("sagemaker", "createTrainingJob.sync")
    }


def test_without_sync_the_task_does_not_wait(client: Client, world: World, role: str) -> None:
    request = world.training_job(name())
    arn = start(client, machine(client, role, SYNC.removesuffix(".sync")), request)
    output = json.loads(ended(client, arn)["output"])
    assert output == {
        "TrainingJobArn": f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:training-job/{request['TrainingJobName']}"
    }
    assert world.wait_for_job(request["TrainingJobName"])["TrainingJobStatus"] == "Completed"


def test_a_taken_name_and_other_refusals_have_the_integrations_errors(client: Client, world: World, role: str) -> None:
    request = world.training_job(name())
    machine_arn = machine(client, role)
    ended(client, start(client, machine_arn, request))
    again = ended(client, start(client, machine_arn, request))
    assert again["error"] == "SageMaker.ResourceInUseException"
    assert "Error Code: ResourceInUse; Request ID: " in again["cause"]
    wrong = ended(client, start(client, machine_arn, {**request, "TrainingJobName": "a_b"}))
    assert wrong["error"] == "SageMaker.AmazonSageMakerException"
    assert wrong["cause"].startswith("1 validation error detected: Value 'a_b' at 'trainingJobName' failed")
    assert "(Service: AmazonSageMaker; Status Code: 400; Error Code: ValidationException; " in wrong["cause"]


@pytest.mark.parametrize(
    ("actions", "passes", "refused"),
    [
        (["sagemaker:DescribeTrainingJob"], True, "sagemaker:CreateTrainingJob"),
        (["sagemaker:CreateTrainingJob", "sagemaker:DescribeTrainingJob"], True, "sagemaker:AddTags"),
        (["sagemaker:*"], False, "iam:PassRole"),
    ],
)
def test_the_state_machines_role_has_to_be_allowed(
    client: Client, world: World, actions: list[str], passes: bool, refused: str
) -> None:
    weak = machine_role(client, world, *actions, passes=passes)
    execution = ended(client, start(client, machine(client, weak), world.training_job(name())))
    assert (execution["status"], execution["error"]) == ("FAILED", "SageMaker.AmazonSageMakerException")
    assert f"is not authorized to perform: {refused} on resource" in execution["cause"]
    assert "Error Code: AccessDeniedException" in execution["cause"]


def test_stopping_the_execution_stops_the_job(client: Client, world: World, role: str) -> None:
    request = world.training_job(name(), HyperParameters={"num_round": "1000000"})
    arn = start(client, machine(client, role), request)
    job_name = request["TrainingJobName"]
    wait_for(lambda: world.sagemaker.list_training_jobs(NameContains=job_name)["TrainingJobSummaries"], bool, 20)
    client("stepfunctions").stop_execution(executionArn=arn)
    assert ended(client, arn)["status"] == "ABORTED"
    assert world.wait_for_job(job_name)["TrainingJobStatus"] == "Stopped"


@pytest.mark.parametrize("switch", ["fails", "completes"])
def test_a_stopped_job_fails_the_training_trigger_whatever_sync_makes_of_it(
    client: Client, cloud: LocalCloud, world: World, role: str, switch: str
) -> None:
    """The task alone ends as the switch says; the trigger that the training stack deploys fails either way."""
    given = world.training_job(name(), HyperParameters={"num_round": "1000000"})
    request = {key: given.pop(key) for key in ("TrainingJobName", "InputDataConfig", "HyperParameters")}
    definition = training_definition(
        partition="aws", project="p", environment="dev", bucket="b", job_prefix="p-dev", job=given, tags={}
    )
    trigger = new_machine(client, role, definition["States"], StartAt=definition["StartAt"])
    alone = {**given, **request, "TrainingJobName": name()}
    Switches(cloud.folder).set("stopped-job", switch)
    try:
        running = [start(client, machine(client, role), alone), start(client, trigger, request)]
        for job in (alone["TrainingJobName"], request["TrainingJobName"]):
            wait_for(
                lambda job=job: world.sagemaker.list_training_jobs(NameContains=job)["TrainingJobSummaries"], bool, 20
            )
            world.sagemaker.stop_training_job(TrainingJobName=job)
        task, execution = (ended(client, arn) for arn in running)
    finally:
        Switches(cloud.folder).set("stopped-job", "fails")
    if switch == "fails":
        assert (task["status"], task["error"]) == ("FAILED", "States.TaskFailed")
    else:
        assert (task["status"], json.loads(task["output"])["TrainingJobStatus"]) == ("SUCCEEDED", "Stopped")
    assert (execution["status"], execution["error"]) == ("FAILED", "TrainingJobStopped")
    assert execution["cause"] == "The job was stopped (Stopped)."
    history = client("stepfunctions").get_execution_history(executionArn=running[1])["events"]
    entered = [event["stateEnteredEventDetails"]["name"] for event in history if "stateEnteredEventDetails" in event]
    expected = ["Begin", "Which request", "Check request", "Train", "Classify failure", "Notify failure", "Failed"]
    assert entered == [*expected[:4], *(["Check end"] if switch == "completes" else []), *expected[4:]]


def test_the_sdk_integration_reaches_sagemaker(client: Client, world: World) -> None:
    policy = {"Effect": "Allow", "Action": "sagemaker:*", "Resource": "*"}
    sdk_role = new_role(client, policy=json.dumps({"Version": "2012-10-17", "Statement": [policy]}))
    group = f"group-{uuid.uuid4().hex[:8]}"
    arn = start(
        client,
        machine(client, sdk_role, "arn:aws:states:::aws-sdk:sagemaker:createModelPackageGroup"),
        {"ModelPackageGroupName": group},
    )
    execution = ended(client, arn)
    assert execution["status"] == "SUCCEEDED", execution
    assert world.sagemaker.describe_model_package_group(ModelPackageGroupName=group)["ModelPackageGroupStatus"] == (
        "Completed"
    )
