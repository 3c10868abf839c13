"""The account: its credentials, its region, the local clock against AWS's, and the CDK bootstrap stack.

A signature is good for five minutes either way of AWS's clock. What the bootstrap stack must have, the environment's
own cloud assembly says.
"""

from __future__ import annotations

import tempfile
from collections.abc import Collection, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deployment.assembly import run_app
from deployment.doctor.finding import Finding
from kickstand.errors import KickstandError, Problem
from kickstand.json_text import parse_json
from kickstand.names import partition
from kickstand.workspace import Workspace

if TYPE_CHECKING:
    import boto3

    from kickstand.config.model import Environment


_ACCOUNT_MANAGEMENT = frozenset({"aws", "aws-cn"})
"""The partitions that have the Account Management service, by botocore's list of endpoints: GovCloud has none."""
_ON = frozenset({"ENABLED", "ENABLED_BY_DEFAULT"})


def account_findings(workspace: Workspace) -> Iterator[Finding]:
    """Who asks. That the account is the project file's was compared when the session was opened."""
    caller = workspace.session.client("sts").get_caller_identity()
    yield Finding("credentials", "ok", f"{caller['Arn']}, of account {caller['Account']} as the project file says.")
    role = workspace.environment.role_arn
    if role:
        yield Finding("role_arn", "ok", f"{role} was assumed.")


def region_findings(workspace: Workspace) -> Iterator[Finding]:
    """Whether SageMaker is in the region, and the region enabled in the account.

    https://docs.aws.amazon.com/accounts/latest/APIReference/API_GetRegionOptStatus.html
    """
    region = workspace.environment.region
    known = workspace.session.get_available_regions("sagemaker", partition_name=partition(region))
    yield region_verdict(region, known, _opt_in_state(workspace.session, region))


def _opt_in_state(session: boto3.Session, region: str) -> str:
    """The account's opt-in status for a region. Outside the partitions that have the service nothing is opted into."""
    if partition(region) not in _ACCOUNT_MANAGEMENT:
        return "ENABLED_BY_DEFAULT"
    return str(session.client("account").get_region_opt_status(RegionName=region)["RegionOptStatus"])


def region_verdict(region: str, known: Collection[str], state: str) -> Finding:
    """known: the regions where boto3 knows SageMaker. state: the account's opt-in status for the region."""
    if state in ("DISABLED", "DISABLING"):
        return Finding(
            "region",
            "problem",
            f"{region} is not enabled in the account ({state}).",
            f"Run: aws account enable-region --region-name {region}",
        )
    if state not in _ON:
        return Finding("region", "warning", f"{region} is on its way ({state}).", "Wait until it is ENABLED.")
    if region not in known:
        return Finding(
            "region",
            "warning",
            f"{region} is enabled, but boto3 knows no SageMaker there.",
            "Look it up: https://docs.aws.amazon.com/general/latest/gr/sagemaker.html",
        )
    return Finding("region", "ok", f"{region} is enabled and has SageMaker.")


CLOCK_LIMIT = timedelta(minutes=5)
"""https://docs.aws.amazon.com/IAM/latest/UserGuide/signature-v4-troubleshooting.html"""

_NOTICEABLE = timedelta(minutes=1)


def clock_finding(environment: Environment) -> Finding:
    """Ask STS without a signature: it refuses, with the time, whatever the credentials and the clock are."""
    import boto3
    from botocore import UNSIGNED
    from botocore.config import Config
    from botocore.exceptions import ClientError

    config = Config(signature_version=UNSIGNED, connect_timeout=10, read_timeout=30, retries={"total_max_attempts": 2})
    sts = boto3.Session().client("sts", region_name=environment.region, config=config)
    try:
        answer = sts.get_caller_identity()
    except ClientError as error:
        answer = error.response
    local = datetime.now(UTC)
    header = answer["ResponseMetadata"].get("HTTPHeaders", {}).get("date")
    if not header:
        return Finding("clock", "skipped", "AWS's answer has no Date header.")
    return clock_verdict(local, parsedate_to_datetime(header))


