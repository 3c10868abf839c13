"""The rules that one setting's value must meet by itself, whatever the other settings say.

Each rule is a function of a value that already has the right type. It returns None, or the fault: what follows
the setting's name in the message, and how to fix it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from functools import partial
from pathlib import Path
from typing import Any

from kickstand.aws.instance_types import Use, instance_type_fault
from kickstand.config.values import parse_arn, schedule_fault
from kickstand.images import region_fault, versions
from kickstand.xgboost_container import CONTENT_TYPES, MEDIA_TYPES

Fault = tuple[str, str]
Rule = Callable[[Any], Fault | None]

# https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html
RETENTION_DAYS = (
    *(1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653),
)


def between(low: int, high: int, unit: str = "") -> Rule:
    """A whole number within bounds, both included."""

    def rule(value: int) -> Fault | None:
        return None if low <= value <= high else (f"must be {low} to {high}{unit}, not {value}", "")

    return rule


def shaped(pattern: str, wanted: str) -> Rule:
    """Text that a regular expression matches as a whole; `wanted` says it in words."""
    compiled = re.compile(pattern)

    def rule(value: str) -> Fault | None:
        return None if compiled.fullmatch(value) else (f'must be {wanted}, not "{value}"', "")

    return rule


def each(item_rule: Rule, most: int | None = None) -> Rule:
    """A list whose every item meets a rule, and none of them twice; `most` of them where AWS has a limit."""

    def rule(values: list[str]) -> Fault | None:
        if most is not None and len(values) > most:
            return f"has {len(values)} items; SageMaker takes {most}", ""
        for value in values:
            if fault := item_rule(value):
                return f"has an item that {fault[0]}", fault[1]
        twice = [value for value, count in Counter(values).items() if count > 1]
        return (f"names {', '.join(twice)} more than once", "Each of them stands once.") if twice else None

    return rule


def one_of(known: Callable[[], tuple[str, ...]], what: str) -> Rule:
    """Text from a table; near ones are suggested, or all where none is near."""

    def rule(value: str) -> Fault | None:
        if value in known():
            return None
        near = get_close_matches(value, known(), n=3)
        fix = f"Did you mean {' or '.join(near)}?" if near else f"Known are {', '.join(known())}."
        return f'names {what} that SageMaker has no XGBoost image for: "{value}"', fix

    return rule


def instance_type(use: Use) -> Rule:
    """An instance type that SageMaker has for a use and the image can run on."""
    return partial(instance_type_fault, use)


def arn(service: str, resource: str, example: str) -> Rule:
    """An ARN of a service's resource, whose own form is given by a regular expression.

    It has a region exactly where the example has one, and an account; `aws` is the account of AWS's own policies.
    """
    regional = example.split(":")[3] != ""

    def rule(value: str) -> Fault | None:
        parts = parse_arn(value)
        if (
            parts
            and parts.service == service
            and (parts.region != "") == regional
            and (parts.account.isdecimal() or (parts.account == "aws" and parts.resource.startswith("policy/")))
            and re.fullmatch(resource, parts.resource, re.ASCII)
        ):
            return None
        alias = service == "kms" and parts is not None and parts.resource.startswith("alias/")
        fix = "An alias can come to mean another key: aws kms describe-key prints the key's own ARN." if alias else ""
        return f'must be an ARN such as {example}, not "{value}"', fix

    return rule


KEY = arn(
    "kms",
    r"key/(mrk-[0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})",
    "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab",
)
"""https://docs.aws.amazon.com/kms/latest/developerguide/concepts.html#key-id-key-id"""


def account(value: str) -> Fault | None:
    if re.fullmatch(r"\d{12}", value, re.ASCII):
        return None
    digits = re.sub(r"[\s-]", "", value)
    fix = f'Write "{digits}".' if re.fullmatch(r"\d{12}", digits, re.ASCII) else ""
    return f'must be the 12 digits of an AWS account, not "{value}"', fix


def project_name(value: str) -> Fault | None:
    if not re.fullmatch(r"[a-z]([a-z0-9-]*[a-z0-9])?", value):
        fix = "Every name in AWS begins with it, and S3 takes no others."
        return f'must be lowercase letters, digits and hyphens, beginning with a letter, not "{value}"', fix
    # Permissions are granted on PROJECT-ENV-*: `bikes-dev-x` would be open to the dev environment of `bikes`.
    inside = [part for part in value.split("-")[1:] if part in ("dev", "staging", "prod")]
    if inside:
        return (
            f'must not hold the name of an environment ("{inside[0]}")',
            "Names are made as PROJECT-ENV; leave it out.",
        )
    return None


