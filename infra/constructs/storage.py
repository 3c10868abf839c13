"""What an environment stores: the artifact bucket with data, models and metrics, log groups, and the model registry."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sagemaker as sagemaker
from constructs import Construct

from infra.checks.policy_checks import acknowledge
from infra.policies.statement import Statement
from kickstand.bucket import layout
from kickstand.images import repository_arn
from kickstand.names import Names

_DAYS_OF_BROKEN_UPLOADS = 7


class ArtifactBucket(Construct):
    """A bucket that is versioned, encrypted, private, reached by TLS only, and tells EventBridge what arrives.

    bucket_name: its physical name.
    arn:         its ARN, as text.
    kms_key_arn: key for its objects; None for S3's own keys.
    retain:      whether it outlives its stack. Where it does not, CloudFormation still refuses to delete it as
                 long as it holds anything: there is no custom resource that would empty it.
    capture_days: after how many days captured requests are deleted, those of a capture that is off by now too.
    grants:      statements of its policy beside the refusal of all but TLS.

    `data/` and `models/` are the evidence and the way back: no lifecycle rule expires an object of theirs, new or
    old. Elsewhere old versions go after 90 days, and below `transform/` and `capture/` current ones too. Uploads that
    were begun and never finished are no objects: they go after 7 days, wherever they are.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        bucket_name: str,
        arn: str,
        kms_key_arn: str | None,
        retain: bool,
        capture_days: int,
        grants: Sequence[dict[str, Any]] = (),
    ) -> None:
        super().__init__(scope, construct_id)
        bucket = s3.CfnBucket(
            self,
            "Bucket",
            bucket_name=bucket_name,
            versioning_configuration=s3.CfnBucket.VersioningConfigurationProperty(status="Enabled"),
            bucket_encryption=s3.CfnBucket.BucketEncryptionProperty(
                server_side_encryption_configuration=[_encryption(kms_key_arn)]
            ),
            public_access_block_configuration=s3.CfnBucket.PublicAccessBlockConfigurationProperty(
                block_public_acls=True, block_public_policy=True, ignore_public_acls=True, restrict_public_buckets=True
            ),
            ownership_controls=s3.CfnBucket.OwnershipControlsProperty(
                rules=[s3.CfnBucket.OwnershipControlsRuleProperty(object_ownership="BucketOwnerEnforced")]
            ),
            lifecycle_configuration=s3.CfnBucket.LifecycleConfigurationProperty(rules=_lifecycle_rules(capture_days)),
            notification_configuration=s3.CfnBucket.NotificationConfigurationProperty(
                event_bridge_configuration=s3.CfnBucket.EventBridgeConfigurationProperty(event_bridge_enabled=True)
            ),
        )
        acknowledge(
            bucket,
            {
                "AwsSolutions-S1": "Who reads which object is what CloudTrail's data events record, for all buckets of "
                "an organisation in one place; a log bucket for each bucket would be one more to guard."
            },
        )
        # By name, not by reference: an import (after a destroy) finds a resource by what stands in the template.
        policy = s3.CfnBucketPolicy(self, "Policy", bucket=bucket_name, policy_document=_policy(arn, grants))
        policy.add_resource_dependency(bucket)
        kept = cdk.RemovalPolicy.RETAIN if retain else cdk.RemovalPolicy.DESTROY
        bucket.apply_removal_policy(kept)
        policy.apply_removal_policy(kept)


def _encryption(kms_key_arn: str | None) -> s3.CfnBucket.ServerSideEncryptionRuleProperty:
    if kms_key_arn is None:
        default = s3.CfnBucket.ServerSideEncryptionByDefaultProperty(sse_algorithm="AES256")
        return s3.CfnBucket.ServerSideEncryptionRuleProperty(server_side_encryption_by_default=default)
    default = s3.CfnBucket.ServerSideEncryptionByDefaultProperty(sse_algorithm="aws:kms", kms_master_key_id=kms_key_arn)
    # A bucket key asks KMS once for many objects instead of once for each.
    return s3.CfnBucket.ServerSideEncryptionRuleProperty(
        server_side_encryption_by_default=default, bucket_key_enabled=True
    )


