"""Why an ARN in a policy may hold a wildcard.

A wildcard is for names that are not known when a stack is made. What kinds there are stands here once; a wildcard
of another kind has no reason, and is a finding (AwsSolutions-IAM5) until it is narrowed or has one.
"""

from __future__ import annotations

import re

_REASONS: tuple[tuple[str, str], ...] = (
    (r":s3:::[^*/]+/[a-z-]+/\*", "Objects below one prefix of one bucket, whose keys are digests and names of jobs."),
    (r":s3:::[^*/]+/transform/(input|output)/\*", "Rows and answers of one bucket, below digests and names of jobs."),
    (r":s3:::cdk-[^*/]+-assets-[^*/]+/\*", "Templates in the CDK's own bucket, whose keys are digests."),
    (r":s3:::[^*/]+/data/\*/[a-z]+/\*", "One channel of every set of data, whose keys begin with digests."),
    (r":states:[^*]+:execution:[^*]+:\*", "Executions of one state machine get their names when they start."),
    (r":sagemaker:[^*]+:training-job/[^*]+-\*", "Training jobs of one environment get their names when they start."),
    (r":sagemaker:[^*]+:transform-job/[^*]+-\*", "Transform jobs of one environment get their names when they start."),
    (
        r":sagemaker:[^*]+:training-job/\*",
        "Describes any job of the account: one that was begun elsewhere may be adopted.",
    ),
    (r":sagemaker:[^*]+:model-package/[^*]+/\*", "Model packages of one group are numbered as they are registered."),
    (r":sagemaker:[^*]+:(model|endpoint-config)/\*", "CloudFormation names these; it reads them, and changes none."),
    (r":logs:[^*]+:log-group:[^*]+:\*", "Streams of one log group, which jobs and instances name."),
    (r":cloudformation:[^*]+:stack/[^*]+/\*", "CloudFormation puts an id of its own behind the name of one stack."),
    (r":iam:[^*]+:(role|policy)/[^*/]+-\*", "CloudFormation names these behind the environment's own prefix."),
    (
        r":ec2:[^*:]+:\*:(subnet|security-group)/[^*]+",
        "The account that shares a subnet or a security group is its owner's; the id is unique.",
    ),
    (r":ec2:[^*]+:network-interface/\*", "EC2 names network interfaces; the condition limits them to the subnets."),
)


def wildcard_reason(arn: str) -> str:
    """The reason of an ARN's wildcard; empty where it has no wildcard, or none that has a reason."""
    if "*" not in arn:
        return ""
    return next((reason for pattern, reason in _REASONS if re.fullmatch(rf"arn:[a-z-]+{pattern}", arn)), "")
