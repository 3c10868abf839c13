"""What works without a person: the roles of triggers, which start one job each, and the jobs of the pipeline.

For training, a trigger's schedule and its new-data rule; for batch transform, what it needs of the model's own role;
and what stops an endpoint by itself. Of the pipeline's jobs, preparing makes change sets and deploying executes them.
"""

from __future__ import annotations

from infra.policies.reviewer import bootstrap_version_arn
from infra.policies.statement import Statement
from kickstand.bucket import GOLDEN, LATEST, MANIFESTS, TRANSFORM_INPUT, TRANSFORM_OUTPUT
from kickstand.names import Names, partition

ENDPOINT_TAG = "kickstand:endpoint"
"""Tag of models and endpoint configurations, with the endpoint's name: CloudFormation names them, so no policy can."""

_SUPERSEDED = (
    ("DeleteSupersededConfigs", "sagemaker:DeleteEndpointConfig", "endpoint-config/*"),
    ("DeleteSupersededModels", "sagemaker:DeleteModel", "model/*"),
)


def trigger_statements(names: Names, *, training_role_arn: str) -> list[Statement]:
    """What the training trigger may do: run jobs of this environment alone, read the manifests."""
    bucket, key = names.bucket_arn, names.environment.storage.kms_key_arn
    return [
        Statement("ReadManifests", ("s3:GetObject",), (MANIFESTS.arn(bucket), LATEST.arn(bucket))),
        *([Statement("ReadWithKey", ("kms:Decrypt",), (key,))] if key else []),
        *_job_statements("Training", names, role_sid="PassTrainingRole", role_arn=training_role_arn),
    ]