def _lifecycle_rules(capture_days: int) -> list[s3.CfnBucket.RuleProperty]:
    broken = s3.CfnBucket.RuleProperty(
        id="broken-uploads",
        status="Enabled",
        abort_incomplete_multipart_upload=s3.CfnBucket.AbortIncompleteMultipartUploadProperty(
            days_after_initiation=_DAYS_OF_BROKEN_UPLOADS
        ),
    )
    prefixes = layout(capture_days=capture_days)
    old = [
        s3.CfnBucket.RuleProperty(
            id=f"old-versions-of-{prefix.name}",
            status="Enabled",
            prefix=prefix.key,
            noncurrent_version_expiration=s3.CfnBucket.NoncurrentVersionExpirationProperty(
                noncurrent_days=prefix.old_version_days
            ),
        )
        for prefix in prefixes
        if prefix.old_version_days is not None
    ]
    current = [
        s3.CfnBucket.RuleProperty(
            id=f"{prefix.name}s", status="Enabled", prefix=prefix.key, expiration_in_days=prefix.days
        )
        for prefix in prefixes
        if prefix.days is not None
    ]
    return [broken, *old, *current]


def _policy(arn: str, grants: Sequence[dict[str, Any]]) -> dict[str, Any]:
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "TlsOnly",
                "Effect": "Deny",
                "Principal": "*",
                "Action": "s3:*",
                "Resource": [arn, f"{arn}/*"],
                "Condition": {"Bool": {"aws:SecureTransport": "false"}},
            },
            *grants,
        ],
    }


class LogGroup(Construct):
    """A log group whose events expire.

    retention_days: how long events are kept.
    kms_key_arn:    key for the events; None for CloudWatch's own.
    retain:         whether it outlives its stack.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        log_group_name: str,
        retention_days: int,
        kms_key_arn: str | None,
        retain: bool,
    ) -> None:
        super().__init__(scope, construct_id)
        group = logs.CfnLogGroup(
            self,
            "Group",
            log_group_name=log_group_name,
            retention_in_days=retention_days,
            kms_key_id=kms_key_arn,
        )
        group.apply_removal_policy(cdk.RemovalPolicy.RETAIN if retain else cdk.RemovalPolicy.DESTROY)
        self._group = group
        self.arn: str = group.attr_arn
        """Its ARN, which ends in `:*`."""

    def precede(self, resource: cdk.CfnResource) -> None:
        """Make `resource` once the group is there, so that it does not make one that keeps its events for ever."""
        resource.add_resource_dependency(self._group)


class ModelPackageGroup(Construct):
    """The group in which `kickstand fit` and `kickstand adopt` register each model with its metrics.

    retain: whether it outlives its stack. Where it does not, SageMaker still refuses to delete it as long as it
            holds a package.
    """

    def __init__(self, scope: Construct, construct_id: str, *, group_name: str, retain: bool) -> None:
        super().__init__(scope, construct_id)
        group = sagemaker.CfnModelPackageGroup(
            self,
            "Group",
            model_package_group_name=group_name,
            # A change of this text would replace the group, and with it the register: so it names no details.
            model_package_group_description="Models trained by Kickstand",
        )
        group.apply_removal_policy(cdk.RemovalPolicy.RETAIN if retain else cdk.RemovalPolicy.DESTROY)


def registration_statements(names: Names) -> list[Statement]:
    """Register a model in an environment's group, and look up what is registered there.

    SageMaker looks up the image and the artifact of a package as whoever registers it. The reading of the artifact is
    in the statements about the bucket
    (https://docs.aws.amazon.com/sagemaker/latest/dg/model-registry-version.html, cross-account registration).
    """
    packages = names.arn("sagemaker", f"model-package/{names.model_package_group}/*")
    group = names.arn("sagemaker", f"model-package-group/{names.model_package_group}")
    return [
        Statement("Register", ("sagemaker:CreateModelPackage",), (group, packages)),
        Statement(
            "ReadPackages",
            (
                "sagemaker:DescribeModelPackage",
                "sagemaker:DescribeModelPackageGroup",
                "sagemaker:ListModelPackages",
            ),
            (group, packages),
        ),
        Statement(
            "ReadImage",
            ("ecr:BatchGetImage", "ecr:DescribeImages"),
            (repository_arn(names.environment.region),),
        ),
    ]
