"""The target's release role, in which a promotion writes, and what the source must grant it.

The role is assumed with the target's own credentials. Where AWS refuses it the source's objects or keys, the message
has the statement to add to their policies.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from deployment.keys.needs import key_needs
from infra.policies.statement import bucket_grants, key_grant
from kickstand.aws.errors import AWS_FAILURES, DENIED, aws_error, error_code, explained
from kickstand.aws.session import role_session
from kickstand.config.model import Environment
from kickstand.errors import KickstandError, Problem
from kickstand.names import Names

if TYPE_CHECKING:
    import boto3

    from kickstand.workspace import Workspace


def release_session(target: Workspace, by: str) -> boto3.Session:
    """A session of the target's release role in the target's region, assumed now and again before it expires.

    by: ARN of who promotes; its name becomes the session's, which CloudTrail shows.
    KickstandError: the role is not there, or these credentials may not assume it.
    """
    try:
        return role_session(
            target.environment, target.session, target.names.release_role_arn, name=role_session_name(by)
        )
    except AWS_FAILURES as error:
        raise _refused(error, target) from error


def role_session_name(by: str) -> str:
    """`kickstand-ana` for `arn:aws:iam::111122223333:user/ana`: letters, digits and `+=,.@-_`, at most 64.

    https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html, RoleSessionName
    """
    who = re.sub(r"[^\w+=,.@-]", "-", by.rpartition("/")[2].rpartition(":")[2], flags=re.ASCII)
    return f"kickstand-{who}"[:64]


def _refused(error: Exception, target: Workspace) -> KickstandError:
    name = target.environment.name
    failure = aws_error(error, f"assuming the release role {target.names.release_role_arn}")
    if error_code(error) not in DENIED:
        return failure
    policy = target.names.managed_policy("promoter")
    fix = (
        f"The training stack of {name} makes the role: {target.command('deploy')}. "
        f"Who promotes needs the managed policy {policy}."
    )
    return KickstandError(*(Problem(problem.message, problem.where, fix) for problem in failure.problems))


def caller_arn(session: boto3.Session) -> str:
    """Who a session's credentials belong to, as AWS knows them."""
    with explained("asking AWS whose credentials these are"):
        return str(session.client("sts").get_caller_identity()["Arn"])


def missing_grant(source: Environment, target: Environment) -> str:
    """What to tell whoever looks after the source, when the target's release role was refused: where it stands
    in their hands, and the statements, as JSON.

    A bucket that our stack makes gets its policy by deploying it; a key's policy is always the organisation's.
    """
    here, there = Names(source), Names(target)
    parts = []
    if source.storage.existing_bucket is None:
        parts.append(f"Deploy {here.training_stack}: its bucket policy lets {there.release_role_arn} read models.")
    else:
        grants: list[dict[str, Any]] = bucket_grants(here, there)
        parts.append(f"The policy of the bucket {here.bucket} needs these statements:\n{_json(grants)}")
    if source.storage.kms_key_arn is not None:
        parts.append(
            f"The policy of the key {source.storage.kms_key_arn} needs this statement:\n{_json(key_grant(there))}"
        )
    return "\n".join(parts)


def _json(statements: Any) -> str:
    return json.dumps(statements, indent=2)


def grants_needed(source: Workspace, target: Workspace) -> str:
    """What lets the target's release role read the source's models and write its own: commands and statements."""
    names = target.names
    return (
        f"Of the source: {missing_grant(source.environment, target.environment)}\n"
        f"Of the target: {names.release_role} gets its permissions by {target.command('deploy')}; no policy of the "
        f"bucket {names.bucket} may deny it s3:PutObject under models/."
    )


_KEY_REFUSED = re.compile(r"not authorized to perform: (kms:(?:Decrypt|GenerateDataKey))")


def with_key_grant(error: KickstandError, source: Workspace, target: Workspace) -> KickstandError:
    """The error, with what the key's owner adds where KMS refused the release role a key; else the error itself.

    https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-modifying-external-accounts.html
    """
    cause = error.__cause__
    refused = _KEY_REFUSED.search(str(cause)) if cause is not None and error_code(cause) in DENIED else None
    if refused is None:
        return error
    fix = _key_fix(refused[1], str(cause), source, target)
    if not fix:
        return error
    return KickstandError(*(replace(problem, fix=fix) for problem in error.problems))


def _key_fix(action: str, words: str, source: Workspace, target: Workspace) -> str:
    """What lets the release role do this with the key that the refusal names, or with the one that it must be."""
    own, theirs = target.environment.storage.kms_key_arn, source.environment.storage.kms_key_arn
    if "no identity-based policy" in words:
        role, command = target.names.release_role, target.command("deploy")
        return f"{role} gets its permissions for the keys by {command}. Nothing was promoted."
    if (
        theirs is not None
        and theirs != own
        and (theirs in words or (action == "kms:Decrypt" and str(own) not in words))
    ):
        return _added(theirs, source.environment, key_grant(target.names))
    everybody = {one.name: one for one in (source.environment, target.environment)}
    for need in key_needs(target.environment, everybody):
        if need.arn == target.names.release_role_arn and need.key == own:
            return _added(need.key, target.environment, need.statement([action]))
    return ""


def _added(key: str, owner: Environment, statement: object) -> str:
    return (
        f"The policy of {owner.name}'s key {key} needs this statement, which its owner adds "
        f"(aws kms put-key-policy); then run it again. Nothing was promoted.\n{json.dumps(statement, indent=2)}"
    )
