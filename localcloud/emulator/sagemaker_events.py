"""Events that a service of AWS's puts on the default bus, which clients may not."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from localcloud.emulator.context import request_scope
from localcloud.emulator.seam import Seam

PUT_EVENTS = Seam("ministack.services.eventbridge", "_put_events", ("data", "allow_aws_source"))


def put_service_event(
    account: str, region: str, *, source: str, detail_type: str, resource: str, detail: Mapping[str, Any]
) -> None:
    """Put one event on the default bus of an account and region, from whatever thread.

    source: `aws.sagemaker`; detail_type: `SageMaker Training Job State Change`; resource: the ARN it is about.
    """
    entry = {"Source": source, "DetailType": detail_type, "Resources": [resource], "Detail": json.dumps(detail)}
    with request_scope(account, region):
        PUT_EVENTS.original()({"Entries": [entry]}, allow_aws_source=True)
