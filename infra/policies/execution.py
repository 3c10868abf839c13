"""What SageMaker's execution roles allow: data and models, the image, logs, metrics, keys, the network.

One role is of training jobs, one of the model that the endpoint serves and batch transform invokes.
"""

from __future__ import annotations

from infra.policies.automation import transform_statements
from infra.policies.capture import capture_statements
from infra.policies.statement import Statement
from kickstand.bucket import DATA, MODELS, TRAINING
from kickstand.config.model import Hosting, Training
from kickstand.images import repository_arn
from kickstand.names import Names, partition


def _image_statements(names: Names) -> list[Statement]:
    """Pull one image repository. It is AWS's, in an account of theirs, so the role must be granted it by name."""
    return [
        Statement(
            "PullImage",
            ("ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"),
            (repository_arn(names.environment.region),),
        ),
        Statement(
            "LogInToRegistry",
            ("ecr:GetAuthorizationToken",),
            everywhere="A login is for the whole registry service: AWS knows no resource for it.",
        ),
    ]


def _log_statements(*log_group_arns: str, shared: str) -> list[Statement]:
    """Write streams of log groups (ARNs without `:*`).

    shared: SageMaker's one group for all jobs of a kind in the account, which no stack has: whoever runs the first job
    makes it. The others are a stack's: SageMaker's log agent writes for a while after its endpoint is gone, and were it
    allowed to make the group again, that one would be in the way of the next deployment and keep its events for ever.
    """
    log_group_arns = (*log_group_arns, shared)
    return [
        Statement("MakeLogGroup", ("logs:CreateLogGroup",), (shared,)),
        Statement(
            "WriteLog",
            ("logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"),
            tuple(f"{arn}:*" for arn in log_group_arns),
        ),
    ]


def _metric_statement(*namespaces: str) -> Statement:
    """Put metrics into some namespaces."""
    return Statement(
        "PutMetrics",
        ("cloudwatch:PutMetricData",),
        everywhere="CloudWatch metrics are no resources; the namespace is what can be limited.",
        conditions={"StringEquals": {"cloudwatch:namespace": namespaces[0] if len(namespaces) == 1 else namespaces}},
    )


def _key_statements(names: Names) -> list[Statement]:
    """Use the key of data and volumes, where there is one.

    SageMaker makes a grant on it for the volumes, and only for its own resources. For the key of a job's output it asks
    for kms:Encrypt
    (https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_OutputDataConfig.html, KmsKeyId).
    """
    key = names.environment.storage.kms_key_arn
    if key is None:
        return []
    return [
        Statement("UseKey", ("kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey"), (key,)),
        Statement(
            "GrantVolumesTheKey",
            ("kms:CreateGrant",),
            (key,),
            conditions={"Bool": {"kms:GrantIsForAWSResource": "true"}},
        ),
    ]


def _network_statements(names: Names, settings: Training | Hosting) -> list[Statement]:
    """Put network interfaces into the subnets, where there are any.

    Subnets and security groups are named in any account: the ARN of one that another account shares (AWS RAM) has its
    owner's, and an id belongs to one account only. Interfaces belong to whoever makes them
    (https://docs.aws.amazon.com/vpc/latest/userguide/vpc-sharing-permissions.html).
    """
    if not settings.subnets:
        return []
    environment = names.environment
    of_any_owner = f"arn:{partition(environment.region)}:ec2:{environment.region}:*:"
    subnet_arns = tuple(f"{of_any_owner}subnet/{subnet}" for subnet in settings.subnets)
    group_arns = tuple(f"{of_any_owner}security-group/{group}" for group in settings.security_group_ids)
    interfaces = names.arn("ec2", "network-interface/*")
    return [
        Statement("MakeInterfaces", ("ec2:CreateNetworkInterface",), (*subnet_arns, *group_arns, interfaces)),
        Statement(
            "UseInterfaces",
            (
                "ec2:CreateNetworkInterfacePermission",
                "ec2:DeleteNetworkInterface",
                "ec2:DeleteNetworkInterfacePermission",
            ),
            (interfaces,),
            conditions={"ArnLike": {"ec2:Subnet": subnet_arns}},
        ),
        Statement(
            "LookAtNetwork",
            (
                "ec2:DescribeDhcpOptions",
                "ec2:DescribeNetworkInterfaces",
                "ec2:DescribeSecurityGroups",
                "ec2:DescribeSubnets",
                "ec2:DescribeVpcs",
            ),
            everywhere="EC2 checks its lists against no resource.",
        ),
    ]


def training_statements(names: Names) -> list[Statement]:
    """What a training job may do: read `data/`, write `training/`, pull its image, write its log and its metrics.

    It cannot read `models/` or its own outputs, and it cannot change data.
    """
    bucket = names.bucket_arn
    return [
        Statement("ReadData", ("s3:GetObject",), (DATA.arn(bucket),)),
        Statement("ListData", ("s3:ListBucket",), (bucket,), conditions={"StringLike": {"s3:prefix": (DATA.objects,)}}),
        Statement("WriteOutput", ("s3:AbortMultipartUpload", "s3:PutObject"), (TRAINING.arn(bucket),)),
        *_image_statements(names),
        *_log_statements(shared=names.arn("logs", "log-group:/aws/sagemaker/TrainingJobs")),
        _metric_statement("/aws/sagemaker/TrainingJobs"),
        *_key_statements(names),
        *_network_statements(names, names.environment.training),
    ]


def hosting_statements(names: Names) -> list[Statement]:
    """What a served model may do: read `models/`, pull its image, write its log and its metrics; transform; capture.

    SageMaker reads the alarms that roll an update back as this role
    (https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails-configuration.html).

    All of `models/` and not the one artifact: an update or a new instance reads the old one while the policy may
    already name the next.
    """
    return [
        Statement("ReadModels", ("s3:GetObject",), (MODELS.arn(names.bucket_arn),)),
        *_image_statements(names),
        *transform_statements(names.bucket_arn),
        *capture_statements(names),
        *_log_statements(
            names.arn("logs", f"log-group:{names.endpoint_log_group}"),
            shared=names.arn("logs", "log-group:/aws/sagemaker/TransformJobs"),
        ),
        _metric_statement("/aws/sagemaker/Endpoints", "/aws/sagemaker/TransformJobs"),
        Statement(
            "ReadRollbackAlarms",
            ("cloudwatch:DescribeAlarms",),
            tuple(names.arn("cloudwatch", f"alarm:{alarm}") for alarm in names.rollback_alarms),
        ),
        *_key_statements(names),
        *_network_statements(names, names.environment.hosting),
    ]
