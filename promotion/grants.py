"""What has to be added to a policy of the source before the target's release role can take a model from it."""

from __future__ import annotations

import json
from typing import Any

from infra.release_grants import bucket_grants, key_grant
from kickstand.config.model import Environment
from kickstand.names import Names


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
