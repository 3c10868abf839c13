"""Which actions of a handler's list stand for one property of a type, and are taken for that property alone.

The schemas list the actions of all properties together (handlers):
https://docs.aws.amazon.com/cloudformation-cli/latest/userguide/resource-type-schema.html
The property of each is that of the API's operation:
https://docs.aws.amazon.com/service-authorization/latest/reference/
"""

from __future__ import annotations

from collections.abc import Mapping

PROPERTIES: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "AWS::S3::Bucket": {
        "s3:PutBucketAbac": ("AbacStatus",),
        "s3:PutBucketAcl": ("AccessControl",),
        "s3:PutAnalyticsConfiguration": ("AnalyticsConfigurations",),
        "s3:PutEncryptionConfiguration": ("BucketEncryption",),
        "s3:PutBucketCORS": ("CorsConfiguration",),
        "s3:PutInventoryConfiguration": ("InventoryConfigurations",),
        "s3:PutLifecycleConfiguration": ("LifecycleConfiguration",),
        "s3:PutMetricsConfiguration": ("MetricsConfigurations",),
        "s3:PutBucketNotification": ("NotificationConfiguration",),
        "s3:PutReplicationConfiguration": ("ReplicationConfiguration",),
        "s3:PutBucketWebsite": ("WebsiteConfiguration",),
        "s3:DeleteBucketWebsite": ("WebsiteConfiguration",),
        "s3:PutAccelerateConfiguration": ("AccelerateConfiguration",),
        "s3:PutBucketPublicAccessBlock": ("PublicAccessBlockConfiguration",),
        "s3:PutBucketObjectLockConfiguration": ("ObjectLockConfiguration",),
        "s3:PutBucketLogging": ("LoggingConfiguration",),
        "s3:GetBucketAcl": ("LoggingConfiguration",),
        "s3:PutBucketVersioning": ("VersioningConfiguration",),
        "s3:PutBucketOwnershipControls": ("OwnershipControls",),
        "s3:PutIntelligentTieringConfiguration": ("IntelligentTieringConfigurations",),
        # Only a bucket with metadata tables has these.
        **dict.fromkeys(
            (
                "s3:GetBucketMetadataTableConfiguration",
                "s3:CreateBucketMetadataTableConfiguration",
                "s3:DeleteBucketMetadataTableConfiguration",
                "s3:UpdateBucketMetadataJournalTableConfiguration",
                "s3:UpdateBucketMetadataInventoryTableConfiguration",
                "s3:UpdateBucketMetadataAnnotationTableConfiguration",
            ),
            ("MetadataConfiguration", "MetadataTableConfiguration"),
        ),
        # No bucket's own: of objects, and names that IAM does not know (what removes a configuration is its Put).
        **dict.fromkeys(
            (
                "s3:DeleteObject",
                "s3:PutObjectAcl",
                "s3:PutObjectLockConfiguration",
                "s3:PutBucketReplication",
                "s3:DeleteBucketAnalyticsConfiguration",
                "s3:DeleteBucketCors",
                "s3:DeleteBucketMetricsConfiguration",
                "s3:DeleteBucketEncryption",
                "s3:DeleteBucketLifecycle",
                "s3:DeleteBucketReplication",
            ),
            (),
        ),
    },
    "AWS::IAM::Role": {
        "iam:PutRolePolicy": ("Policies",),
        "iam:GetRolePolicy": ("Policies",),
        "iam:DeleteRolePolicy": ("Policies",),
        "iam:AttachRolePolicy": ("ManagedPolicyArns",),
        "iam:DetachRolePolicy": ("ManagedPolicyArns",),
        "iam:UpdateRole": ("Description", "MaxSessionDuration"),
        "iam:UpdateRoleDescription": ("Description",),
        "iam:UpdateAssumeRolePolicy": ("AssumeRolePolicyDocument",),
        "iam:PutRolePermissionsBoundary": ("PermissionsBoundary",),
        "iam:DeleteRolePermissionsBoundary": ("PermissionsBoundary",),
    },
    "AWS::IAM::ManagedPolicy": dict.fromkeys(
        ("iam:CreatePolicyVersion", "iam:DeletePolicyVersion"), ("PolicyDocument",)
    ),
    "AWS::IAM::OIDCProvider": {
        "iam:UpdateOpenIDConnectProviderThumbprint": ("ThumbprintList",),
        "iam:AddClientIDToOpenIDConnectProvider": ("ClientIdList",),
        "iam:RemoveClientIDFromOpenIDConnectProvider": ("ClientIdList",),
    },
    "AWS::IAM::User": {
        **dict.fromkeys(
            ("iam:CreateLoginProfile", "iam:UpdateLoginProfile", "iam:DeleteLoginProfile"), ("LoginProfile",)
        ),
        **dict.fromkeys(("iam:AddUserToGroup", "iam:RemoveUserFromGroup"), ("Groups",)),
        **dict.fromkeys(("iam:PutUserPolicy", "iam:DeleteUserPolicy"), ("Policies",)),
        **dict.fromkeys(("iam:AttachUserPolicy", "iam:DetachUserPolicy"), ("ManagedPolicyArns",)),
        **dict.fromkeys(
            ("iam:PutUserPermissionsBoundary", "iam:DeleteUserPermissionsBoundary"), ("PermissionsBoundary",)
        ),
    },
    "AWS::Logs::LogGroup": {
        **dict.fromkeys(("logs:PutRetentionPolicy", "logs:DeleteRetentionPolicy"), ("RetentionInDays",)),
        **dict.fromkeys(("logs:AssociateKmsKey", "logs:DisassociateKmsKey"), ("KmsKeyId",)),
        **dict.fromkeys(
            (
                "logs:GetDataProtectionPolicy",
                "logs:PutDataProtectionPolicy",
                "logs:DeleteDataProtectionPolicy",
                "logs:CreateLogDelivery",
            ),
            ("DataProtectionPolicy",),
        ),
        **dict.fromkeys(
            ("logs:PutResourcePolicy", "logs:DescribeResourcePolicies", "logs:DeleteResourcePolicy"),
            ("ResourcePolicyDocument",),
        ),
        **dict.fromkeys(
            ("logs:PutIndexPolicy", "logs:DescribeIndexPolicies", "logs:DeleteIndexPolicy"), ("FieldIndexPolicies",)
        ),
        "logs:PutBearerTokenAuthentication": ("BearerTokenAuthenticationEnabled",),
        "logs:PutLogGroupDeletionProtection": ("DeletionProtectionEnabled",),
    },
    "AWS::SageMaker::ModelPackageGroup": dict.fromkeys(
        ("sagemaker:PutModelPackageGroupPolicy", "sagemaker:DeleteModelPackageGroupPolicy"),
        ("ModelPackageGroupPolicy",),
    ),
    "AWS::Events::Rule": dict.fromkeys(("events:PutTargets", "events:RemoveTargets"), ("Targets",)),
    "AWS::ECR::Repository": {
        **dict.fromkeys(("ecr:PutLifecyclePolicy", "ecr:DeleteLifecyclePolicy"), ("LifecyclePolicy",)),
        **dict.fromkeys(("ecr:SetRepositoryPolicy", "ecr:DeleteRepositoryPolicy"), ("RepositoryPolicyText",)),
        "ecr:PutImageScanningConfiguration": ("ImageScanningConfiguration",),
        "ecr:PutImageTagMutability": ("ImageTagMutability",),
    },
    "AWS::KMS::Key": {
        **dict.fromkeys(("kms:EnableKeyRotation", "kms:DisableKeyRotation"), ("EnableKeyRotation",)),
        **dict.fromkeys(("kms:EnableKey", "kms:DisableKey"), ("Enabled",)),
        "kms:PutKeyPolicy": ("KeyPolicy",),
        "kms:UpdateKeyDescription": ("Description",),
    },
    "AWS::SNS::Topic": {
        "sns:Subscribe": ("Subscription",),
        "sns:Unsubscribe": ("Subscription",),
        **dict.fromkeys(("sns:GetDataProtectionPolicy", "sns:PutDataProtectionPolicy"), ("DataProtectionPolicy",)),
    },
}
"""Type, action, and the properties of which one takes it; none where no property does."""
