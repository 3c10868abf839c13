"""What may be tried with somebody's credentials in a deployed project, and what came of it."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError
from deployed_project import DeployedProject
from sagemaker_world import IMAGE

Calls = Mapping[str, tuple[str, dict[str, Any]]]
"""What is tried, by a name: operation `service.method` and its arguments."""

_DENIED = {"AccessDenied", "AccessDeniedException", "403"}


def role_of(project: DeployedProject, stack: str) -> str:
    """The ARN of the one role in a stack that SageMaker takes on."""
    iam, found = project.client("iam"), []
    for one in project.client("cloudformation").describe_stack_resources(StackName=stack)["StackResources"]:
        if one["ResourceType"] == "AWS::IAM::Role":
            role = iam.get_role(RoleName=one["PhysicalResourceId"])["Role"]
            if "sagemaker.amazonaws.com" in json.dumps(role["AssumeRolePolicyDocument"]):
                found.append(str(role["Arn"]))
    (arn,) = found
    return arn


def outcomes(project: DeployedProject, credentials: dict[str, Any], calls: Calls) -> dict[str, str]:
    """What each call came to: `allowed`, `denied`, or an error's text."""
    clients: dict[str, Any] = {}
    found = {}
    for name, (operation, arguments) in calls.items():
        service, _, method = operation.partition(".")
        if service not in clients:
            clients[service] = project.client(service, credentials)
        try:
            getattr(clients[service], method)(**arguments)
            found[name] = "allowed"
        except ClientError as error:
            found[name] = "denied" if error.response["Error"]["Code"] in _DENIED else str(error)
    return found


def allowed(found: Mapping[str, str]) -> set[str]:
    """The names of what was allowed; all the rest must have been denied."""
    assert {name: outcome for name, outcome in found.items() if outcome not in ("allowed", "denied")} == {}
    return {name for name, outcome in found.items() if outcome == "allowed"}


def objects(project: DeployedProject, prefix: str) -> str:
    """The key of some object under a prefix."""
    listed = project.client("s3").list_objects_v2(Bucket=project.names.bucket, Prefix=f"{prefix}/")
    return str(listed["Contents"][0]["Key"])


def s3_calls(project: DeployedProject) -> dict[str, tuple[str, dict[str, Any]]]:
    """Reading and writing each prefix of the artifact bucket, and listing it."""
    bucket = project.names.bucket
    calls: dict[str, tuple[str, dict[str, Any]]] = {
        "list the bucket": ("s3.list_objects_v2", {"Bucket": bucket}),
        "list all buckets": ("s3.list_buckets", {}),
        "read the policy": ("s3.get_bucket_policy", {"Bucket": bucket}),
        "change the versioning": (
            "s3.put_bucket_versioning",
            {"Bucket": bucket, "VersioningConfiguration": {"Status": "Suspended"}},
        ),
    }
    for prefix in ("data", "training", "models", "metrics", "golden"):
        key = objects(project, prefix)
        calls[f"list {prefix}"] = ("s3.list_objects_v2", {"Bucket": bucket, "Prefix": f"{prefix}/"})
        calls[f"get {prefix}"] = ("s3.get_object", {"Bucket": bucket, "Key": key})
        calls[f"head {prefix}"] = ("s3.head_object", {"Bucket": bucket, "Key": key})
        probe = {"Bucket": bucket, "Key": f"{prefix}/probe/{uuid.uuid4().hex}"}
        calls[f"put {prefix}"] = ("s3.put_object", {**probe, "Body": b"1"})
        calls[f"add {prefix}"] = (
            "s3.put_object",
            {**probe, "Key": f"{probe['Key']}-2", "Body": b"1", "IfNoneMatch": "*"},
        )
        calls[f"begin {prefix}"] = ("s3.create_multipart_upload", probe)
        calls[f"delete {prefix}"] = ("s3.delete_object", {"Bucket": bucket, "Key": key})
    return calls


def write_calls(project: DeployedProject) -> dict[str, tuple[str, dict[str, Any]]]:
    """What changes something outside the bucket: each is refused to everybody but its owner."""
    names, role = project.names, role_of(project, project.names.hosting_stack)
    group, endpoint = (
        names.model_package_group,
        project.client("sagemaker").describe_endpoint(EndpointName=names.endpoint),
    )
    config = endpoint["EndpointConfigName"]
    described = project.client("sagemaker").describe_endpoint_config(EndpointConfigName=config)
    variant = described["ProductionVariants"][0]
    package = names.arn("sagemaker", f"model-package/{group}/1")
    job = {
        "TrainingJobName": f"{names.prefix}-mine",
        "AlgorithmSpecification": {"TrainingImage": IMAGE, "TrainingInputMode": "File"},
        "RoleArn": role,
        "OutputDataConfig": {"S3OutputPath": f"s3://{names.bucket}/training"},
        "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 10},
        "StoppingCondition": {"MaxRuntimeInSeconds": 600},
    }
    container = {"Image": IMAGE, "ModelDataUrl": f"s3://{names.bucket}/models/x/model.tar.gz"}
    return {
        "train past the trigger": ("sagemaker.create_training_job", job),
        "make a model": (
            "sagemaker.create_model",
            {"ModelName": "mine", "ExecutionRoleArn": role, "PrimaryContainer": container},
        ),
        "make a configuration": (
            "sagemaker.create_endpoint_config",
            {"EndpointConfigName": "mine", "ProductionVariants": [variant]},
        ),
        "make an endpoint": ("sagemaker.create_endpoint", {"EndpointName": "mine", "EndpointConfigName": config}),
        "update the endpoint": (
            "sagemaker.update_endpoint",
            {"EndpointName": names.endpoint, "EndpointConfigName": config},
        ),
        "delete the endpoint": ("sagemaker.delete_endpoint", {"EndpointName": names.endpoint}),
        "delete the model": ("sagemaker.delete_model", {"ModelName": variant["ModelName"]}),
        "approve a package": (
            "sagemaker.update_model_package",
            {"ModelPackageArn": package, "ModelApprovalStatus": "Approved"},
        ),
        "delete a package": ("sagemaker.delete_model_package", {"ModelPackageName": package}),
        "tag the endpoint": (
            "sagemaker.add_tags",
            {"ResourceArn": endpoint["EndpointArn"], "Tags": [{"Key": "a", "Value": "b"}]},
        ),
        "change the trigger": (
            "stepfunctions.update_state_machine",
            {"stateMachineArn": names.state_machine_arn, "definition": "{}"},
        ),
        "delete the trigger": ("stepfunctions.delete_state_machine", {"stateMachineArn": names.state_machine_arn}),
        "delete the hosting stack": ("cloudformation.delete_stack", {"StackName": names.hosting_stack}),
        "delete the log": ("logs.delete_log_group", {"logGroupName": "/aws/sagemaker/TrainingJobs"}),
        "grant itself more": (
            "iam.attach_user_policy",
            {"UserName": "me", "PolicyArn": "arn:aws:iam::aws:policy/AdministratorAccess"},
        ),
        "ask another endpoint": (
            "sagemaker-runtime.invoke_endpoint",
            {"EndpointName": f"{names.endpoint}2", "Body": b"0.5,0.5\n", "ContentType": "text/csv"},
        ),
        "take on the role": ("sts.assume_role", {"RoleArn": role, "RoleSessionName": "mine"}),
    }
