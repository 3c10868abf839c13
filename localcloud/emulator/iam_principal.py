"""aws:PrincipalArn of an assumed role is the role's ARN, not the session's.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-principalarn
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from localcloud.emulator.seam import Seam, wrap

RESOLVE = Seam("ministack.core.iam_evaluator", "_resolve_condition_key", ("key", "ctx"))

_SESSION = ":assumed-role/"


def install() -> None:
    """Tell conditions the role."""
    wrap(RESOLVE, _role_for_session)


def _role_for_session(original: Callable[..., Any]) -> Callable[..., Any]:
    def resolve_condition_key(key: str, ctx: Any) -> Any:
        if key.lower() == "aws:principalarn" and _SESSION in ctx.principal_arn:
            return role_arn(ctx.principal_arn)
        return original(key, ctx)

    return resolve_condition_key


def role_arn(session_arn: str) -> str:
    """The ARN, with its path, of the role that a session is of: `arn:aws:sts::ACCOUNT:assumed-role/NAME/SESSION`."""
    from ministack.services import iam

    _, partition, _, _, account, rest = session_arn.split(":", 5)
    name = rest.split("/")[1]
    role = iam._roles.get_scoped(account, None, name)
    return str(role["Arn"]) if role else f"arn:{partition}:iam::{account}:role/{name}"