def clock_verdict(local: datetime, remote: datetime) -> Finding:
    """Both with a time zone. The header is in whole seconds, and the answer was under way for part of one."""
    skew = local - remote
    seconds = f"{abs(skew.total_seconds()):,.0f} s"
    sentence = f"The clock is {seconds} {'ahead of' if skew > timedelta(0) else 'behind'} AWS's"
    fix = "Set the clock: sudo timedatectl set-ntp true (macOS: sudo sntp -sS time.apple.com)"
    if abs(skew) > CLOCK_LIMIT:
        return Finding("clock", "problem", f"{sentence}; AWS refuses signatures that are 300 s off.", fix)
    if abs(skew) > _NOTICEABLE:
        return Finding("clock", "warning", f"{sentence}; from 300 s on AWS refuses signatures.", fix)
    return Finding("clock", "ok", f"Within {abs(skew.total_seconds()) + 1:,.0f} s of AWS's.")


def bootstrap_findings(workspace: Workspace, *, how: str) -> Iterator[Finding]:
    """Synthesise the environment, and compare the version in its SSM parameter with the one that is needed.

    how: how the bootstrap stack is made or renewed, as a sentence.
    """
    with tempfile.TemporaryDirectory(prefix="kickstand-") as folder:
        needed = synthesised_need(workspace, Path(folder))
    yield Finding("synthesis", "ok", f"The stacks can be made; they need a bootstrap stack of version {needed}.")
    reviewed = workspace.environment.review.require_review
    yield bootstrap_verdict(bootstrap_version(workspace), needed, how, reviewed=reviewed)


LISTS_CHANGE_SETS = 32
"""The bootstrap version from which on its deploy role may list change sets (aws-cdk-cli, pull request 1403)."""


def bootstrap_verdict(found: str | None, needed: int, fix: str, *, reviewed: bool = False) -> Finding:
    """found: the text of the parameter; None where there is none. reviewed: `require_review` is set."""
    if found is None:
        return Finding("bootstrap", "problem", "The CDK bootstrap stack is missing.", fix)
    if not found.isdecimal():
        return Finding("bootstrap", "problem", f"Its version is not a number: {found!r}.", fix)
    if int(found) < needed:
        return Finding("bootstrap", "problem", f"Version {found}; the stacks need {needed}.", fix)
    if reviewed and int(found) < LISTS_CHANGE_SETS:
        return Finding(
            "bootstrap",
            "warning",
            f"Version {found}; its deploy role may not list change sets, as it may from version {LISTS_CHANGE_SETS} "
            "on. Whoever prepares a review needs cloudformation:ListChangeSets, which the reviewer policy has.",
            fix,
        )
    return Finding("bootstrap", "ok", f"Version {found}; the stacks need {needed}.")


def bootstrap_version(workspace: Workspace) -> str | None:
    """What the bootstrap stack has left in SSM, where the CDK CLI reads it too; None for nothing."""
    ssm = workspace.session.client("ssm")
    name = f"/cdk-bootstrap/{workspace.environment.bootstrap.qualifier}/version"
    try:
        return str(ssm.get_parameter(Name=name)["Parameter"]["Value"])
    except ssm.exceptions.ParameterNotFound:
        return None


def synthesised_need(workspace: Workspace, folder: Path) -> int:
    """Synthesise into a folder, offline, and read the version that the assembly asks for."""
    done = run_app(workspace.project, workspace.environment, workspace.releases, folder)
    if done.returncode != 0:
        said = done.stderr.strip().splitlines()
        raise KickstandError(
            Problem(f"The stacks cannot be synthesised: {said[-1] if said else done.returncode}", fix="Fix that first.")
        )
    return max(needed_version(parse_json(path.read_text("utf-8"))) for path in folder.glob("assembly-*/manifest.json"))


def needed_version(manifest: Mapping[str, Any]) -> int:
    """The greatest version that an artifact of a cloud assembly's manifest asks for; 0 where none does."""
    requested = (one.get("properties", {}) for one in manifest.get("artifacts", {}).values())
    return max((int(one.get("requiresBootstrapStackVersion", 0)) for one in requested), default=0)
