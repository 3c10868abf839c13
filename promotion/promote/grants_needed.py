"""What must be granted before a release role can take a model: told where AWS has refused it."""

from __future__ import annotations

from collections.abc import Callable

from kickstand.names import Names
from promotion.grants import missing_grant


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
