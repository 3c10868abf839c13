"""The review of the app's own templates: what a release, a setting and a first deployment come to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from samples import environment
from synthesis import synthesised

from review.changes.stacks import StackPair
from review.infrastructure import infrastructure
from review.reports import Infrastructure


def review(live: str | None, planned: str) -> Infrastructure:
    """Of one variant deployed over another; None: over nothing."""
    nothing: Mapping[str, Any] = {}
    before = synthesised(live) if live is not None else None
    after = synthesised(planned)
    stacks = (
        ("training", before.training if before else nothing, after.training),
        ("hosting", before.hosting if before else nothing, after.hosting),
    )
    pairs = [StackPair(f"bikes-dev-{name}", old or None, new or None) for name, old, new in stacks if old or new]
    return infrastructure(pairs, environment())


def moved(found: Infrastructure) -> list[tuple[str, str, str]]:
    """(type, action, replacement) of what truly changes."""
    return [
        (change.type.removeprefix("AWS::"), change.action, change.replacement)
        for stack in found.stacks
        for change in stack.resources
        if not change.idle
    ]


STORED = (
    "All requests to the endpoint bikes-dev are stored, with its answers: at "
    "s3://bikes-dev-111122223333-us-east-1/capture/{}/, for 90 days, encrypted as the bucket encrypts."
)


def test_a_new_release_is_a_new_model_and_nothing_else() -> None:
    found = review("plain", "next release")
    assert moved(found) == [
        ("SageMaker::EndpointConfig", "Modify", "True"),
        ("SageMaker::Model", "Modify", "True"),
        ("SageMaker::Endpoint", "Modify", "False"),
        *[("CloudWatch::Alarm", "Modify", "False")] * 3,  # of the new instances alone
        ("StepFunctions::StateMachine", "Modify", "False"),
    ]
    assert [(one.level, one.sentence) for one in found.headlines] == [
        ("note", "One new model; nothing else changes."),
        ("note", STORED.format("cd" * 32)),
    ]
    assert found.permissions == ()
    assert [stack.outputs for stack in found.stacks] == [(), ()]


@pytest.mark.parametrize("variant", ["plain", "everything", "brought along"])
def test_the_same_again_is_nothing(variant: str) -> None:
    found = review(variant, variant)
    assert moved(found) == [] and found.permissions == ()
    assert [(one.level, one.sentence) for one in found.headlines] == [
        ("note", "Nothing changes in the infrastructure.")
    ]


def test_a_first_deployment_has_nothing_dangerous() -> None:
    found = review(None, "plain")
    assert {(action, replacement) for _, action, replacement in moved(found)} == {("Add", "False")}
    assert [one.sentence for one in found.permissions if one.widened] == []
    assert {one.level for one in found.headlines} == {"note"}


def test_of_a_first_deployment_only_other_accounts_are_red() -> None:
    red = [one.sentence for one in review(None, "everything").permissions if one.widened]
    assert red == [sentence for sentence in red if sentence.startswith("Callers in account 7777")]


def test_the_first_release_adds_the_hosting_stack_alone() -> None:
    found = review("unreleased", "plain")
    assert [(stack.exists, len(stack.resources)) for stack in found.stacks] == [(True, 0), (False, 25)]
    assert [one.sentence for one in found.headlines] == [
        "First deployment of bikes-dev-hosting: 25 resources are made.",
        STORED.format("ab" * 32),
    ]


ENDS = (
    "The endpoint stops by itself 8h after its last deployment (expires_after). Or after 2h without an invocation "
    "(idle_after). Or at the end of its working hours, Mon-Fri 08:00-19:00 Europe/Berlin (awake). Notice is given half "
    "an hour before."
)


@pytest.mark.parametrize(
    ("live", "planned", "said"),
    [
        ("plain", "stops", ("warning", ENDS)),
        (None, "stops", ("note", ENDS)),
        ("stops", "stops", None),
        (
            "stops",
            "plain",
            ("note", "The endpoint no longer stops by itself: it is paid for until it is destroyed."),
        ),
    ],
)
def test_a_review_says_in_words_that_the_endpoint_stops(
    live: str | None, planned: str, said: tuple[str, str] | None
) -> None:
    found = [
        (one.level, one.sentence) for one in review(live, planned).headlines if one.sentence.startswith("The endpoint")
    ]
    assert found == ([said] if said else [])
