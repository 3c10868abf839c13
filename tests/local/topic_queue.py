"""An SQS queue that another service of the local cloud sends to, and what came."""

from __future__ import annotations

import json
import time
import uuid
from typing import Any

from sagemaker_world import ACCOUNT, REGION, Client


def queue_for(client: Client, service: str) -> tuple[str, str]:
    """URL and ARN of a queue that a service may send to."""
    name = f"topic-{uuid.uuid4().hex[:8]}"
    arn = f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}"
    allowed = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sqs:SendMessage", "Resource": arn}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
    return client("sqs").create_queue(QueueName=name, Attributes={"Policy": policy})["QueueUrl"], arn


def messages(client: Client, url: str, count: int) -> list[dict[str, Any]]:
    """The next `count` messages, as JSON; AssertionError with those that came where they are fewer."""
    found: list[dict[str, Any]] = []
    deadline = time.monotonic() + 20
    while len(found) < count:
        assert time.monotonic() < deadline, found
        for message in client("sqs").receive_message(QueueUrl=url, WaitTimeSeconds=1).get("Messages", []):
            client("sqs").delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
            found.append(json.loads(message["Body"]))
    return found
