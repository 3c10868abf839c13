"""The roles of triggers: a state machine around one job, and for training its schedule and its new-data rule."""

from __future__ import annotations

from infra.statement import Statement


def trigger_statements(
    *,
    partition: str,
    region: str,
    account: str,
    bucket_arn: str,
    job_arn: str,
    training_role_arn: str,
    kms_key_arn: str | None,
) -> list[Statement]:
    """What the training trigger may do: run jobs of this environment alone, read the manifests.

    job_arn: `…:training-job/PROJECT-ENV-*`.
    """
    return [
        Statement("ReadManifests", ("s3:GetObject",), (f"{bucket_arn}/manifests/*", f"{bucket_arn}/latest/*")),
        *([Statement("ReadWithKey", ("kms:Decrypt",), (kms_key_arn,))] if kms_key_arn else []),
        *job_statements(
            "Training",
            events_arn=f"arn:{partition}:events:{region}:{account}:",
            job_arn=job_arn,
            role_sid="PassTrainingRole",
            role_arn=training_role_arn,
        ),
    ]


def job_statements(kind: str, *, events_arn: str, job_arn: str, role_sid: str, role_arn: str) -> list[Statement]:
    """What `createTrainingJob.sync` or `createTransformJob.sync` needs, to tell of its end, and to log.

    kind:       `Training` or `Transform`.
    events_arn: `arn:PARTITION:events:REGION:ACCOUNT:`.
    role_arn:   the role that the jobs work in. role_sid: the statement's name.
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
            (job_arn,),
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
            (f"{events_arn}rule/StepFunctionsGetEventsForSageMaker{kind}JobsRule",),
        ),
        Statement("TellOfEnd", ("events:PutEvents",), (f"{events_arn}event-bus/default",)),
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


def start_statement(state_machine_arn: str) -> Statement:
    """What the schedule and the new-data rule may do."""
    return Statement("StartTraining", ("states:StartExecution",), (state_machine_arn,))
