"""Who needs what of the customer keys of an environment, and of the one that it takes models from. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from deployment.keys.policy import KeyUse, Principal
from infra.policies.statement import key_grant
from kickstand.config.model import Environment, EnvironmentName
from kickstand.names import Names, partition

READ, WRITE, VOLUMES = "kms:Decrypt", "kms:GenerateDataKey", "kms:CreateGrant"
JOBS = (READ, WRITE, "kms:Encrypt", "kms:DescribeKey", VOLUMES)
"""What SageMaker asks of an execution role whose jobs have a key for output and volumes.

https://docs.aws.amazon.com/sagemaker/latest/dg/sagemaker-roles.html
"""


@dataclass(frozen=True, slots=True)
class Need:
    """One principal's need of one key.

    who:       in words, `the release role of staging`.
    arn:       of the role, where it has one that is known; else empty.
    purpose:   what it is for, as it follows "to": `read dev's models`.
    owner:     the environment whose setting names the key.
    holder:    the environment that the principal belongs to.
    promotion: whether a promotion needs it, and no deployment or job of the environment itself.
    """

    who: str
    arn: str
    account: str
    key: str
    actions: tuple[str, ...]
    purpose: str
    owner: Environment
    holder: Environment
    promotion: bool = False

    def requested(self, action: str) -> KeyUse:
        """The question to the key's policy. S3 and SageMaker call KMS for the role, in the key's region."""
        names = Names(self.owner)
        known = {"aws:securetransport": "true", "aws:viaawsservice": "true", "aws:principaltype": "AssumedRole"}
        if action in (READ, WRITE):
            suffix = "amazonaws.com.cn" if partition(self.owner.region) == "aws-cn" else "amazonaws.com"
            known["kms:viaservice"] = f"s3.{self.owner.region}.{suffix}"
            if self.owner.storage.existing_bucket is None:  # the stack's bucket has a bucket key
                known["kms:encryptioncontext:aws:s3:arn"] = names.bucket_arn
        if action == VOLUMES:
            known["kms:grantisforawsresource"] = "true"
        return KeyUse(action, Principal(self.account, self.arn), known)

    def statement(self, actions: Iterable[str]) -> dict[str, Any]:
        """What the key's owner adds to its policy for some of the actions."""
        lacking = list(actions)
        if self.holder.name != self.owner.name:
            return key_grant(Names(self.holder))
        account = f"arn:{partition(self.owner.region)}:iam::{self.account}:root"
        name = "".join(word.capitalize() for word in self.who.removeprefix("the ").split() if word.isalnum())
        made: dict[str, Any] = {
            "Sid": f"Kickstand{name}",
            "Effect": "Allow",
            "Principal": {"AWS": account},
            "Action": lacking if len(lacking) > 1 else lacking[0],
            "Resource": "*",
        }
        if self.arn:
            made["Condition"] = {"ArnEquals": {"aws:PrincipalArn": self.arn}}
        return made


def key_needs(environment: Environment, all_environments: Mapping[EnvironmentName, Environment]) -> list[Need]:
    """Every need of the environment's own key, and its release role's of the key of the source.

    all_environments: of the project, by name.
    """
    found = [*_own(environment), *_captured(environment)]
    if environment.promotes_from is not None:
        source = all_environments[environment.promotes_from]
        found += _taking(environment, source)
    for taker in all_environments.values():
        if taker.promotes_from == environment.name:
            found += _taking(taker, environment)
    return found


def _own(environment: Environment) -> Iterator[Need]:
    key, roles = environment.storage.kms_key_arn, environment.roles
    if key is None:
        return
    need = Need("", "", environment.account, key, (), "", environment, environment)
    name = environment.name
    yield replace(
        need,
        who=f"holders of the managed policies of {name}",
        actions=(READ, WRITE),
        purpose="upload, fit and review",
    )
    for who, arn, actions, purpose in (
        ("training", roles.training, JOBS, "train"),
        ("hosting", roles.hosting, JOBS, "serve the model"),
        ("trigger", roles.trigger, (READ,), "read manifests"),
    ):
        yield replace(need, who=f"the {who} role of {name}", arn=arn or "", actions=actions, purpose=purpose)
    if environment.promotes_from is not None:
        yield replace(
            need,
            who=f"the release role of {name}",
            arn=Names(environment).release_role_arn,
            actions=(READ, WRITE),
            purpose="write promoted models",
            promotion=True,
        )


def _captured(environment: Environment) -> Iterator[Need]:
    """Of a key that captured requests alone have; that of `[storage]` has needs that include theirs."""
    key, name = environment.hosting.capture.kms_key_arn, environment.name
    if key is None or not environment.captures or key == environment.storage.kms_key_arn:
        return
    need = Need("", "", environment.account, key, (), "", environment, environment)
    yield replace(
        need,
        who=f"the hosting role of {name}",
        arn=environment.roles.hosting or "",
        actions=(READ, WRITE),
        purpose="write captured requests",
    )
    yield replace(
        need,
        who=f"holders of the policy {Names(environment).managed_policy('captured')}",
        actions=(READ,),
        purpose="read captured requests",
    )


def _taking(taker: Environment, source: Environment) -> Iterator[Need]:
    if source.storage.kms_key_arn is None or source.storage.kms_key_arn == taker.storage.kms_key_arn:
        return  # no key, or one that its own needs name already
    yield Need(
        who=f"the release role of {taker.name}",
        arn=Names(taker).release_role_arn,
        account=taker.account,
        key=source.storage.kms_key_arn,
        actions=(READ,),
        purpose=f"read {source.name}'s models",
        owner=source,
        holder=taker,
        promotion=True,
    )
