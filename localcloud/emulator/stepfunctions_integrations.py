"""Service integrations of Step Functions that ministack lacks or answers otherwise: SageMaker's, and PutEvents.

https://docs.aws.amazon.com/step-functions/latest/dg/connect-eventbridge.html
"""

from __future__ import annotations

import json
from typing import Any

from localcloud.emulator.seam import Seam, attribute
from localcloud.emulator.stepfunctions_execution import SFN, current_execution

PUT_EVENTS = "arn:aws:states:::events:putEvents"
CALL_JSON = Seam(SFN, "_dispatch_aws_sdk_json", ("service_info", "service_name", "action", "input_data"))


def install() -> None:
    """Let `aws-sdk:sagemaker:*` reach SageMaker, and `events:putEvents` be a request like any other."""
    CALL_JSON.original()
    services = attribute(SFN, "_AWS_SDK_SERVICE_MAP", dict)
    services["sagemaker"] = {"target_prefix": "SageMaker", "protocol": "json"}
    attribute(SFN, "_AWS_SDK_ERROR_PREFIX", dict)["sagemaker"] = "SageMaker"
    attribute(SFN, "_SERVICE_DISPATCH", dict)[PUT_EVENTS] = _put_events


def _put_events(resource: str, data: dict[str, Any]) -> Any:
    """PutEvents as the optimized integration makes it: details may be objects, and the execution is a resource."""
    from ministack.services import stepfunctions as sfn

    execution = current_execution()
    own = [execution.arn, execution.machine] if execution else []
    entries = []
    for entry in data.get("Entries", []):
        detail = entry.get("Detail", {})
        entries.append(
            {
                **entry,
                "Detail": detail if isinstance(detail, str) else json.dumps(detail),
                "Resources": [*entry.get("Resources", []), *own],
            }
        )
    result = sfn._dispatch_aws_sdk_json(
        sfn._AWS_SDK_SERVICE_MAP["eventbridge"], "eventbridge", "putEvents", {**data, "Entries": entries}
    )
    if result.get("FailedEntryCount"):
        raise sfn._ExecutionError("EventBridge.FailedEntry", json.dumps(result))
    return result