def bucket_name(value: str) -> Fault | None:
    """https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html, without dots: TLS needs none."""
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]", value):
        fix = "Give the bucket's name alone, without s3:// and without a folder." if "/" in value else ""
        return f'must be a bucket name: 3 to 63 lowercase letters, digits and hyphens, not "{value}"', fix
    reserved = [part for part in _RESERVED_PREFIXES if value.startswith(part)]
    reserved += [part for part in _RESERVED_SUFFIXES if value.endswith(part)]
    if reserved:
        fix = "Name a general purpose bucket: not an alias, a directory bucket or a table bucket."
        return f'has "{reserved[0]}", which S3 keeps for itself: "{value}"', fix
    return None


_RESERVED_PREFIXES = ("xn--", "sthree-", "amzn-s3-demo-")
_RESERVED_SUFFIXES = ("-s3alias", "--ol-s3", "--x-s3", "--table-s3")


def data_path(value: str) -> Fault | None:
    if re.match(r"[a-z0-9]+://", value):
        return f'must be a path on this machine, not "{value}"', "Kickstand uploads the files itself."
    try:
        Path(value).expanduser()
    except RuntimeError:
        return f'begins with a home folder that nobody has: "{value}"', ""
    return None


def content_type(value: str) -> Fault | None:
    if value in CONTENT_TYPES:
        return None
    base = value.partition(";")[0].strip()
    if base in CONTENT_TYPES:
        label = " The label is the first column." if CONTENT_TYPES[base] == "csv" else ""
        return f'is "{value}": the image refuses parameters such as label_size', f'Write "{base}".{label}'
    known = ", ".join(f'"{name}"' for name in MEDIA_TYPES.values())
    return f'must be "text/csv" or another type that the image trains on, not "{value}"', f"They are {known}."


def schedule(value: str) -> Fault | None:
    fault = schedule_fault(value)
    return (f'{fault}: "{value}"', "For example rate(7 days) or cron(0 6 ? * MON *).") if fault else None


def retention(value: int) -> Fault | None:
    if value in RETENTION_DAYS:
        return None
    longer = next((days for days in RETENTION_DAYS if days > value), RETENTION_DAYS[-1])
    return f"must be a number of days that CloudWatch Logs knows, not {value}", f"The next one is {longer}."


def column_name(value: str) -> Fault | None:
    return None if value.strip() else ("is empty", "")


# https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_VpcConfig.html
_SUBNETS = each(shaped(r"subnet-([0-9a-f]{8}|[0-9a-f]{17})", "a subnet id such as subnet-0123456789abcdef0"), most=16)
_GROUPS = each(shaped(r"sg-([0-9a-f]{8}|[0-9a-f]{17})", "a security group id such as sg-0123456789abcdef0"), most=5)
# Names: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html, after a path or none.
_ROLE = arn("iam", r"role/([!-~]*/)?[\w+=,.@-]{1,64}", "arn:aws:iam::111122223333:role/NAME")
_POLICY = arn("iam", r"policy/([!-~]*/)?[\w+=,.@-]{1,128}", "arn:aws:iam::111122223333:policy/NAME")

RULES: Mapping[str, Rule] = {
    "project.name": project_name,
    **dict.fromkeys(("data.train", "data.validation", "data.test"), data_path),
    "data.content_type": content_type,
    "data.columns": each(column_name),
    "data.golden_rows": between(1, 100),
    "algorithm.version": one_of(versions, "a version"),
    "training.instance_type": instance_type("training"),
    "training.instance_count": between(1, 1000),
    "training.volume_size_gb": between(1, 16384, " GiB"),
    # 28 days: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_StoppingCondition.html
    "training.max_runtime_seconds": between(1, 2_419_200, " seconds"),
    "training.max_wait_seconds": between(1, 2**31 - 1, " seconds"),
    "training.schedule": schedule,
    "training.subnets": _SUBNETS,
    "training.security_group_ids": _GROUPS,
    "hosting.instance_type": instance_type("hosting"),
    "hosting.instance_count": between(1, 1000),
    "hosting.subnets": _SUBNETS,
    "hosting.security_group_ids": _GROUPS,
    "transform.instance_type": instance_type("transform"),
    "transform.instance_count": between(1, 1000),
    "storage.existing_bucket": bucket_name,
    "storage.kms_key_arn": KEY,
    "roles.training": _ROLE,
    "roles.hosting": _ROLE,
    "roles.trigger": _ROLE,
    "roles.permissions_boundary": _POLICY,
    "logs.retention_days": retention,
    "logs.kms_key_arn": KEY,
    # It is part of the name of the bootstrap stack's bucket.
    "bootstrap.qualifier": shaped(r"[a-z0-9]{1,10}", "1 to 10 lowercase letters and digits"),
    "environments.account": account,
    "environments.region": region_fault,
    "environments.profile": shaped(r"\S(.*\S)?", "the name of a profile"),
    "environments.role_arn": _ROLE,
}
"""By `TABLE.KEY`; an override in `[environments.NAME.TABLE]` meets the same rule."""
