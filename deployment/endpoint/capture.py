"""Prove that an endpoint stores its requests as its configuration asks, and under the model that answers them.

An update that retains the properties of variants may keep the capture of the configuration before, in which AWS's
pages disagree: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_VariantProperty.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from kickstand.aws.deployed import find_endpoint
from kickstand.errors import KickstandError, Problem
from kickstand.names import Names
from kickstand.release.model import Release

if TYPE_CHECKING:
    import boto3


def require_capture(session: boto3.Session, names: Names, release: Release) -> str:
    """What is stored, as a sentence.

    Raises KickstandError with everything that differs between what the endpoint does and what the configuration asks
    that it serves: whether requests are stored, their share, place and key; and where the place is that of another
    model than the release's.
    """
    sagemaker = session.client("sagemaker")
    described: Any = find_endpoint(sagemaker, names.endpoint)
    if described is None:
        fix = f"Deploy the environment: kickstand deploy {names.environment.name}"
        raise KickstandError(
            Problem("There is no such endpoint: nothing is served.", f"endpoint {names.endpoint}", fix)
        )
    config: Any = sagemaker.describe_endpoint_config(EndpointConfigName=described["EndpointConfigName"])
    asked, found = _asked(config.get("DataCaptureConfig")), _found(described.get("DataCaptureConfig"))
    problems = [*_differences(names, asked, found), *_model_problems(names, asked, release)]
    if problems:
        raise KickstandError(*problems)
    if not asked:
        return "no requests are captured"
    share = "all requests are" if asked["share"] == 100 else f"{asked['share']} % of the requests are"
    return f"{share} captured at {asked['place']}/"


def _asked(capture: Mapping[str, Any] | None) -> dict[str, Any]:
    """What a configuration asks for; empty where nothing is stored."""
    if not capture or not capture.get("EnableCapture", True):
        return {}
    return {
        "share": capture["InitialSamplingPercentage"],
        "place": capture["DestinationS3Uri"].rstrip("/"),
        "key": capture.get("KmsKeyId") or "",
    }


def _found(capture: Mapping[str, Any] | None) -> dict[str, Any]:
    """What an endpoint does; empty where nothing is stored."""
    if not capture or not capture["EnableCapture"] or capture["CaptureStatus"] != "Started":
        return {}
    return {
        "share": capture["CurrentSamplingPercentage"],
        "place": capture["DestinationS3Uri"].rstrip("/"),
        "key": capture.get("KmsKeyId") or "",
    }


def _differences(names: Names, asked: Mapping[str, Any], found: Mapping[str, Any]) -> Iterator[Problem]:
    place = f"endpoint {names.endpoint}"
    if bool(asked) != bool(found):
        message = (
            f"Expected requests to be captured at {asked['place']}/, found none that are."
            if asked
            else f"Expected no requests to be captured, found that they are at {found['place']}/."
        )
        fix = (
            f"SageMaker stops capturing on a disk that is nearly full: see the alarm {names.alarm('disk')}. {_UPDATE}"
            if asked
            else _UPDATE
        )
        yield Problem(message, place, fix)
        return
    for what, words in _WORDS.items():
        if asked.get(what) != found.get(what):
            said = words.format(asked[what] or "none", found[what] or "none")
            yield Problem(said, place, _UPDATE)


_WORDS = {
    "share": "Expected {} % of the requests to be captured, found {} %.",
    "place": "Expected requests to be captured at {}/, found {}/.",
    "key": "Expected captured requests to be encrypted with the key {}, found {}.",
}
_UPDATE = (
    "The last update of the endpoint kept what it captured before, or somebody made it by hand: update the endpoint "
    "once more without --retain-all-variant-properties."
)


def _model_problems(names: Names, asked: Mapping[str, Any], release: Release) -> Iterator[Problem]:
    digest = release.artifact.sha256
    if asked and asked["place"].rpartition("/")[2] != digest:
        yield Problem(
            f"Expected requests to be captured under the model's digest {digest[:12]}, found {asked['place']}/.",
            f"endpoint {names.endpoint}",
            f"Deploy the environment: kickstand deploy {names.environment.name}",
        )
