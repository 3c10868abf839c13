"""The ARN that IAM is asked about for a resource of a stack, before it is made and after.

Source: https://docs.aws.amazon.com/service-authorization/latest/reference/
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from kickstand.aws.resource_schema import resource_schema
from kickstand.names import partition
from localcloud.ministack.door.services import iam
from localcloud.ministack.registry import account_id, region

Properties = Mapping[str, Any]
Spellings = tuple[str, ...]

ARNS: Mapping[str, str] = {
    "AWS::ApplicationAutoScaling::ScalableTarget": "application-autoscaling:{region}:{account}:scalable-target/{Id}",
    "AWS::ApplicationAutoScaling::ScalingPolicy": "application-autoscaling:{region}:{account}:scalable-target/{Id}",
    "AWS::CloudFormation::Stack": "cloudformation:{region}:{account}:stack/{name}/*",
    "AWS::CloudWatch::Alarm": "cloudwatch:{region}:{account}:alarm:{name}",
    "AWS::CloudWatch::CompositeAlarm": "cloudwatch:{region}:{account}:alarm:{name}",
    "AWS::CloudWatch::Dashboard": "cloudwatch::{account}:dashboard/{name}",
    "AWS::ECR::Repository": "ecr:{region}:{account}:repository/{name}",
    "AWS::Events::EventBus": "events:{region}:{account}:event-bus/{name}",
    "AWS::Events::Rule": "events:{region}:{account}:rule/{name}",
    "AWS::IAM::InstanceProfile": "iam::{account}:instance-profile{Path}{name}",
    "AWS::IAM::ManagedPolicy": "iam::{account}:policy{Path}{name}",
    "AWS::IAM::OIDCProvider": "iam::{account}:oidc-provider/{Host}",
    "AWS::IAM::Role": "iam::{account}:role{Path}{name}",
    "AWS::IAM::User": "iam::{account}:user{Path}{name}",
    "AWS::KMS::Alias": "kms:{region}:{account}:{name}",
    "AWS::KMS::Key": "kms:{region}:{account}:key/{name}",
    "AWS::Lambda::Function": "lambda:{region}:{account}:function:{name}",
    "AWS::Logs::LogGroup": "logs:{region}:{account}:log-group:{name}",
    "AWS::Logs::MetricFilter": "logs:{region}:{account}:log-group:{LogGroupName}",
    "AWS::Logs::SubscriptionFilter": "logs:{region}:{account}:log-group:{LogGroupName}",
    "AWS::S3::Bucket": "s3:::{name}",
    "AWS::S3::BucketPolicy": "s3:::{Bucket}",
    "AWS::SNS::Topic": "sns:{region}:{account}:{name}",
    "AWS::SQS::Queue": "sqs:{region}:{account}:{name}",
    "AWS::SSM::Parameter": "ssm:{region}:{account}:parameter/{name}",
    "AWS::SageMaker::Endpoint": "sagemaker:{region}:{account}:endpoint/{name}",
    "AWS::SageMaker::EndpointConfig": "sagemaker:{region}:{account}:endpoint-config/{name}",
    "AWS::SageMaker::Model": "sagemaker:{region}:{account}:model/{name}",
    "AWS::SageMaker::ModelPackageGroup": "sagemaker:{region}:{account}:model-package-group/{name}",
    "AWS::Scheduler::Schedule": "scheduler:{region}:{account}:schedule/{GroupName}/{name}",
    "AWS::Scheduler::ScheduleGroup": "scheduler:{region}:{account}:schedule-group/{name}",
    "AWS::SecretsManager::Secret": "secretsmanager:{region}:{account}:secret:{name}",
    "AWS::StepFunctions::StateMachine": "states:{region}:{account}:stateMachine:{name}",
}
"""A type's ARN by its name and its properties. Of a type that is not here IAM is asked about `*`."""

_DEFAULTS = {"Path": "/", "GroupName": "default"}

