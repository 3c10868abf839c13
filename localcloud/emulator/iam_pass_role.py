"""iam:PassRole: whoever gives a service a role must be allowed to give that role to that service.

https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html
"""

from __future__ import annotations

from localcloud.emulator import acting


def check_pass_role(role_arn: str, service: str) -> None:
    """Ask IAM whether the one who asks may pass `role_arn` to `service` (`sagemaker.amazonaws.com`).

    The one who asks is the caller of the request, or the role that a state machine's task works with;
    CloudFormation and other services that work in their own name are not asked.

    Raises AccessDenied, worded as IAM words it; a service answers it with AccessDeniedException.
    """
    acting.require("iam:PassRole", role_arn, context={"iam:PassedToService": service})
