"""Principals, actions, resources and conditions of a policy in words, with the exact names."""

from __future__ import annotations

import re
from collections.abc import Iterable

from review.access.statement import Condition
from review.changes.properties import listed

PUBLIC = "everyone on the internet"

_SERVICES = {
    "sagemaker": "SageMaker",
    "states": "Step Functions",
    "events": "EventBridge",
    "scheduler": "EventBridge Scheduler",
    "lambda": "Lambda",
    "s3": "S3",
    "logs": "CloudWatch Logs",
    "delivery.logs": "CloudWatch Logs",
    "cloudwatch": "CloudWatch",
    "cloudformation": "CloudFormation",
    "kms": "KMS",
    "ecr": "ECR",
    "iam": "IAM",
    "sts": "STS",
    "application-autoscaling": "Application Auto Scaling",
}

_ACTIONS = {
    "sagemaker:invokeendpoint": "invoke the endpoint",
    "sagemaker:invokeendpointasync": "invoke the endpoint",
    "sagemaker:createtrainingjob": "start training jobs",
    "sagemaker:stoptrainingjob": "stop training jobs",
    "sagemaker:createtransformjob": "start transform jobs",
    "sagemaker:stoptransformjob": "stop transform jobs",
    "sagemaker:updateendpoint": "change the endpoint",
    "sagemaker:deleteendpoint": "delete the endpoint",
    "sagemaker:updatemodelpackage": "approve or reject models",
    "sagemaker:createmodelpackage": "register models",
    "s3:getobject": "read objects",
    "s3:getobjectversion": "read objects",
    "s3:putobject": "write objects",
    "s3:deleteobject": "delete objects",
    "s3:deleteobjectversion": "delete objects",
    "s3:listbucket": "list the bucket",
    "s3:deletebucket": "delete the bucket",
    "s3:putbucketpolicy": "change who may use the bucket",
    "sts:assumerole": "act as the role",
    "sts:assumerolewithwebidentity": "act as the role",
    "iam:passrole": "hand roles to services",
    "kms:decrypt": "decrypt",
    "kms:encrypt": "encrypt",
    "kms:generatedatakey": "encrypt",
    "logs:putlogevents": "write logs",
    "logs:createlogstream": "write logs",
    "logs:createloggroup": "make log groups",
    "logs:getlogevents": "read logs",
    "logs:filterlogevents": "read logs",
    "states:startexecution": "start state machines",
    "states:stopexecution": "stop state machines",
    "events:putevents": "send events",
    "cloudwatch:putmetricdata": "write metrics",
    "lambda:invokefunction": "call the function",
}

_OPERATORS = {
    "StringEquals": "is",
    "StringEqualsIgnoreCase": "is",
    "ArnEquals": "is",
    "ArnLike": "is like",
    "StringLike": "is like",
    "StringNotEquals": "is not",
    "StringNotLike": "is not like",
    "ArnNotLike": "is not like",
    "ArnNotEquals": "is not",
    "Bool": "is",
    "IpAddress": "is in",
    "NotIpAddress": "is not in",
    "NumericEquals": "is",
}

_IDENTIFYING = (
    "aws:principalorgid",
    "aws:principalorgpaths",
    "aws:principalaccount",
    "aws:principalarn",
    "aws:sourceaccount",
    "aws:sourcearn",
    "aws:sourceorgid",
    "aws:sourcevpc",
    "aws:sourcevpce",
    "aws:userid",
    "s3:dataaccesspointaccount",
    "kms:calleraccount",
)
"""Condition keys that say who or whence, so that `*` is not everyone.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html (the meaning of public)"""


def is_public(principal: str, conditions: Iterable[Condition]) -> bool:
    """Whether a principal is anybody at all: `*`, or all but some, with no condition that says who."""
    anyone = principal == "*" or principal.startswith("!")
    positive = [key.lower() for operator, key, _ in conditions if "Not" not in operator and operator != "Null"]
    return anyone and not any(key in _IDENTIFYING for key in positive)


def foreign_account(principal: str, account: str) -> str:
    """The other account that a principal is of; empty for this one's, for services and for everyone."""
    found = re.fullmatch(r"AWS:(?:arn:[^:]+:(?:iam|sts)::)?(\d{12})(?::.*)?", principal)
    return found[1] if found is not None and found[1] != account else ""


