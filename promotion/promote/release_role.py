"""The target's release role, assumed with the target's own credentials: all that a promotion writes, it writes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from kickstand.errors import KickstandError, Problem

if TYPE_CHECKING:
    from collections.abc import Callable

    import boto3

    from promotion.place import Place


def release_session(target: Place, by: str, typed: Callable[[str], str]) -> boto3.Session:
    """A session of the target's release role in the target's region, assumed now and again before it expires.

    by: ARN of who promotes; its name becomes the session's, which CloudTrail shows. typed: a command as this user
    has to type it. KickstandError: the role is not there, or these credentials may not assume it.
    """
    from kickstand.aws_errors import AWS_FAILURES
    from kickstand.session import role_session

    try:
        return role_session(
            target.environment, target.session, target.names.release_role_arn, name=role_session_name(by)
        )
    except AWS_FAILURES as error:
        raise _refused(error, target, typed) from error


def role_session_name(by: str) -> str:
    """`kickstand-ana` for `arn:aws:iam::111122223333:user/ana`: letters, digits and `+=,.@-_`, at most 64.

    https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html, RoleSessionName
    """
    who = re.sub(r"[^\w+=,.@-]", "-", by.rpartition("/")[2].rpartition(":")[2], flags=re.ASCII)
    return f"kickstand-{who}"[:64]


def _refused(error: Exception, target: Place, typed: Callable[[str], str]) -> KickstandError:
    from kickstand.aws_errors import DENIED, aws_error, error_code

    name = target.environment.name
    told = aws_error(error, f"assuming the release role {target.names.release_role_arn}")
    if error_code(error) not in DENIED:
        return told
    policy = target.names.managed_policy("promoter")
    fix = (
        f"The training stack of {name} makes the role: {typed(f'deploy {name}')}. "
        f"Who promotes needs the managed policy {policy}."
    )
    return KickstandError(*(Problem(problem.message, problem.where, fix) for problem in told.problems))


def caller_arn(session: boto3.Session) -> str:
    """Who a session's credentials belong to, as AWS knows them."""
    from kickstand.aws_errors import explained

    with explained("asking AWS whose credentials these are"):
        return str(session.client("sts").get_caller_identity()["Arn"])
