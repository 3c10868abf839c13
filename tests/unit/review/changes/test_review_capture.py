"""A review says in words that requests are stored: how many, where, for how long, and whether that is more."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from review_templates import Edit, both, edited, headlines, pair
from samples import environment

from review.infrastructure import infrastructure

WHERE = "s3://bikes-models/capture/ab"
BOTH = [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}]
ALL = f"All requests to the endpoint bikes-dev are stored, with its answers: at {WHERE}/, "


def captured(days: int | None = 90, where: str = WHERE, **changes: Any) -> Edit:
    """An edit that has requests captured."""
    capture = {"InitialSamplingPercentage": 100, "DestinationS3Uri": where, "CaptureOptions": BOTH, **changes}

    def edit(resources: dict[str, Any]) -> None:
        resources["Config"]["Properties"]["DataCaptureConfig"] = capture
        if days is not None:
            rule = {"Id": "captures", "Prefix": "capture/", "ExpirationInDays": days, "Status": "Enabled"}
            resources["Bucket"]["Properties"]["LifecycleConfiguration"] = {"Rules": [rule]}

    return edit


def said(live: Mapping[str, Any] | None, planned: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The headlines that speak of stored requests."""
    found = headlines(infrastructure([pair(dict(live) if live else None, dict(planned))], environment()))
    return [one for one in found if "stored" in one[1]]


@pytest.mark.parametrize(
    ("capture", "sentence"),
    [
        (captured(), f"{ALL}for 90 days, encrypted as the bucket encrypts."),
        (captured(days=1, KmsKeyId="arn:key"), f"{ALL}for 1 day, encrypted with the key arn:key."),
        (
            captured(days=None),
            f"{ALL}until the owner of the bucket has them deleted, encrypted as the bucket encrypts.",
        ),
        (
            captured(InitialSamplingPercentage=20, CaptureOptions=BOTH[:1]),
            f"20 % of the requests to the endpoint bikes-dev are stored, without its answers: at {WHERE}/, for 90 "
            "days, encrypted as the bucket encrypts.",
        ),
        (
            captured(CaptureOptions=BOTH[1:]),
            f"The endpoint's answers to all requests are stored: at {WHERE}/, for 90 days, encrypted as the bucket "
            "encrypts.",
        ),
        (
            captured(CaptureOptions=[{"CaptureMode": "InputAndOutput"}]),
            f"{ALL}for 90 days, encrypted as the bucket encrypts.",
        ),
    ],
)
def test_a_capture_that_begins_at_a_live_endpoint_is_a_warning(capture: Edit, sentence: str) -> None:
    assert said(edited(lambda _: None), edited(capture)) == [("warning", sentence)]


@pytest.mark.parametrize(
    ("before", "after", "level"),
    [
        (captured(), captured(where="s3://bikes-models/capture/cd"), "note"),
        (captured(), captured(days=30), "note"),
        (captured(), captured(InitialSamplingPercentage=50), "note"),
        (captured(), captured(days=91), "warning"),
        (captured(), captured(days=None), "warning"),
        (captured(InitialSamplingPercentage=50), captured(), "warning"),
        (captured(CaptureOptions=BOTH[:1]), captured(), "warning"),
    ],
)
def test_more_than_before_is_a_warning_and_less_is_a_note(before: Edit, after: Edit, level: str) -> None:
    assert [found for found, _ in said(edited(before), edited(after))] == [level]


def test_a_first_deployment_says_it_in_a_note_and_nothing_is_said_where_nothing_changes() -> None:
    assert said(None, edited(captured())) == [("note", f"{ALL}for 90 days, encrypted as the bucket encrypts.")]
    assert said(edited(captured()), edited(captured())) == []
    assert said(edited(captured()), edited(captured(EnableCapture=False))) == []


def test_a_new_model_is_one_new_model_although_its_requests_are_stored_elsewhere() -> None:
    def model(resources: dict[str, Any]) -> None:
        container = resources["Model"]["Properties"]["PrimaryContainer"]
        container["ModelDataUrl"] = "s3://bikes-models/models/2/model.tar.gz"

    new = both(model, captured(where="s3://bikes-models/capture/cd"))
    found = headlines(infrastructure([pair(edited(captured()), edited(new))], environment()))
    assert found[0] == ("note", "One new model; nothing else changes.")
    moved = both(model, captured(where="s3://bikes-models/capture/cd", InitialSamplingPercentage=50))
    found = headlines(infrastructure([pair(edited(captured()), edited(moved))], environment()))
    assert ("note", "One new model; nothing else changes.") not in found


def test_a_capture_that_is_taken_away_is_a_warning() -> None:
    found = headlines(infrastructure([pair(edited(captured()), edited(lambda _: None))], environment()))
    (sentence,) = [text for level, text in found if level == "warning" and "DataCaptureConfig" in text]
    assert sentence.endswith("is removed: its requests are no longer recorded.")