def who(principal: str, conditions: Iterable[Condition], account: str) -> str:
    """`callers in account 222222222222`, `SageMaker`, `everyone on the internet`."""
    if is_public(principal, conditions):
        return PUBLIC if principal == "*" else f"{PUBLIC} but {principal[1:].replace('|', ', ')}"
    if principal == "*":
        return "anyone who meets the condition"
    kind, _, name = principal.partition(":")
    if kind == "Service":
        return service(name)
    if kind == "Federated":
        return f"identities of {name.rpartition('oidc-provider/')[2]}"
    whole = re.fullmatch(r"(?:arn:[^:]+:iam::)?(\d{12})(?::root)?", name)
    if whole is not None:
        return f"callers in account {whole[1]}" if whole[1] != account else f"callers in this account ({account})"
    one = re.fullmatch(r"arn:[^:]+:(?:iam|sts)::(\d{12}):(assumed-role|role|user)/(.+)", name)
    if one is not None:
        what = "user" if one[2] == "user" else "role"
        return f"the {what} {one[3]}" + (f" of account {one[1]}" if one[1] != account else "")
    inner = re.fullmatch(r"\$\{([^.}]+)(?:\.Arn)?\}", name)
    return f"the role {inner[1]}" if inner is not None else name


def service(name: str) -> str:
    """`SageMaker` for `sagemaker.amazonaws.com` or `sagemaker`."""
    short = re.sub(r"(\.[a-z0-9-]+)?\.amazonaws\.com(\.cn)?$", "", name) or name
    return _SERVICES.get(short, _SERVICES.get(name.split(".")[0], name))


def do(actions: Iterable[str]) -> str:
    """`read objects (s3:GetObject) and use logs:TagResource`: in words where there are some, the exact names beside."""
    grouped: dict[str, list[str]] = {}
    for action in sorted(actions):
        grouped.setdefault(named(action), []).append(action)
    unnamed = grouped.pop("", [])
    words = [f"{words} ({', '.join(names)})" for words, names in grouped.items()]
    return listed([*words, *([f"use {listed(unnamed)}"] if unnamed else [])])


def do_briefly(actions: Iterable[str]) -> str:
    """`read objects, write logs and 6 other actions`."""
    found = {action: named(action) for action in set(actions)}
    words = sorted({words for words in found.values() if words})
    others = sum(not words for words in found.values())
    if others:
        words.append(f"{others} other actions" if others > 1 else next(f"use {a}" for a in found if not found[a]))
    return listed(words)


def named(action: str) -> str:
    """What an action does, in words; empty where there are none."""
    if action == "*":
        return "do anything at all"
    if action.startswith("!"):
        return f"do everything but {action[1:].replace('|', ', ')}"
    prefix, _, verb = action.partition(":")
    if verb == "*":
        return f"do anything in {service(prefix)}"
    return _ACTIONS.get(action.lower(), "")


def on(resources: Iterable[str]) -> str:
    """` on arn:…`; empty where a policy speaks of the resource that it is on."""
    found = sorted(resource for resource in resources if resource)
    if not found:
        return ""
    if "*" in found:
        return " on every resource"
    words = [f"all but {one[1:].replace('|', ', ')}" if one.startswith("!") else one for one in found]
    return f" on {listed(words)}"


def on_briefly(resources: Iterable[str]) -> str:
    """` on 4 resources`, by name where there is but one."""
    found = {resource for resource in resources if resource}
    several = len(found) > 1 and "*" not in found
    return f" on {len(found)} resources" if several else on(found) if len(found) == 1 else _and_every(found)


def _and_every(found: set[str]) -> str:
    return f" on {len(found) - 1} resources, some of it on every resource" if found else ""


def condition(conditions: Iterable[Condition]) -> str:
    """`aws:SourceAccount is 111122223333 and aws:SecureTransport is true`; empty where there is none."""
    return " and ".join(
        f"{key} is {'absent' if 'true' in values else 'given'}"
        if operator == "Null"
        else f"{key} {_OPERATORS.get(operator, operator)} {' or '.join(sorted(values))}"
        for operator, key, values in sorted(conditions, key=lambda one: (one[1], one[0], sorted(one[2])))
    )
