"""Batch transform in the hosting stack: trigger, roles, policy."""

from __future__ import annotations

import json
from typing import Any

import pytest
from samples import environment
from synthesis import KEY, ROLE, synthesised
from test_policies import BUCKET, policy

from infra.constructs.triggers import _resources
from infra.policies.automation import transform_trigger_statements
from kickstand.config.model import Storage, Transform
from kickstand.names import Names


def machine(variant: str) -> dict[str, Any]:
    resources = synthesised(variant).hosting["Resources"].values()
    (found,) = [one for one in resources if one["Type"] == "AWS::StepFunctions::StateMachine"]
    return dict(found)


def definition(variant: str) -> Any:
    """The definition, with `GETATT:NAME` for what CloudFormation fills in."""
    parts = machine(variant)["Properties"]["DefinitionString"]["Fn::Join"][1]
    return json.loads("".join(p if isinstance(p, str) else f"GETATT:{p['Fn::GetAtt'][0]}" for p in parts))


def test_a_job_is_of_the_endpoints_model() -> None:
    arguments = definition("plain")["States"]["Transform"]["Arguments"]
    (model,) = [n for n, r in synthesised("plain").hosting["Resources"].items() if r["Type"] == "AWS::SageMaker::Model"]
    assert arguments["ModelName"] == f"GETATT:{model}"
    assert arguments["TransformResources"] == {"InstanceType": "ml.m5.large", "InstanceCount": 1}
    assert arguments["TransformOutput"]["S3OutputPath"] == (
        "{% 's3://bikes-dev-111122223333-us-east-1/transform/output/' & $jobName %}"
    )
    assert "KmsKeyId" not in arguments["TransformOutput"]


def test_a_key_encrypts_output_and_volumes() -> None:
    arguments = definition("everything")["States"]["Transform"]["Arguments"]
    assert arguments["TransformOutput"]["KmsKeyId"] == KEY
    assert arguments["TransformResources"]["VolumeKmsKeyId"] == KEY
    with_disks = environment(
        storage=Storage(kms_key_arn=KEY), transform=Transform(instance_type="ml.g5.xlarge", instance_count=2)
    )
    assert _resources(Names(with_disks)) == {"InstanceType": "ml.g5.xlarge", "InstanceCount": 2}


def test_the_trigger_is_named_logged_and_made_after_its_policy() -> None:
    properties = machine("plain")["Properties"]
    assert properties["StateMachineName"] == "bikes-dev-transform"
    logging = properties["LoggingConfiguration"]
    assert (logging["Level"], logging["IncludeExecutionData"]) == ("ALL", True)
    resources = synthesised("plain").hosting["Resources"]
    assert [resources[name]["Properties"]["PolicyName"] for name in machine("plain")["DependsOn"]] == [
        "bikes-dev-transform"
    ]
    (group,) = [r for r in resources.values() if r["Properties"].get("LogGroupName", "").endswith("-transform")]
    assert group["Properties"]["LogGroupName"] == "/aws/vendedlogs/states/bikes-dev-transform"
    assert machine("brought along")["Properties"]["RoleArn"] == f"{ROLE}trigger"


def test_the_trigger_runs_jobs_of_its_environment_and_passes_the_models_role() -> None:
    rules = policy("plain", "bikes-dev-transform")
    assert rules["RunJobs"]["Resource"] == ["arn:aws:sagemaker:us-east-1:111122223333:transform-job/bikes-dev-*"]
    assert rules["RunJobs"]["Action"] == [
        "sagemaker:AddTags",
        "sagemaker:CreateTransformJob",
        "sagemaker:DescribeTransformJob",
        "sagemaker:ListTags",
        "sagemaker:StopTransformJob",
    ]
    (passed,) = rules["PassHostingRole"]["Resource"]
    role = synthesised("plain").hosting["Resources"][passed["Fn::GetAtt"][0]]
    assert role["Properties"]["Description"] == "The endpoint bikes-dev"
    assert rules["AwaitJobs"]["Resource"] == [
        "arn:aws:events:us-east-1:111122223333:rule/StepFunctionsGetEventsForSageMakerTransformJobsRule"
    ]
    assert not [rule for rule in rules.values() if any(action.startswith("s3:") for action in rule["Action"])]


def test_the_caller_goes_through_the_trigger_and_sees_no_data_of_training() -> None:
    rules = policy("plain", "bikes-dev-transformer-us-east-1")
    actions = {action for rule in rules.values() for action in rule["Action"]}
    assert not {a for a in actions if a.startswith(("iam:", "sagemaker:Create", "sagemaker:Invoke"))}
    s3 = {a: r for rule in rules.values() for a in rule["Action"] for r in [rule["Resource"]] if a.startswith("s3:")}
    assert s3["s3:PutObject"] == [f"{BUCKET}/transform/input/*"]
    assert s3["s3:GetObject"] == [f"{BUCKET}/transform/input/*", f"{BUCKET}/transform/output/*"]
    assert rules["StartTransform"]["Resource"] == [
        "arn:aws:states:us-east-1:111122223333:stateMachine:bikes-dev-transform"
    ]


@pytest.mark.parametrize(("region", "partition"), [("us-gov-west-1", "aws-us-gov"), ("us-east-1", "aws")])
def test_every_arn_is_of_the_regions_partition(region: str, partition: str) -> None:
    names = Names(environment(region=region))
    given = transform_trigger_statements(names, hosting_role_arn=f"arn:{partition}:iam::111122223333:role/x")
    arns = [arn for one in given for arn in one.resources]
    assert arns and all(arn.startswith(f"arn:{partition}:") for arn in arns)