ON_EVERYTHING = frozenset(
    {
        "application-autoscaling:DescribeScalableTargets",
        "application-autoscaling:DescribeScalingPolicies",
        "application-autoscaling:DescribeScheduledActions",
        "events:PutPermission",
        "events:RemovePermission",
        "kms:CreateKey",
        "kms:ListAliases",
        "logs:CreateLogDelivery",
        "logs:DeleteIndexPolicy",
        "logs:DeleteResourcePolicy",
        "logs:DescribeIndexPolicies",
        "logs:DescribeLogGroups",
        "logs:DescribeResourcePolicies",
        "logs:PutIndexPolicy",
        "logs:PutResourcePolicy",
        "secretsmanager:GetRandomPassword",
        "sns:GetSubscriptionAttributes",
        "sns:SetSubscriptionAttributes",
        "sns:Unsubscribe",
    }
)
"""Actions of these types that IAM checks against no resource: policies allow them on `*` alone."""

_ATTACHMENT = re.compile(r"iam:(Attach|Detach|Put|Delete|Get)(Role|User|Group)Policy$")
_MEMBERS = {"Role": "Roles", "User": "Users", "Group": "Groups"}


def on_everything(action: str) -> bool:
    """Whether IAM checks an action against no resource."""
    return action in ON_EVERYTHING


def resource_arns(type_name: str, action: str, name: str, properties: Properties) -> Iterator[Spellings]:
    """The resources of an action on a resource of a stack.

    name: its physical id, or the name that it gets.
    """
    arn = _arn(type_name, name, properties)
    if ":log-group:" in arn and "Tag" not in action:
        # Policies name a group with `:*` at its end, but for tags: both are taken.
        # https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/iam-access-control-overview-cwl.html
        yield arn, f"{arn}:*"
    else:
        yield (arn,)
    if action in ("sagemaker:CreateEndpoint", "sagemaker:UpdateEndpoint"):
        config = str(properties.get("EndpointConfigName", "")).lower()
        yield (_full(f"sagemaker:{region()}:{account_id()}:endpoint-config/{config}"),)
    if action.endswith("Alias") and "TargetKeyId" in properties:
        key = str(properties["TargetKeyId"])
        yield (key if key.startswith("arn:") else _full(f"kms:{region()}:{account_id()}:key/{key}"),)


def attached_to(type_name: str, verb: str, action: str, old: Properties, new: Properties) -> list[Spellings] | None:
    """The roles, users and groups that get a policy or lose it; None for what is no such action of a policy's type."""
    found = _ATTACHMENT.match(action)
    if found is None or type_name not in ("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy"):
        return None
    member = _MEMBERS[found[2]]
    before, after = list(old.get(member) or ()), list(new.get(member) or ())
    if found[1] in ("Detach", "Delete"):
        names = [each for each in before if each not in after]
    else:
        names = [each for each in after if found[1] != "Attach" or each not in before]

    kept = {"Role": iam.roles, "User": iam.users, "Group": iam.groups}[found[2]]
    kind = found[2].lower()
    return [((kept.get(each) or {}).get("Arn") or _full(f"iam::{account_id()}:{kind}/{each}"),) for each in names]


def name_of(type_name: str, properties: Properties, generated: str) -> str:
    """The name that a resource gets: its own, where its properties give one."""
    own = resource_schema(region(), type_name).name_property
    return str(properties.get(own) or generated) if own else generated


def _arn(type_name: str, name: str, properties: Properties) -> str:
    if name.startswith("arn:") and not type_name.startswith("AWS::ApplicationAutoScaling::"):
        return name  # a scaling policy's ARN is no resource of IAM's
    written = ARNS.get(type_name)
    if written is None:
        return "*"
    if name.startswith(("https:", "http:")):
        name = name.rpartition("/")[2]  # a queue's physical id is its URL
    if type_name == "AWS::SSM::Parameter":
        name = name.removeprefix("/")  # named with a slash before it, or without
    if type_name.startswith("AWS::SageMaker::"):
        name = name.lower()
    values = {key: value for key, value in properties.items() if isinstance(value, str) and value}
    host = str(properties.get("Url", "")).removeprefix("https://")
    place = {"region": region(), "account": account_id(), "name": name, "Host": host}
    return _full(written.format_map(_Values(_DEFAULTS | values | place)))


class _Values(dict[str, str]):
    def __missing__(self, name: str) -> str:
        return "*"


def _full(rest: str) -> str:
    return f"arn:{partition(region())}:{rest}"
