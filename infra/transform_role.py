"""What batch transform needs of the model's role and of its trigger's."""

from __future__ import annotations

from infra.statement import Statement
from infra.trigger_role import job_statements
from kickstand.names import Names, partition

INPUT = "transform/input/*"
OUTPUT = "transform/output/*"


def transform_statements(bucket_arn: str) -> list[Statement]:
    """What the model's role may do for a transform job: read `transform/input/`, write `transform/output/`.

    A job has no role of its own: SageMaker reads its input and writes its output as the model
    (https://docs.aws.amazon.com/sagemaker/latest/dg/sagemaker-roles.html, CreateModel).
    """
    return [
        Statement("ReadTransformInput", ("s3:GetObject",), (f"{bucket_arn}/{INPUT}",)),
        Statement(
            "ListTransformInput",
            ("s3:ListBucket",),
            (bucket_arn,),
            conditions={"StringLike": {"s3:prefix": (INPUT,)}},
        ),
        Statement("WriteTransformOutput", ("s3:AbortMultipartUpload", "s3:PutObject"), (f"{bucket_arn}/{OUTPUT}",)),
    ]


def transform_trigger_statements(names: Names, *, hosting_role_arn: str) -> list[Statement]:
    """What the transform trigger may do: run transform jobs of this environment alone."""
    environment = names.environment
    place = f"{environment.region}:{environment.account}"
    return job_statements(
        "Transform",
        events_arn=f"arn:{partition(environment.region)}:events:{place}:",
        job_arn=names.arn("sagemaker", f"transform-job/{names.prefix}-*"),
        role_sid="PassHostingRole",
        role_arn=hosting_role_arn,
    )
