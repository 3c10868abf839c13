"""What must be granted before a release role can take a model: told where AWS has refused it."""

from __future__ import annotations

import json
from collections.abc import Callable

from infra.release_grants import bucket_grants, key_grant
from kickstand.names import Names


def grants_needed(source: Names, target: Names, typed: Callable[[str], str]) -> str:
    """The commands and the policy statements that let the target's release role read the source and write its own.

    typed: a command as this user has to type it.
    """
    name, own = source.environment.name, target.environment.name
    told = [
        f"The training stacks grant it: {typed(f'deploy {name}')}, {typed(f'deploy {own}')}.",
        f"Where the bucket is the organisation's own, add to the policy of {source.bucket}: "
        f"{_text(bucket_grants(source, target))}",
    ]
    if source.environment.storage.kms_key_arn:
        key = source.environment.storage.kms_key_arn
        told.append(f"And to the policy of the key {key}: {_text([key_grant(target)])}")
    told.append(
        f"And see that nothing in the policy of {target.bucket} denies s3:PutObject under models/ to "
        f"{target.release_role_arn}."
    )
    return " ".join(told)


def _text(statements: object) -> str:
    return json.dumps(statements, sort_keys=True)
