"""The rules of `[hosting.capture]`: what SageMaker refuses, and what would be stored where it must not be, or not at
all."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from kickstand.bucket import CAPTURE, PREFIXES
from kickstand.config.model import Environment
from kickstand.config.rules import KEY, Fault, Rule, between
from kickstand.errors import Problem

_LONGEST_PREFIX = 200
"""DestinationS3Uri has 512 characters at most, the bucket's name and a digest among them:
https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DataCaptureConfig.html"""
_LONGEST_DAYS = 3650


def _percent(value: int) -> Fault | None:
    """https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DataCaptureConfig.html has 0 too, which stores
    nothing and looks as if it did."""
    if 1 <= value <= 100:
        return None
    fix = "Write enabled = false to store nothing." if value == 0 else "100 is every request." if value > 100 else ""
    return f"must be 1 to 100 per cent of the requests, not {value}", fix


def _prefix(value: str) -> Fault | None:
    """Below the one prefix whose objects are deleted in time and that nothing else is kept in."""
    if re.fullmatch(rf"{CAPTURE.name}(/[a-z0-9]([a-z0-9-]*[a-z0-9])?)*", value) and len(value) <= _LONGEST_PREFIX:
        return None
    wanted = (
        f'must be "{CAPTURE.name}" or a folder of it, of lowercase letters, digits and hyphens, without a slash at its '
        f'end, {_LONGEST_PREFIX} characters at most, not "{value}"'
    )
    first = value.strip("/").partition("/")[0]
    if first in {prefix.name for prefix in PREFIXES if prefix is not CAPTURE}:
        return wanted, f"{first}/ is kept for something else: what is captured must not lie among it."
    return wanted, f'For example "{CAPTURE.name}/live". A bucket and s3:// are not part of it.'


CAPTURE_RULES: Mapping[str, Rule] = {
    "hosting.capture.percent": _percent,
    "hosting.capture.days": between(1, _LONGEST_DAYS, " days"),
    "hosting.capture.prefix": _prefix,
    "hosting.capture.kms_key_arn": KEY,
}

CAPTURE_NEEDS = (
    *("hosting.capture.enabled", "hosting.capture.request", "hosting.capture.response", "data.golden_rows_in_git"),
    *("storage.existing_bucket", "roles.hosting"),
)
"""The settings that `capture_problems` compares."""


def capture_problems(environment: Environment) -> Iterator[Problem]:
    """What would be stored of nothing, and settings of a capture that is off without having been switched off."""
    capture = environment.hosting.capture
    if environment.captures and not (capture.request or capture.response):
        message = "request and response are both false: nothing of a request would be stored."
        place = environment.where("hosting.capture.response")
        yield Problem(message, place, "Keep one of them, or write enabled = false.")
    if environment.captures or capture.enabled is not None:
        return
    written = [key for key in _OF_A_CAPTURE if f"hosting.capture.{key}" in environment.lines]
    if written:
        message = f"{written[0]} has no effect: nothing is captured, since {_why_off(environment)}."
        place = environment.where(f"hosting.capture.{written[0]}")
        yield Problem(message, place, "Write enabled = true in [hosting.capture], or enabled = false to keep it off.")


_OF_A_CAPTURE = ("percent", "request", "response", "kms_key_arn")


def _why_off(environment: Environment) -> str:
    """Why nothing is captured where nobody said so."""
    if not environment.data.golden_rows_in_git:
        return "golden rows are kept out of git, as of confidential data"
    if environment.storage.existing_bucket is not None:
        return "the bucket is the organisation's, and nothing of the stacks deletes what is captured there"
    return "the endpoint's role is the organisation's, and may not be allowed to write there"
