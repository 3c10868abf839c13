"""That requests to an endpoint are stored: how many, what of them, where, for how long, and whether that is more than
before."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from kickstand.bucket import CAPTURE
from review.changes.properties import own_name
from review.changes.stacks import StackPair
from review.changes.template import StackScope, effective_resources

_CONFIG, _ENDPOINT, _BUCKET = "AWS::SageMaker::EndpointConfig", "AWS::SageMaker::Endpoint", "AWS::S3::Bucket"
DESTINATION = "DataCaptureConfig.DestinationS3Uri"
"""The property that follows the model: its last part is the model's digest."""

_Resources = Mapping[str, Mapping[str, Any]]


class _Stored(NamedTuple):
    """What an endpoint configuration has stored. days: None where no bucket of the stacks deletes it."""

    endpoint: str
    percent: int
    modes: frozenset[str]
    where: str
    days: int | None
    key: str

    def sentence(self) -> str:
        share = "All requests" if self.percent == 100 else f"{self.percent} % of the requests"
        what = {
            frozenset({"Input"}): f"{share} to the endpoint {self.endpoint} are stored, without its answers",
            frozenset({"Output"}): f"The endpoint's answers to {share[0].lower()}{share[1:]} are stored",
        }.get(self.modes, f"{share} to the endpoint {self.endpoint} are stored, with its answers")
        until = (
            "until the owner of the bucket has them deleted"
            if self.days is None
            else f"for {self.days} {'day' if self.days == 1 else 'days'}"
        )
        key = f"with the key {self.key}" if self.key else "as the bucket encrypts"
        return f"{what}: at {self.where}/, {until}, encrypted {key}."

    def more_than(self, before: _Stored) -> bool:
        longer = before.days is not None and (self.days is None or self.days > before.days)
        return self.percent > before.percent or not self.modes <= before.modes or longer


def stored(pairs: Sequence[StackPair], place: StackScope) -> Iterator[tuple[bool, str]]:
    """(whether more is stored than before; sentence) of each endpoint whose capture a deployment makes or changes.

    A first deployment of an endpoint is no more than before: nobody has called it.
    """
    old = {pair.stack: effective_resources(pair.live, place) for pair in pairs}
    new = {
        pair.stack: effective_resources(pair.planned if pair.planned is not None else pair.live, place)
        for pair in pairs
    }
    for pair in pairs:
        if pair.planned is None:
            continue
        before, after = _of_stack(old[pair.stack], old, place), _of_stack(new[pair.stack], new, place)
        if after is not None and after != before:
            fresh = not any(one["Type"] == _ENDPOINT for one in old[pair.stack].values())
            yield not fresh and (before is None or after.more_than(before)), after.sentence()


def _of_stack(resources: _Resources, stacks: Mapping[str, _Resources], place: StackScope) -> _Stored | None:
    kinds = {one["Type"]: one for one in resources.values()}
    if _CONFIG not in kinds:
        return None
    capture = kinds[_CONFIG].get("Properties", {}).get("DataCaptureConfig") or {}
    if not capture.get("EnableCapture", bool(capture)):
        return None
    modes = {option.get("CaptureMode") for option in capture.get("CaptureOptions", ())}
    both = {"Input", "Output"}
    return _Stored(
        endpoint=own_name(kinds[_ENDPOINT], place.region) if _ENDPOINT in kinds else "",
        percent=int(capture.get("InitialSamplingPercentage", 100)),
        modes=frozenset(both if "InputAndOutput" in modes else modes & both),
        where=str(capture.get("DestinationS3Uri")).rstrip("/"),
        days=_days(stacks),
        key=str(capture.get("KmsKeyId") or ""),
    )


def _days(stacks: Mapping[str, _Resources]) -> int | None:
    """After how many days the stacks' own bucket deletes what is captured."""
    for resources in stacks.values():
        for one in resources.values():
            rules = one.get("Properties", {}).get("LifecycleConfiguration", {}).get("Rules", ())
            for rule in rules if one["Type"] == _BUCKET else ():
                if rule.get("Prefix") == CAPTURE.key and "ExpirationInDays" in rule:
                    return int(rule["ExpirationInDays"])
    return None
