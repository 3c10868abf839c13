"""SNS where ministack differs: encrypted topics, e-mail that waits for its confirmation, properties of templates.

Nothing is sent to an e-mail address: nobody here can confirm it, so its subscription stays pending, as on AWS until the
person follows the link. https://docs.aws.amazon.com/sns/latest/dg/sns-email-notifications.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from localcloud.ministack.door.cloudformation import correct_handler
from localcloud.ministack.door.names import correct
from localcloud.ministack.door.services import sns
from localcloud.ministack.kms.authorization import KeyRefused, KeyUse, authorize
from localcloud.ministack.registry import account_id

Answer = tuple[int, dict[str, str], bytes]
Properties = Mapping[str, Any]

_EMAIL = ("email", "email-json")
_ADDRESS = re.compile(r"[^@\s,;<>]+@[^@\s,;<>]+\.[^@\s,;<>.]+")
_ATTRIBUTES = (
    "ArchivePolicy",
    "ContentBasedDeduplication",
    "FifoTopic",
    "KmsMasterKeyId",
    "SignatureVersion",
    "TracingConfig",
)
"""Properties of AWS::SNS::Topic that are attributes of the topic by the same name."""
_ARN = re.compile(r"<SubscriptionArn>([^<]+)</SubscriptionArn>")


def install() -> None:
    """Once, before the start."""
    correct(sns.publish, _with_key)
    correct(sns.subscribe, _pending)
    correct(sns.list_subscriptions, _shown_pending)
    correct(sns.list_subscriptions_by_topic, _shown_pending)
    correct_handler("AWS::SNS::Topic", "create", _whole_topic)
    correct_handler("AWS::SNS::Topic", "update", _whole_topic_again)
    correct_handler("AWS::SNS::Subscription", "create", _pending_subscription)
    correct_handler("AWS::SNS::TopicPolicy", "create", _known_topics)
    correct_handler("AWS::SNS::TopicPolicy", "delete", _default_again)


def _with_key(original: Callable[..., Answer], params: dict[str, Any]) -> Answer:
    """Publish to an encrypted topic for those who may use its key.

    https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html
    """
    topic = sns.topic_by_arn_any_scope(sns.p(params, "TopicArn") or sns.p(params, "TargetArn"))
    key = topic["attributes"].get("KmsMasterKeyId", "") if topic else ""
    if topic and key and key != "alias/aws/sns":  # whose policy admits everybody who may publish
        context = {"aws:sns:topicArn": topic["arn"]}
        try:
            for action in ("kms:GenerateDataKey", "kms:Decrypt"):
                authorize(KeyUse(action, "sns", topic["arn"].split(":")[3], context), key)
        except KeyRefused as refused:
            code = refused.code.removeprefix("KMS").removesuffix("Exception")
            answer: Answer = sns.error(f"KMS{code}", str(refused), 400)
            return answer
    return original(params)


def default_policy(arn: str) -> str:
    """The policy that a topic has until it gets another: everybody, for its owner's account."""
    actions = [
        "GetTopicAttributes",
        "SetTopicAttributes",
        "AddPermission",
        "RemovePermission",
        "DeleteTopic",
        "Subscribe",
        "ListSubscriptionsByTopic",
        "Publish",
    ]
    statement = {
        "Sid": "__default_statement_ID",
        "Effect": "Allow",
        "Principal": {"AWS": "*"},
        "Action": [f"SNS:{action}" for action in actions],
        "Resource": arn,
        "Condition": {"StringEquals": {"AWS:SourceOwner": account_id()}},
    }
    return json.dumps({"Version": "2008-10-17", "Id": "__default_policy_ID", "Statement": [statement]})


def _address_problem(protocol: str, endpoint: str) -> str:
    """Why nobody can be told at an address; empty for what is none of e-mail."""
    wrong = protocol in _EMAIL and not _ADDRESS.fullmatch(endpoint)
    return "Invalid parameter: Email address" if wrong else ""


def _wait(subscription: dict[str, Any]) -> bool:
    """Make a new e-mail subscription wait for its confirmation; whether it is one that waits."""
    if subscription["protocol"] not in _EMAIL:
        return False
    attributes = subscription["attributes"]
    if attributes.get("PendingConfirmation") != "true":
        subscription["confirmed"] = False
        attributes.update(PendingConfirmation="true", ConfirmationWasAuthenticated="false")
    return True


