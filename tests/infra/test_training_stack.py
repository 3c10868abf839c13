"""TrainingStack: what it makes, of which properties."""

from __future__ import annotations

import json
from typing import Any

import pytest
from aws_cdk.assertions import Match
from samples import IMAGE
from synthesis import BOUNDARY, KEY, ROLE, synthesised


def trigger(variant: str) -> dict[str, Any]:
    resources = synthesised(variant).training["Resources"].values()
    (machine,) = [one for one in resources if one["Type"] == "AWS::StepFunctions::StateMachine"]
    return dict(machine)


def definition(variant: str) -> dict[str, Any]:
    """The state machine's definition; the training role's ARN in it is a token where the stack makes the role."""
    machine = trigger(variant)
    text = machine["Properties"]["DefinitionString"]
    if isinstance(text, dict):
        text = "".join(part if isinstance(part, str) else "TRAINING-ROLE" for part in text["Fn::Join"][1])
    parsed: dict[str, Any] = json.loads(text)
    return parsed


def test_the_bucket_is_versioned_encrypted_private_and_sends_events() -> None:
    template = synthesised("plain").template("training")
    template.has_resource_properties(
        "AWS::S3::Bucket",
        {
            "BucketName": "bikes-dev-111122223333-us-east-1",
            "VersioningConfiguration": {"Status": "Enabled"},
            "BucketEncryption": {
                "ServerSideEncryptionConfiguration": [{"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]
            },
            "PublicAccessBlockConfiguration": {
                "BlockPublicAcls": True,
                "BlockPublicPolicy": True,
                "IgnorePublicAcls": True,
                "RestrictPublicBuckets": True,
            },
            "NotificationConfiguration": {"EventBridgeConfiguration": {"EventBridgeEnabled": True}},
        },
    )
    template.has_resource_properties(
        "AWS::S3::BucketPolicy",
        {
            "PolicyDocument": {
                "Statement": [
                    Match.object_like(
                        {
                            "Effect": "Deny",
                            "Principal": "*",
                            "Action": "s3:*",
                            "Resource": [
                                "arn:aws:s3:::bikes-dev-111122223333-us-east-1",
                                "arn:aws:s3:::bikes-dev-111122223333-us-east-1/*",
                            ],
                            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
                        }
                    )
                ]
            }
        },
    )


def test_no_lifecycle_rule_expires_data_or_models() -> None:
    (bucket,) = synthesised("plain").resources("AWS::S3::Bucket")
    rules = bucket["Properties"]["LifecycleConfiguration"]["Rules"]
    expiring = [r for r in rules if any("Expiration" in key or "Transition" in key for key in r)]
    *old, transforms, captures = expiring
    assert {rule["Prefix"]: rule["NoncurrentVersionExpiration"]["NoncurrentDays"] for rule in old} == {
        "training/": 90,
        "manifests/": 90,
        "latest/": 90,
        "metrics/": 90,
        "golden/": 90,
        "transform/": 90,
        # What is deleted of captured requests is gone the day after.
        "capture/": 1,
    }
    assert not any(key.startswith("Expiration") for rule in old for key in rule)
    assert transforms == {"Id": "transforms", "Status": "Enabled", "Prefix": "transform/", "ExpirationInDays": 90}
    assert captures == {"Id": "captures", "Status": "Enabled", "Prefix": "capture/", "ExpirationInDays": 90}
    aborting = [r for r in rules if r not in expiring]
    assert aborting == [
        {
            "Id": "broken-uploads",
            "Status": "Enabled",
            "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7},
        }
    ]


def test_a_key_of_the_organisation_encrypts_bucket_outputs_and_volumes() -> None:
    (bucket,) = synthesised("everything").resources("AWS::S3::Bucket")
    assert bucket["Properties"]["BucketEncryption"]["ServerSideEncryptionConfiguration"] == [
        {
            "BucketKeyEnabled": True,
            "ServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": KEY},
        }
    ]
    arguments = definition("everything")["States"]["Train"]["Arguments"]
    assert arguments["OutputDataConfig"]["KmsKeyId"] == KEY
    # ml.m5d has local disks: SageMaker refuses a key for them.
    assert "VolumeKmsKeyId" not in arguments["ResourceConfig"]


@pytest.mark.parametrize(("variant", "policy"), [("plain", "Delete"), ("prod", "Retain")])
@pytest.mark.parametrize(
    "kind",
    ["AWS::S3::Bucket", "AWS::S3::BucketPolicy", "AWS::SageMaker::ModelPackageGroup", "AWS::Logs::LogGroup"],
)
def test_what_prod_keeps_when_it_is_destroyed(variant: str, policy: str, kind: str) -> None:
    found = synthesised(variant).resources(kind)
    assert found
    assert {(r["DeletionPolicy"], r["UpdateReplacePolicy"]) for r in found} == {(policy, policy)}


def test_a_job_is_what_the_project_file_says() -> None:
    plain = definition("plain")["States"]["Train"]["Arguments"]
    ruled = {k: v for k, v in plain.items() if not str(v).startswith("{%")}
    assert ruled == {
        "AlgorithmSpecification": {"TrainingImage": IMAGE, "TrainingInputMode": "File"},
        "RoleArn": "TRAINING-ROLE",
        "OutputDataConfig": {"S3OutputPath": "s3://bikes-dev-111122223333-us-east-1/training"},
        "ResourceConfig": {"InstanceType": "ml.m5.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 10},
        "StoppingCondition": {"MaxRuntimeInSeconds": 3600},
        "EnableNetworkIsolation": True,
        "EnableManagedSpotTraining": False,
    }
    full = definition("everything")["States"]["Train"]["Arguments"]
    assert full["ResourceConfig"] == {"InstanceType": "ml.m5d.xlarge", "InstanceCount": 2, "VolumeSizeInGB": 30}
    assert full["StoppingCondition"] == {"MaxRuntimeInSeconds": 600, "MaxWaitTimeInSeconds": 1200}
    assert full["EnableManagedSpotTraining"] is True
    assert full["EnableInterContainerTrafficEncryption"] is True
    assert full["VpcConfig"] == {"Subnets": ["subnet-1", "subnet-2"], "SecurityGroupIds": ["sg-1"]}
    assert definition("everything")["States"]["Begin"]["Assign"]["ownTags"] == [
        {"Key": "cost", "Value": "42"},
        {"Key": "team", "Value": "rides"},
    ]


def test_hyperparameters_are_not_in_the_stack() -> None:
    assert synthesised("other hyperparameters").training == synthesised("plain").training


def test_the_trigger_logs_its_executions() -> None:
    template = synthesised("everything").template("training")
    template.has_resource_properties(
        "AWS::StepFunctions::StateMachine",
        {
            "StateMachineName": "bikes-dev-training",
            "StateMachineType": "STANDARD",
            "LoggingConfiguration": {
                "Level": "ALL",
                "IncludeExecutionData": True,
                "Destinations": [{"CloudWatchLogsLogGroup": {"LogGroupArn": Match.any_value()}}],
            },
        },
    )
    template.has_resource_properties(
        "AWS::Logs::LogGroup",
        {"LogGroupName": "/aws/vendedlogs/states/bikes-dev-training", "RetentionInDays": 30, "KmsKeyId": KEY},
    )


def test_the_trigger_is_made_after_the_policies_of_its_roles() -> None:
    template = synthesised("plain").training["Resources"]
    machine = trigger("plain")
    after = {template[name]["Properties"]["PolicyName"] for name in machine["DependsOn"]}
    assert after == {"bikes-dev-training", "bikes-dev-trigger"}


def test_nothing_starts_by_itself_unless_asked() -> None:
    template = synthesised("plain").template("training")
    template.resource_count_is("AWS::Scheduler::Schedule", 0)
    template.resource_count_is("AWS::Events::Rule", 0)
    template.resource_count_is("AWS::IAM::Role", 2)


def test_a_schedule_trains_on_the_latest_manifest() -> None:
    synthesised("everything").template("training").has_resource_properties(
        "AWS::Scheduler::Schedule",
        {
            "Name": "bikes-dev-schedule",
            "ScheduleExpression": "cron(0 6 ? * MON *)",
            "FlexibleTimeWindow": {"Mode": "OFF"},
            "Target": Match.object_like(
                {
                    "Input": '{"Manifest": "latest/manifest.json"}',
                    "RetryPolicy": {"MaximumRetryAttempts": 5, "MaximumEventAgeInSeconds": 3600},
                }
            ),
        },
    )


def test_new_data_is_a_manifest_of_the_bucket() -> None:
    synthesised("everything").template("training").has_resource_properties(
        "AWS::Events::Rule",
        {
            "Name": "bikes-dev-new-data",
            "EventPattern": {
                "source": ["aws.s3"],
                "detail-type": ["Object Created"],
                "detail": {
                    "bucket": {"name": ["bikes-dev-111122223333-us-east-1"]},
                    "object": {"key": [{"prefix": "manifests/"}]},
                },
            },
            "Targets": [
                Match.object_like(
                    {
                        "InputTransformer": {
                            "InputPathsMap": {"key": "$.detail.object.key"},
                            "InputTemplate": '{"Manifest": <key>}',
                        }
                    }
                )
            ],
        },
    )


def test_what_the_organisation_brings_is_not_made() -> None:
    brought = synthesised("brought along")
    assert brought.resources("AWS::S3::Bucket") == []
    assert brought.resources("AWS::IAM::Role") == []
    assert brought.resources("AWS::IAM::Policy") == []
    assert definition("brought along")["States"]["Train"]["Arguments"]["RoleArn"] == f"{ROLE}train"
    machine = trigger("brought along")
    (schedule,) = brought.resources("AWS::Scheduler::Schedule")
    (rule,) = brought.resources("AWS::Events::Rule")
    assert machine["Properties"]["RoleArn"] == f"{ROLE}trigger"
    assert schedule["Properties"]["Target"]["RoleArn"] == f"{ROLE}trigger"
    assert rule["Properties"]["Targets"][0]["RoleArn"] == f"{ROLE}trigger"
    assert "our-own-bucket" in json.dumps(brought.training)
    assert "bikes-dev-111122223333" not in json.dumps(brought.training)


def test_a_boundary_is_on_every_role() -> None:
    roles = synthesised("everything").resources("AWS::IAM::Role")
    assert len(roles) == 7
    assert {role["Properties"]["PermissionsBoundary"] for role in roles} == {BOUNDARY}


def test_the_qualifier_of_another_bootstrap_is_used() -> None:
    full = synthesised("everything")
    for template in (full.training, full.hosting):
        assert template["Parameters"]["BootstrapVersion"]["Default"] == "/cdk-bootstrap/ourown/version"


def test_tags_are_on_stacks_and_on_resources() -> None:
    full = synthesised("everything")
    stacks = [a for a in full.manifest["artifacts"].values() if a["type"] == "aws:cloudformation:stack"]
    assert [stack["properties"]["tags"] for stack in stacks] == [{"cost": "42", "team": "rides"}] * 2
    tagged = [{"Key": "cost", "Value": "42"}, {"Key": "team", "Value": "rides"}]
    for kind in ("AWS::S3::Bucket", "AWS::StepFunctions::StateMachine", "AWS::SageMaker::ModelPackageGroup"):
        assert {str(resource["Properties"]["Tags"]) for resource in full.resources(kind)} == {str(tagged)}


def test_the_group_of_model_packages_has_the_environments_name() -> None:
    synthesised("plain").template("training").has_resource_properties(
        "AWS::SageMaker::ModelPackageGroup", {"ModelPackageGroupName": "bikes-dev"}
    )


def test_another_project_of_as_long_a_name_has_the_same_template_but_for_the_name() -> None:
    """tests/local/shared_templates.py relies on it."""
    ours, theirs = (json.dumps(synthesised(variant).training) for variant in ("plain", "second project"))
    assert ours.replace("bikes", "boats") == theirs


def test_outputs() -> None:
    assert sorted(synthesised("plain").training["Outputs"]) == [
        "ApproverPolicyArn",
        "BucketName",
        "DriftPolicyArn",
        "FitterPolicyArn",
        "ModelPackageGroupName",
        "PromoterPolicyArn",
        "ReviewerPolicyArn",
        "StateMachineArn",
        "TrainingRoleArn",
    ]
