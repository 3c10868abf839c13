"""The AWS session of an environment: opened with its profile or role, and only in its own account.

boto3 is imported when a session is opened: commands that need none start without it.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from kickstand.config.model import Environment
from kickstand.errors import InputError, KickstandError, Problem

if TYPE_CHECKING:
    import boto3
    from botocore.config import Config
    from botocore.credentials import AssumeRoleCredentialFetcher
    from botocore.session import Session as BotocoreSession


def open_session(environment: Environment) -> boto3.Session:
    """A session in the environment's region whose credentials belong to the environment's account.

    Credentials: the environment's `profile`; or its `role_arn`, assumed with the credentials that the AWS tools
    find by themselves, and renewed before they expire; or those themselves. One call: sts:GetCallerIdentity.

    InputError: the account is not the project file's, or the profile does not exist. KickstandError: no
    credentials, expired or unknown ones, the role may not be assumed, AWS cannot be reached.
    """
    import boto3
    from botocore.exceptions import NoCredentialsError, ProfileNotFound

    from kickstand.aws.errors import AWS_FAILURES

    try:
        role = environment.role_arn
        core = _role_session(environment, role) if role else _own_session(environment)
        session = boto3.Session(botocore_session=core, region_name=environment.region)
        if session.get_credentials() is None:
            raise NoCredentialsError
        identity = session.client("sts", config=_impatient()).get_caller_identity()
    except ProfileNotFound as error:
        where = environment.where("profile") if environment.profile else "AWS_PROFILE"
        raise InputError(Problem(f"{error}.", where, "Known ones: aws configure list-profiles.")) from error
    except AWS_FAILURES as error:
        raise _refused(error, environment) from error
    if identity["Account"] != environment.account:
        raise InputError(_other_account(identity["Account"], identity["Arn"], environment))
    return session


def _impatient() -> Config:
    """A wrong address, or a local cloud that is not running, is told in seconds, not after botocore's minutes."""
    from botocore.config import Config

    return Config(connect_timeout=10, read_timeout=30, retries={"total_max_attempts": 2, "mode": "standard"})


def _own_session(environment: Environment) -> BotocoreSession:
    from botocore.session import Session

    session = Session(profile=environment.profile)
    # STS is asked in the environment's region, as its partition demands, also for a profile's own role.
    session.set_config_variable("region", environment.region)
    return session


def _role_session(environment: Environment, role_arn: str) -> BotocoreSession:
    """A session whose credentials are the role's, assumed at the first call and again before they expire."""
    from botocore.credentials import AssumeRoleCredentialFetcher
    from botocore.exceptions import NoCredentialsError

    source = _own_session(environment)
    credentials = source.get_credentials()
    if credentials is None:
        raise NoCredentialsError
    fetcher = AssumeRoleCredentialFetcher(
        client_creator=lambda service, **keys: source.create_client(service, config=_impatient(), **keys),
        source_credentials=credentials,
        role_arn=role_arn,
        extra_args={"RoleSessionName": "kickstand"},
    )
    return _assumed(environment, fetcher)


def role_session(environment: Environment, session: boto3.Session, role_arn: str, *, name: str) -> boto3.Session:
    """A session of another role of the environment, assumed with the credentials of `session`, its own.

    name: of the role's session, as CloudTrail shows it. Assumed now, so that a refusal comes here (as a botocore
    error), and again before the credentials expire.
    """
    import boto3
    from botocore.credentials import AssumeRoleCredentialFetcher

    fetcher = AssumeRoleCredentialFetcher(
        client_creator=lambda service, **keys: session.client(service, config=_impatient(), **keys),
        source_credentials=session.get_credentials(),
        role_arn=role_arn,
        extra_args={"RoleSessionName": name},
    )
    made = boto3.Session(botocore_session=_assumed(environment, fetcher), region_name=environment.region)
    credentials = made.get_credentials()
    assert credentials is not None  # of the one provider that _assumed registers
    credentials.get_frozen_credentials()
    return made


def _assumed(environment: Environment, fetcher: AssumeRoleCredentialFetcher) -> BotocoreSession:
    """A session whose credentials the fetcher brings, at the first call and again before they expire."""
    from botocore.credentials import CredentialProvider, CredentialResolver, DeferredRefreshableCredentials

    class RoleProvider(CredentialProvider):
        METHOD = "assume-role"

        def load(self) -> DeferredRefreshableCredentials:
            return DeferredRefreshableCredentials(fetcher.fetch_credentials, self.METHOD)

    session = _own_session(environment)
    session.register_component("credential_provider", CredentialResolver([RoleProvider()]))
    return session


def _refused(error: Exception, environment: Environment) -> KickstandError:
    from botocore.exceptions import ClientError

    from kickstand.aws.errors import aws_error

    if isinstance(error, ClientError) and error.operation_name == "AssumeRole":
        refused = aws_error(error, f"assuming the role {environment.role_arn}", environment.where("role_arn"))
        trust = "The role must exist and its trust policy must name who assumes it."
        return KickstandError(*(Problem(p.message, p.where, f"{trust} {p.fix}".strip()) for p in refused.problems))
    setting = "profile" if environment.profile else "account"
    return aws_error(
        error, f"asking AWS whose credentials these are, for {environment.name}", environment.where(setting)
    )


def _other_account(found: str, caller: str, environment: Environment) -> Problem:
    if environment.profile:
        source = f"the profile {environment.profile} is"
    elif environment.role_arn:
        source = f"the role {environment.role_arn} is"
    elif os.environ.get("AWS_PROFILE"):
        source = f"AWS_PROFILE={os.environ['AWS_PROFILE']} is"
    else:
        source = "the credentials in use are"
    message = (
        f"{environment.name} is in account {environment.account}, but {source} of account {found} ({caller}). "
        "Nothing was changed."
    )
    fix = (
        f"Use credentials of {environment.account} (profile or role_arn in [environments.{environment.name}], or "
        "AWS_PROFILE), or correct the account there."
    )
    return Problem(message, environment.where("account"), fix)