def _pending(original: Callable[..., Answer], params: dict[str, Any]) -> Answer:
    protocol, endpoint = sns.p(params, "Protocol"), sns.p(params, "Endpoint")
    if problem := _address_problem(protocol, endpoint):
        refused: Answer = sns.error("InvalidParameter", problem, 400)
        return refused
    status, headers, body = original(params)
    topic = sns.topic_by_arn_any_scope(sns.p(params, "TopicArn"))
    if status != 200 or topic is None:
        return status, headers, body
    for subscription in topic["subscriptions"]:
        same = (subscription["protocol"], subscription["endpoint"]) == (protocol, endpoint)
        if same and _wait(subscription):
            sns.refresh_subscription_counts(topic)
            if sns.p(params, "ReturnSubscriptionArn") != "true":
                body = _ARN.sub("<SubscriptionArn>pending confirmation</SubscriptionArn>", body.decode()).encode()
    return status, headers, body


def _shown_pending(original: Callable[..., Answer], params: dict[str, Any]) -> Answer:
    """Show PendingConfirmation in the place of the ARN, as SNS does until a subscription is confirmed."""
    status, headers, body = original(params)
    waiting = {
        subscription["arn"]
        for topic in sns.topics.values()
        for subscription in topic["subscriptions"]
        if not subscription.get("confirmed")
    }

    def shown(found: re.Match[str]) -> str:
        return found[0].replace(found[1], "PendingConfirmation") if found[1] in waiting else found[0]

    return status, headers, _ARN.sub(shown, body.decode()).encode()


def _whole_topic(create: Callable[..., Any], logical_id: str, properties: Properties, stack_name: str) -> Any:
    _require_addresses(properties.get("Subscription") or ())
    arn, attributes = create(logical_id, properties, stack_name)
    sns.topics[arn]["attributes"]["Policy"] = default_policy(arn)
    _complete(arn, properties)
    return arn, attributes


def _whole_topic_again(
    update: Callable[..., Any], physical_id: str, old: Properties, new: Properties, *more: Any, **named: Any
) -> Any:
    _require_addresses(new.get("Subscription") or ())
    arn, attributes = update(physical_id, old, new, *more, **named)
    if arn != physical_id:
        sns.topics[arn]["attributes"]["Policy"] = default_policy(arn)
    _complete(arn, new)
    return arn, attributes


def _complete(arn: str, properties: Properties) -> None:
    topic = sns.topics[arn]
    for name in _ATTRIBUTES:
        value = properties.get(name)
        if value in (None, ""):
            topic["attributes"].pop(name, None)
        elif isinstance(value, bool):
            topic["attributes"][name] = str(value).lower()
        else:
            topic["attributes"][name] = value if isinstance(value, str) else json.dumps(value)
    topic["attributes"]["DisplayName"] = properties.get("DisplayName", "")
    for subscription in topic["subscriptions"]:
        _wait(subscription)
    sns.refresh_subscription_counts(topic)


def _pending_subscription(create: Callable[..., Any], logical_id: str, properties: Properties, stack_name: str) -> Any:
    _require_addresses([properties])
    topic = sns.topics.get(properties.get("TopicArn", ""))
    if topic is None:
        raise ValueError(_refused("Topic does not exist", 404, "NotFound"))
    arn, attributes = create(logical_id, properties, stack_name)
    for subscription in topic["subscriptions"]:
        if subscription["arn"] == arn:
            _wait(subscription)
    sns.refresh_subscription_counts(topic)
    return arn, attributes


def _known_topics(create: Callable[..., Any], logical_id: str, properties: Properties, stack_name: str) -> Any:
    for arn in properties.get("Topics") or ():
        if sns.topics.get(arn) is None:
            raise ValueError(_refused("Topic does not exist", 404, "NotFound"))
    return create(logical_id, properties, stack_name)


def _default_again(delete: Callable[..., Any], physical_id: str, properties: Properties, *more: Any) -> None:
    delete(physical_id, properties, *more)
    for arn in properties.get("Topics") or ():
        if (topic := sns.topics.get(arn)) is not None:
            topic["attributes"]["Policy"] = default_policy(arn)


def _require_addresses(subscriptions: Any) -> None:
    for one in subscriptions:
        if problem := _address_problem(one.get("Protocol", ""), one.get("Endpoint", "")):
            raise ValueError(_refused(problem, 400, "InvalidRequest"))


def _refused(message: str, status: int, code: str) -> str:
    return (
        f'Resource handler returned message: "{message} (Service: Sns, Status Code: {status})" '
        f"(HandlerErrorCode: {code})"
    )
