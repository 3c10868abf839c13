"""What must be granted before a release role can take a model: told where AWS has refused it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace

from infra.release_grants import key_grant
from kickstand.aws_errors import DENIED, error_code
from kickstand.errors import KickstandError
from kickstand.names import Names
from promotion.grants import missing_grant
from promotion.keys.needs import key_needs


def grants_needed(source: Names, target: Names, typed: Callable[[str], str]) -> str:
    """What lets the target's release role read the source's models and write its own: commands and statements.

    typed: a command as this user has to type it.
    """
    own = target.environment.name
    return (
        f"Of the source: {missing_grant(source.environment, target.environment)}\n"
        f"Of the target: {target.release_role} gets its permissions by {typed(f'deploy {own}')}; no policy of the "
        f"bucket {target.bucket} may deny it s3:PutObject under models/."
    )


_KEY_REFUSED = re.compile(r"not authorized to perform: (kms:(?:Decrypt|GenerateDataKey))")


def with_key_grant(error: KickstandError, source: Names, target: Names, typed: Callable[[str], str]) -> KickstandError:
    """The error, with what the key's owner adds where KMS refused the release role a key; else the error itself.

    https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-modifying-external-accounts.html
    """
    cause = error.__cause__
    refused = _KEY_REFUSED.search(str(cause)) if cause is not None and error_code(cause) in DENIED else None
    if refused is None:
        return error
    fix = _key_fix(refused[1], str(cause), source, target, typed)
    if not fix:
        return error
    return KickstandError(*(replace(problem, fix=fix) for problem in error.problems))


def _key_fix(action: str, words: str, source: Names, target: Names, typed: Callable[[str], str]) -> str:
    """What lets the release role do this with the key that the refusal names, or with the one that it must be."""
    own, theirs = target.environment.storage.kms_key_arn, source.environment.storage.kms_key_arn
    if "no identity-based policy" in words:
        command = typed(f"deploy {target.environment.name}")
        return f"{target.release_role} gets its permissions for the keys by {command}. Nothing was promoted."
    if (
        theirs is not None
        and theirs != own
        and (theirs in words or (action == "kms:Decrypt" and str(own) not in words))
    ):
        return _added(theirs, source, key_grant(target))
    everybody = {one.name: one for one in (source.environment, target.environment)}
    for need in key_needs(target.environment, everybody):
        if need.arn == target.release_role_arn and need.key == own:
            return _added(need.key, target, need.statement([action]))
    return ""


def _added(key: str, owner: Names, statement: object) -> str:
    return (
        f"The policy of {owner.environment.name}'s key {key} needs this statement, which its owner adds "
        f"(aws kms put-key-policy); then run it again. Nothing was promoted.\n{json.dumps(statement, indent=2)}"
    )
