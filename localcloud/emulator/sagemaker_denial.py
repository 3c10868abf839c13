"""A refusal by IAM as SageMaker words it: with the resource in the message, and HTTP 400 on the control plane.

ministack's general refusal leaves the resource out, which is what one needs to mend the policy.
https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from localcloud.emulator.iam_request import DENIED
from localcloud.emulator.seam import wrap


def install() -> None:
    """Give SageMaker's refusals their words."""
    wrap(DENIED, _worded)


def _worded(original: Callable[..., Any]) -> Callable[..., Any]:
    def access_denied_response(
        service: str,
        action: str,
        principal_arn: str,
        request_id: str,
        *,
        error_code: str = "",
        message: str = "",
        headers: Mapping[str, str] | None = None,
        resource_arn: str = "*",
        explicit_deny: bool = False,
        resource_policy_arn: str = "",
    ) -> tuple[int, dict[str, str], bytes]:
        ours = service == "sagemaker" and not error_code and not message
        if ours:
            from ministack.core.iam_actions import identity_denial_message

            message = identity_denial_message(action, principal_arn, resource_arn, explicit_deny)
        status, sent, body = original(
            service,
            action,
            principal_arn,
            request_id,
            error_code=error_code,
            message=message,
            headers=headers,
            resource_arn=resource_arn,
            explicit_deny=explicit_deny,
            resource_policy_arn=resource_policy_arn,
        )
        if ours and (headers or {}).get("x-amz-target"):
            status = 400
        return status, sent, body

    return access_denied_response
