"""The rules of our own: CloudFormation Guard's language, in infra/policy/."""

from __future__ import annotations

import re
from pathlib import Path

from kickstand.config.model import Environment

RULES = Path(__file__).with_name("policy")


def rule_files(environment: Environment) -> tuple[Path, ...]:
    """The files of Guard rules that an environment's stacks are held to.

    Those for keys are asked where it names a key, since what has one must use it everywhere, and where its policy
    demands one.
    """
    demanded = environment.policy.require_kms_key
    keys = {
        RULES / "key" / "storage.guard": demanded or environment.storage.kms_key_arn is not None,
        RULES / "key" / "logs.guard": demanded or environment.logs.kms_key_arn is not None,
    }
    return (*sorted(RULES.glob("*.guard")), *(file for file, asked in keys.items() if asked))


def rule_names(file: Path) -> tuple[str, ...]:
    """The rules of a file, as Guard names them: `KICKSTAND_BUCKET_VERSIONED`."""
    return tuple(re.findall(r"^rule (\w+)", file.read_text("utf-8"), re.MULTILINE))
