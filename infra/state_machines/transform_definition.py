"""What the transform trigger does, as an Amazon States Language definition. A value of values, as the training's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from infra.state_machines.job_states import (
    FAILED,
    JOB_TAGS,
    attempts,
    begin,
    caught,
    check_end,
    choice,
    event,
    job_name,
)

_NOUN = "TransformJob"
_STOPPED = "'The job was stopped.'"


def transform_definition(
    *,
    partition: str,
    project: str,
    environment: str,
    job_prefix: str,
    job: Mapping[str, Any],
    output_uri: str,
    kms_key_arn: str | None,
    tags: Mapping[str, str],
) -> dict[str, Any]:
    """The definition of a state machine that runs one transform job.

    job:        the part of CreateTransformJob's request that the stack rules: model and instances.
    output_uri: `s3://BUCKET/transform/output`; each job writes below its own name.
    tags:       tags of every job; the input may add others, not change these.

    Input: `{"TransformJobName"?, "TransformInput", "DataProcessing"?, "Accept"?, "Tags"?}`, as CreateTransformJob
    takes them; Accept is text/csv where it is not said, and what is split by lines is assembled by lines. Output: the
    finished job, as DescribeTransformJob shows it. Fails with the job's own FailureReason as its cause.
    """
    output = {
        **({"KmsKeyId": kms_key_arn} if kms_key_arn else {}),
        "S3OutputPath": f"{{% '{output_uri}/' & $jobName %}}",
        "Accept": "{% $exists($request.Accept) ? $request.Accept : 'text/csv' %}",
        "AssembleWith": "{% $request.TransformInput.SplitType = 'Line' ? 'Line' : 'None' %}",
    }
    detail = {"project": project, "environment": environment, "transformJobName": "{% $jobName %}"}
    return {
        "Comment": "Transforms once: see docs/infrastructure.md",
        "QueryLanguage": "JSONata",
        "StartAt": "Begin",
        "States": {
            "Begin": begin(job_name(_NOUN, job_prefix), tags, next_state="Check request"),
            "Check request": choice(
                {"$type($request.TransformInput) = 'object'": "Transform"}, default="Refuse request"
            ),
            "Refuse request": {
                "Type": "Pass",
                "Assign": {
                    "failure": {
                        "Error": "InvalidRequest",
                        "Reason": "The input must hold TransformInput (an object, as CreateTransformJob takes it).",
                    }
                },
                "Next": "Notify failure",
            },
            "Transform": {
                "Type": "Task",
                "Resource": f"arn:{partition}:states:::sagemaker:createTransformJob.sync",
                "Arguments": {
                    **job,
                    "TransformJobName": "{% $jobName %}",
                    "TransformInput": "{% $request.TransformInput %}",
                    "TransformOutput": output,
                    "DataProcessing": "{% $exists($request.DataProcessing) ? $request.DataProcessing : {} %}",
                    "Tags": JOB_TAGS,
                },
                "Assign": {"job": "{% $states.result %}"},
                "Catch": [caught(_NOUN, _STOPPED, "", next_state="Classify failure")],
                "Next": "Check end",
            },
            "Check end": check_end(_NOUN, _STOPPED),
            **attempts("Transform"),
            "Notify success": event(
                partition,
                "Transform Job Completed",
                {**detail, "status": "Completed", "output": "{% $job.TransformOutput.S3OutputPath %}"},
                output="{% $job %}",
                next_state="Transformed",
            ),
            "Transformed": {"Type": "Succeed"},
            "Notify failure": event(
                partition,
                "Transform Job Failed",
                {
                    **detail,
                    "status": "{% $exists($failure.Status) ? $failure.Status : 'Failed' %}",
                    "failureReason": "{% $failure.Reason %}",
                    "next": "{% $exists($failure.Status) ? "
                    f"'kickstand transform {environment} --follow ' & $jobName : "
                    "'aws stepfunctions describe-execution --execution-arn ' & $states.context.Execution.Id %}",
                },
                output="{% $failure %}",
                next_state="Failed",
            ),
            "Failed": FAILED,
        },
    }
