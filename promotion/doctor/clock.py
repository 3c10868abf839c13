"""The local clock against AWS's: a signature is good for five minutes either way."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from promotion.doctor.finding import Finding

if TYPE_CHECKING:
    from kickstand.config.model import Environment

LIMIT = timedelta(minutes=5)
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
    told = f"The clock is {seconds} {'ahead of' if skew > timedelta(0) else 'behind'} AWS's"
    fix = "Set the clock: sudo timedatectl set-ntp true (macOS: sudo sntp -sS time.apple.com)"
    if abs(skew) > LIMIT:
        return Finding("clock", "problem", f"{told}; AWS refuses signatures that are 300 s off.", fix)
    if abs(skew) > _NOTICEABLE:
        return Finding("clock", "warning", f"{told}; from 300 s on AWS refuses signatures.", fix)
    return Finding("clock", "ok", f"Within {abs(skew.total_seconds()) + 1:,.0f} s of AWS's.")