def _job_statements(kind: str, names: Names, *, role_sid: str, role_arn: str) -> list[Statement]:
    """What `createTrainingJob.sync` or `createTransformJob.sync` needs, to notify of its end, and to log.

    kind:     `Training` or `Transform`.
    role_arn: the role that the jobs work in. role_sid: the statement's name.
    https://docs.aws.amazon.com/step-functions/latest/dg/sagemaker-iam.html lists it: Step Functions tags what
    it starts, and learns of a job's end by a rule of EventBridge that it manages under a name of its own.
    """
    return [
        Statement(
            "RunJobs",
            (
                "sagemaker:AddTags",
                f"sagemaker:Create{kind}Job",
                f"sagemaker:Describe{kind}Job",
                "sagemaker:ListTags",
                f"sagemaker:Stop{kind}Job",
            ),
            (names.arn("sagemaker", f"{kind.lower()}-job/{names.prefix}-*"),),
        ),
        Statement(
            role_sid,
            ("iam:PassRole",),
            (role_arn,),
            conditions={"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}},
        ),
        Statement(
            "AwaitJobs",
            ("events:DescribeRule", "events:PutRule", "events:PutTargets"),
            (names.arn("events", f"rule/StepFunctionsGetEventsForSageMaker{kind}JobsRule"),),
        ),
        *_notify_and_log(names),
    ]


def _notify_and_log(names: Names) -> list[Statement]:
    """What each state machine does besides: put an event, deliver its log."""
    return [
        Statement("NotifyEnd", ("events:PutEvents",), (names.arn("events", "event-bus/default"),)),
        Statement(
            "DeliverLogs",
            (
                "logs:CreateLogDelivery",
                "logs:DeleteLogDelivery",
                "logs:DescribeLogGroups",
                "logs:DescribeResourcePolicies",
                "logs:GetLogDelivery",
                "logs:ListLogDeliveries",
                "logs:PutResourcePolicy",
                "logs:UpdateLogDelivery",
            ),
            everywhere="Log deliveries are no resources: https://docs.aws.amazon.com/step-functions/latest/dg/cw-logs.html",
        ),
    ]


def start_statement(state_machine_arn: str, *, sid: str = "StartTraining") -> Statement:
    """What the schedule and the new-data rule may do."""
    return Statement(sid, ("states:StartExecution",), (state_machine_arn,))


def dead_letter_statement(queue_arn: str) -> Statement:
    """What the schedule may do besides: put a call that failed into the dead-letter queue."""
    return Statement("SendDeadLetters", ("sqs:SendMessage",), (queue_arn,))


def stop_statements(names: Names) -> list[Statement]:
    """What may stop the endpoint: delete its stack and no other, once nothing of it is in progress.

    The stack's own service role, that of the CDK bootstrap, deletes the resources: DeleteStack names no role, so
    nobody needs iam:PassRole (https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DeleteStack.html,
    RoleARN).
    """
    stack, topic = names.arn("cloudformation", f"stack/{names.hosting_stack}/*"), names.alert_topic_arn
    idle = names.environment.idle_after is not None
    return [
        Statement("StopEndpoint", ("cloudformation:DeleteStack", "cloudformation:DescribeStacks"), (stack,)),
        Statement(
            "ReadEndpoint", ("sagemaker:DescribeEndpoint",), (names.arn("sagemaker", f"endpoint/{names.endpoint}"),)
        ),
        Statement("ListExecutions", ("states:ListExecutions",), (names.stop_machine_arn, names.transform_machine_arn)),
        start_statement(names.stop_machine_arn, sid="HandOn"),
        *(
            [
                Statement(
                    "ReadIdleAlarm",
                    ("cloudwatch:DescribeAlarms",),
                    (names.arn("cloudwatch", f"alarm:{names.idle_alarm}"),),
                )
            ]
            if idle
            else []
        ),
        *([Statement("GiveNotice", ("sns:Publish",), (topic,))] if topic else []),
        *_notify_and_log(names),
    ]


def restart_statements(names: Names) -> list[Statement]:
    """What `kickstand deploy` does so that the time of the endpoint starts anew, where it stops by itself."""
    lifetime = names.environment.lifetime
    if lifetime is None:
        return []
    return [
        Statement("WatchEndpoint", ("states:ListExecutions", "states:StartExecution"), (names.stop_machine_arn,)),
        Statement(
            "EndWatch",
            ("states:DescribeExecution", "states:StopExecution"),
            (names.arn("states", f"execution:{names.stop_machine}:*"),),
        ),
    ]


def transform_statements(bucket_arn: str) -> list[Statement]:
    """What the model's role may do for a transform job: read `transform/input/`, write `transform/output/`.

    A job has no role of its own: SageMaker reads its input and writes its output as the model
    (https://docs.aws.amazon.com/sagemaker/latest/dg/sagemaker-roles.html, CreateModel).
    """
    return [
        Statement("ReadTransformInput", ("s3:GetObject",), (TRANSFORM_INPUT.arn(bucket_arn),)),
        Statement(
            "ListTransformInput",
            ("s3:ListBucket",),
            (bucket_arn,),
            conditions={"StringLike": {"s3:prefix": (TRANSFORM_INPUT.objects,)}},
        ),
        Statement(
            "WriteTransformOutput", ("s3:AbortMultipartUpload", "s3:PutObject"), (TRANSFORM_OUTPUT.arn(bucket_arn),)
        ),
    ]


def transform_trigger_statements(names: Names, *, hosting_role_arn: str) -> list[Statement]:
    """What the transform trigger may do: run transform jobs of this environment alone."""
    return _job_statements("Transform", names, role_sid="PassHostingRole", role_arn=hosting_role_arn)


def prepare_statements(names: Names) -> list[Statement]:
    """Make, tag and remove change sets of the two stacks, as the CDK command line does; execute none.

    The CDK's own deploy role could execute them too, so it is not among the roles: where the CDK command line may
    not assume that one, it goes on with the job's. Nor is cloudformation:DeleteStack.
    """
    environment = names.environment
    assets = f"cdk-{environment.bootstrap.qualifier}-assets-{environment.account}-{environment.region}"
    stacks = tuple(names.arn("cloudformation", f"stack/{s}/*") for s in (names.training_stack, names.hosting_stack))
    return [
        Statement("PublishTemplates", ("sts:AssumeRole",), _bootstrap_roles(names, "file-publishing", "lookup")),
        Statement(
            "MakeChangeSets",
            (
                "cloudformation:CreateChangeSet",
                "cloudformation:DeleteChangeSet",
                "cloudformation:DescribeEvents",
                "cloudformation:TagResource",
            ),
            stacks,
        ),
        # CloudFormation reads a template's parameters as whoever makes the change set: the CDK's have BootstrapVersion.
        Statement("ReadParameters", ("ssm:GetParameters",), (bootstrap_version_arn(names),)),
        Statement(
            "PassExecutionRole",
            ("iam:PassRole",),
            _bootstrap_roles(names, "cfn-exec"),
            conditions={"StringEquals": {"iam:PassedToService": "cloudformation.amazonaws.com"}},
        ),
        # CloudFormation fetches the template with the permissions of whoever makes the change set.
        Statement(
            "ReadTemplates",
            ("s3:GetObject",),
            (f"arn:{partition(environment.region)}:s3:::{assets}/*",),
        ),
    ]


def deploy_statements(names: Names) -> list[Statement]:
    """Assume the roles of the CDK's bootstrap stack, prove the endpoint, and delete what it served with before."""
    return [
        Statement("Deploy", ("sts:AssumeRole",), _bootstrap_roles(names, "deploy", "file-publishing", "lookup")),
        *_verify_endpoint(names),
        *restart_statements(names),
        *(
            Statement(
                sid,
                (action,),
                (names.arn("sagemaker", resource),),
                conditions={"StringEquals": {f"aws:ResourceTag/{ENDPOINT_TAG}": names.endpoint}},
            )
            for sid, action, resource in _SUPERSEDED
        ),
    ]


def _bootstrap_roles(names: Names, *jobs: str) -> tuple[str, ...]:
    environment = names.environment
    begin = f"arn:{partition(environment.region)}:iam::{environment.account}:role/cdk-{environment.bootstrap.qualifier}"
    return tuple(f"{begin}-{job}-role-{environment.account}-{environment.region}" for job in jobs)


def _verify_endpoint(names: Names) -> list[Statement]:
    """The golden rows, where git does not hold them, and what the endpoint answers to them."""
    endpoint = names.arn("sagemaker", f"endpoint/{names.endpoint}")
    return [
        Statement("ReadGoldenRows", ("s3:GetObject",), (GOLDEN.arn(names.bucket_arn),)),
        Statement("InvokeEndpoint", ("sagemaker:InvokeEndpoint",), (endpoint,)),
    ]
