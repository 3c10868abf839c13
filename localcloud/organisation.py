"""The laptop's stand-in for what an organisation gives its teams and a project file only names.

Profiles; the roles that the environments assume; and, where the project uses the organisation's own, its bucket, its
roles for training, hosting and the trigger, its permissions boundary, and the keys of data and logs. A stand-in grants
everything: that a team's own policies suffice is shown by the roles that the stacks make. A key that was made in the
local cloud itself (`aws kms create-key`) is no stand-in: its own policy counts, as on AWS. Beside them, which faults of
AWS's image the environments accept.
"""

from __future__ import annotations

import configparser
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kickstand.names import Names
from localcloud.root_keys import RootKeys, root_client

if TYPE_CHECKING:
    from mypy_boto3_iam import IAMClient
    from mypy_boto3_s3 import S3Client

    from kickstand.config.model import Environment, Project
    from localcloud.state import StateFolder

_ADMINISTRATOR = "arn:aws:iam::aws:policy/AdministratorAccess"


def prepare(url: str, folder: StateFolder, project: Project) -> None:
    """Write the profiles that the project names, and make what is not there. What is there stays as it is.

    url: where the local cloud of this state folder answers.
    """
    environments = list(project.environments.values())
    write_profiles(folder, environments)
    folder.accept_faults({Names(each).prefix: dict(each.known_faults) for each in environments})
    accounts = [each.account for each in environments]
    for environment in environments:
        clients = _Clients(url, folder, environment.region)
        _make(clients, environment, accounts)
        for arn in {environment.storage.kms_key_arn, environment.logs.kms_key_arn} - {None}:
            _make_key(clients, str(arn), accounts)


@dataclass(frozen=True, slots=True)
class _Clients:
    """Makes clients of the local cloud, as the root of an account."""

    url: str
    folder: StateFolder
    region: str

    def of(self, service: str, account: str) -> Any:
        return root_client(self.folder, self.url, service, account, self.region)


def write_profiles(folder: StateFolder, environments: list[Environment]) -> None:
    """Add or change the profiles of these environments; those of other projects stay.

    A profile is the root of its environment's account, in its region.
    """
    named = {environment.profile: environment for environment in environments if environment.profile}
    regions = {_section(name): {"region": each.region} for name, each in named.items()}
    roots = RootKeys(folder)
    keys = {
        name: {"aws_access_key_id": each.account, "aws_secret_access_key": roots.secret(each.account)}
        for name, each in named.items()
    }
    _merge(folder.aws_config, regions)
    _merge(folder.aws_credentials, keys)


def _section(profile: str) -> str:
    return "default" if profile == "default" else f"profile {profile}"


def _merge(path: Path, sections: dict[str, dict[str, str]]) -> None:
    file = configparser.RawConfigParser(default_section="")
    before = path.read_text("utf-8") if path.exists() else ""
    file.read_string(before)
    for name, values in sections.items():
        file[name] = values
    staging = path.with_name(path.name + ".tmp")
    staging.touch(mode=0o600)
    with staging.open("w") as writer:
        file.write(writer)
    staging.replace(path)


def _make(clients: _Clients, environment: Environment, accounts: Iterable[str]) -> None:
    roles, storage = environment.roles, environment.storage
    people = {"AWS": [f"arn:aws:iam::{account}:root" for account in sorted(set(accounts))]}
    wanted: list[tuple[str | None, dict[str, Any]]] = [
        (environment.role_arn, people),
        (roles.training, {"Service": "sagemaker.amazonaws.com"}),
        (roles.hosting, {"Service": "sagemaker.amazonaws.com"}),
        (roles.trigger, {"Service": ["states.amazonaws.com", "events.amazonaws.com", "scheduler.amazonaws.com"]}),
    ]
    for arn, principal in wanted:
        if arn:
            _make_role(clients.of("iam", _account(arn)), arn, principal)
    if roles.permissions_boundary and _account(roles.permissions_boundary) == environment.account:
        _make_boundary(clients.of("iam", environment.account), roles.permissions_boundary)
    if storage.existing_bucket:
        _make_bucket(clients.of("s3", environment.account), environment)


def _account(arn: str) -> str:
    return arn.split(":")[4]


def _make_role(iam: IAMClient, arn: str, principal: dict[str, Any]) -> None:
    path, name = _path_and_name(arn, "role")
    allowed = {"Effect": "Allow", "Principal": principal, "Action": ["sts:AssumeRole", "sts:TagSession"]}
    trust = {"Version": "2012-10-17", "Statement": [allowed]}
    try:
        iam.create_role(RoleName=name, Path=path, AssumeRolePolicyDocument=json.dumps(trust))
    except iam.exceptions.EntityAlreadyExistsException:
        return
    iam.attach_role_policy(RoleName=name, PolicyArn=_ADMINISTRATOR)


def _make_boundary(iam: IAMClient, arn: str) -> None:
    path, name = _path_and_name(arn, "policy")
    allowed = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
    try:
        iam.create_policy(PolicyName=name, Path=path, PolicyDocument=document)
    except iam.exceptions.EntityAlreadyExistsException:
        return


def _make_bucket(s3: S3Client, environment: Environment) -> None:
    bucket = str(environment.storage.existing_bucket)
    place: dict[str, Any] = {"CreateBucketConfiguration": {"LocationConstraint": environment.region}}
    try:
        s3.create_bucket(Bucket=bucket, **({} if environment.region == "us-east-1" else place))
    except (s3.exceptions.BucketAlreadyOwnedByYou, s3.exceptions.BucketAlreadyExists):
        return
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    # What `[training] on_new_data` asks of a bucket's owner.
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration={"EventBridgeConfiguration": {}})


def _make_key(clients: _Clients, arn: str, accounts: Iterable[str]) -> None:
    from localcloud.server.running import KEYS, request_status

    token = json.loads(clients.folder.server.read_text("utf-8"))["token"]
    if not request_status(clients.url, clients.folder.ca, token, path=f"{KEYS}{arn}")["made"]:
        return
    people = {"AWS": [f"arn:aws:iam::{account}:root" for account in sorted({*accounts, _account(arn)})]}
    principal = {**people, "Service": f"logs.{clients.region}.amazonaws.com"}
    allowed = {"Effect": "Allow", "Principal": principal, "Action": "kms:*", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
    clients.of("kms", _account(arn)).put_key_policy(KeyId=arn, PolicyName="default", Policy=policy)


def _path_and_name(arn: str, kind: str) -> tuple[str, str]:
    """`/team/` and `deployer` of `arn:aws:iam::111122223333:role/team/deployer`."""
    folder, _, name = arn.split(":", 5)[5].removeprefix(kind).rpartition("/")
    return f"{folder}/", name
