"""A log group takes a KMS key only where the key's policy lets CloudWatch Logs use it for that group.

CloudWatch Logs looks at it when the group is made or gets the key, and gives one answer to a key that is not there, in
a bad state, or closed to it. https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from localcloud.ministack.door.cloudformation import correct_handler
from localcloud.ministack.door.core import iam_evaluator, responses
from localcloud.ministack.door.names import correct
from localcloud.ministack.door.services import logs
from localcloud.ministack.kms.authorization import KeyRefused, KeyUse, require_usable
from localcloud.ministack.kms.keys import find_key, key_arn
from localcloud.ministack.registry import account_id, region

TYPE = "AWS::Logs::LogGroup"
_ACTIONS = ("kms:Encrypt", "kms:Decrypt", "kms:GenerateDataKey", "kms:DescribeKey")

Properties = dict[str, Any]


def install() -> None:
    """Look at the key before a group has it, made by a call or by a stack."""
    correct(logs.create_log_group, _checked_call)
    correct_handler(TYPE, "create", _checked_create)
    correct_handler(TYPE, "update", _checked_update)


def problem(group: str, key: str) -> str:
    """What CloudWatch Logs says of a key that it may not use for a group; empty where it may."""
    arn = f"arn:aws:logs:{region()}:{account_id()}:log-group:{group}"
    refused = f"The specified KMS key does not exist or is not allowed to be used with Arn '{arn}'"
    found = find_key(key_arn(key, account_id(), region()))
    if found is None or found.arn.split(":")[3] != region():
        return refused
    try:
        require_usable(found, KeyUse("kms:GenerateDataKey", "logs", region()))
    except KeyRefused:
        return refused
    return "" if all(_allows(found.policy, action, found.arn, arn) for action in _ACTIONS) else refused


def _allows(policy: str, action: str, key: str, group: str) -> bool:
    decisions = set()
    for service in (f"logs.{region()}.amazonaws.com", "logs.amazonaws.com"):
        requested = iam_evaluator.EvalContext(
            principal_arn=service,
            principal_type="Service",
            principal_account=account_id(),
            action=action,
            resource_arn=key,
            region=region(),
            service_context={
                "aws:sourceaccount": account_id(),
                "aws:sourcearn": group,
                "kms:encryptioncontext:aws:logs:arn": group,
                "kms:encryptioncontextkeys": ["aws:logs:arn"],
            },
        )
        decisions.add(iam_evaluator.evaluate_resource_policy.original()(policy, requested, service).decision)
    return "Allow" in decisions and "Deny" not in decisions


def _checked_call(create: Callable[..., Any], data: dict[str, Any]) -> Any:
    if data.get("kmsKeyId") and (refused := problem(str(data.get("logGroupName")), data["kmsKeyId"])):
        return responses.error_response_json("AccessDeniedException", refused, 400)
    return create(data)


def _check(properties: Properties, group: str) -> None:
    key = properties.get("KmsKeyId")
    if key and (refused := problem(properties.get("LogGroupName") or group, str(key))):
        message = f"{refused} (Service: CloudWatchLogs, Status Code: 400)"
        raise ValueError(f'Resource handler returned message: "{message}" (HandlerErrorCode: AccessDenied)')


def _checked_create(create: Callable[..., Any], logical_id: str, properties: Properties, stack_name: str) -> Any:
    _check(properties, f"/aws/cloudformation/{stack_name}/{logical_id}")
    return create(logical_id, properties, stack_name)


def _checked_update(
    update: Callable[..., Any], physical_id: str, old: Properties, new: Properties, *more: Any, **named: Any
) -> Any:
    _check(new, physical_id)
    return update(physical_id, old, new, *more, **named)
