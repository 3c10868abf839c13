"""The role of the training trigger: the state machine, its schedule and its new-data rule."""

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
    """What `createTrainingJob.sync` needs, for jobs of this environment alone, and the manifests.

    job_arn: `…:training-job/PROJECT-ENV-*`.
    https://docs.aws.amazon.com/step-functions/latest/dg/connect-sagemaker.html lists it: Step Functions tags what
    it starts, and learns of a job's end by a rule of EventBridge that it manages under a name of its own.
    """
    events = f"arn:{partition}:events:{region}:{account}:"
    return [
        Statement("ReadManifests", ("s3:GetObject",), (f"{bucket_arn}/manifests/*", f"{bucket_arn}/latest/*")),
        *([Statement("ReadWithKey", ("kms:Decrypt",), (kms_key_arn,))] if kms_key_arn else []),
        Statement(
            "RunJobs",
            (
                "sagemaker:AddTags",
                "sagemaker:CreateTrainingJob",
                "sagemaker:DescribeTrainingJob",
                "sagemaker:ListTags",
                "sagemaker:StopTrainingJob",
            ),
            (job_arn,),
        ),
        Statement(
            "PassTrainingRole",
            ("iam:PassRole",),
            (training_role_arn,),
            conditions={"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}},
        ),
        Statement(
            "AwaitJobs",
            ("events:DescribeRule", "events:PutRule", "events:PutTargets"),
            (f"{events}rule/StepFunctionsGetEventsForSageMakerTrainingJobsRule",),
        ),
        Statement("TellOfEnd", ("events:PutEvents",), (f"{events}event-bus/default",)),
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
