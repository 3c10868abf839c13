"""The services that the local cloud has, each with a call by which it is asked."""

from __future__ import annotations

READS = {
    "account": ("account", "get_contact_information"),
    "cloudformation": ("cloudformation", "list_stacks"),
    "cloudtrail": ("cloudtrail", "list_trails"),
    "ec2": ("ec2", "describe_vpcs"),
    "ecr": ("ecr", "describe_repositories"),
    "events": ("events", "list_rules"),
    "iam": ("iam", "list_users"),
    "kms": ("kms", "list_keys"),
    "logs": ("logs", "describe_log_groups"),
    "monitoring": ("cloudwatch", "list_metrics"),
    "resource-groups": ("resource-groups", "list_groups"),
    "s3": ("s3", "list_buckets"),
    "sagemaker": ("sagemaker", "list_models"),
    "scheduler": ("scheduler", "list_schedules"),
    "secretsmanager": ("secretsmanager", "list_secrets"),
    "sns": ("sns", "list_topics"),
    "sqs": ("sqs", "list_queues"),
    "ssm": ("ssm", "describe_parameters"),
    "states": ("stepfunctions", "list_state_machines"),
    "sts": ("sts", "get_caller_identity"),
    "tagging": ("resourcegroupstaggingapi", "get_resources"),
}
"""A call of every service that is served, ours included, that takes no parameters."""
