"""Our own rules for endpoints and what is behind them: CloudFormation Guard, policy/*.guard beside this file.

Which files an environment's stacks are held to, and the names of the rules in them. A synthesis with `-c policy=on`
checks them (`policy_checks`), and a review shows them (`review.policy.report`): this module imports no CDK, which
would start a process of Node.js in each review.
"""

from __future__ import annotations

import re
from pathlib import Path

from kickstand.config.model import Environment

RULES = Path(__file__).with_name("policy")
"""The folder of the rules; those in its folder `key` are asked of stacks with a key."""


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
