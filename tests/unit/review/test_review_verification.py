"""A review that somebody rewrote and sealed again is refused: it is compared with one that is made anew."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from reviews import drift, drifted
from sample_bundle import STACK, TRAINING, dangerous
from samples import environment
from workspaces import workspace

from deployment.cdk import Cdk
from kickstand.errors import InputError
from review.bundle import Bundle, bundle_json, read_bundle
from review.reports import ModelReport
from review.verification import executed_problems, given_problems, remake

AGAIN = "kickstand review dev"


@cache
def fresh() -> Bundle:
    """The review as it is made anew; drawn when a test of here runs, not by each process that collects it."""
    return dangerous()


def model() -> ModelReport:
    found = fresh().model
    assert found is not None
    return found


def stacks() -> list[str]:
    return [one.stack for one in fresh().infrastructure.stacks]


BEGIN = "The review is not what comes of it when it is made anew: "


def forge(folder: Path, change: Callable[[dict[str, Any]], object]) -> Bundle:
    """What the reader makes of a review.json that was rewritten, with its digest computed again, as the docs say it."""
    fields = json.loads(bundle_json(fresh()))
    del fields["sha256"]
    change(fields)
    fields["sha256"] = hashlib.sha256(canonical(fields)).hexdigest()
    (folder / "review.json").write_bytes(canonical(fields))
    return read_bundle(folder / "review.json", environment(), make=AGAIN)


def canonical(fields: dict[str, Any]) -> bytes:
    return (json.dumps(fields, sort_keys=True, indent=2, ensure_ascii=False) + "\n").encode()


FORGERIES: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "metric": (lambda f: f["model"]["metrics"][0].update(released=0.01), "model.metrics[0].released is 0.01 in it"),
    "finding": (lambda f: f["policy"]["findings"].clear(), "policy.findings[0] is null in it, and {"),
    "cost": (lambda f: f["cost"].update(after=1.0), "cost.after is 1.0 in it"),
    "headline": (lambda f: f["cost"]["headlines"].clear(), "cost.headlines[0] is null in it"),
    "model headline": (
        lambda f: f["model"]["headlines"][0].update(level="note"),
        'model.headlines[0].level is "note" in it, and "danger" when made anew.',
    ),
    "permission": (lambda f: f["infrastructure"]["permissions"].clear(), "infrastructure.permissions[0] is null in"),
    "traffic": (lambda f: f["infrastructure"].update(traffic="None."), 'infrastructure.traffic is "None." in it'),
    "plot": (lambda f: f["model"]["plots"][0].update(svg="<svg/>"), 'model.plots[0].svg is "<svg/>" in it'),
    "signature": (lambda f: f["model"].update(signature="Ana"), 'model.signature is "Ana" in it'),
    "versions": (lambda f: f["versions"].update(kickstand="9"), 'versions.kickstand is "9" in it'),
}


@pytest.mark.parametrize("name", FORGERIES)
def test_a_forged_review_is_refused_before_and_after_its_preparation(tmp_path: Path, name: str) -> None:
    change, said = FORGERIES[name]
    given = forge(tmp_path, change)
    for problems in (
        [*given_problems(given, fresh(), rerun_command=AGAIN)],
        [*executed_problems(given, fresh(), stacks(), rerun_command=AGAIN)],
    ):
        assert problems[0].message.startswith(BEGIN + said)
        assert problems[0].where == "review of dev"
        assert problems[0].fix.endswith("Review again: kickstand review dev")


def test_the_same_review_is_no_problem_whenever_drift_was_detected_and_whoever_was_refused(tmp_path: Path) -> None:
    def later(fields: dict[str, Any]) -> None:
        fields["drift"]["detected_at"] = "2026-11-24T09:00:00Z"
        fields["change_sets"] = []
        fields["model"]["missing"] = [f"{one}: User: somebody else" for one in missing]

    missing = sorted({one.partition(":")[0] for one in model().missing})
    given = forge(tmp_path, later)
    assert [*given_problems(given, fresh(), rerun_command=AGAIN)] == []
    assert [*executed_problems(given, fresh(), stacks(), rerun_command=AGAIN)] == []


def test_who_could_read_less_leaves_out_and_changes_nothing(tmp_path: Path) -> None:
    told = "Test rows (metrics on them, predictions, errors, slices): Access Denied"

    def blind(fields: dict[str, Any]) -> None:
        fields["model"].update(slices=[], plots=[], missing=[*fields["model"]["missing"], told], headlines=[])

    assert [*given_problems(forge(tmp_path, blind), fresh(), rerun_command=AGAIN)] == []

    def and_false(fields: dict[str, Any]) -> None:
        blind(fields)
        fields["model"]["metrics"][0]["released"] = 0.01

    name = model().metrics[0].name
    (problem,) = given_problems(forge(tmp_path, and_false), fresh(), rerun_command=AGAIN)
    assert problem.message.startswith(f"{BEGIN}metrics.{name} is 0.01 in it")
    # What is executed was made by who executes it.
    assert [*executed_problems(forge(tmp_path, blind), fresh(), stacks(), rerun_command=AGAIN)]


def test_what_these_credentials_may_not_read_is_no_silence(tmp_path: Path) -> None:
    blind = model().model_copy(update={"missing": ("The released model: Access Denied",)})
    made = fresh().model_copy(update={"model": blind})
    given = forge(tmp_path, lambda fields: fields["model"].update(missing=[]))
    assert (
        next(given_problems(given, made, rerun_command=AGAIN)).message
        == "The review shows what these credentials may not read: The released model."
    )


def test_drift_since_the_review_is_named_once() -> None:
    given, made = (fresh().model_copy(update={"drift": one}) for one in (drift(), drift(drifted("Bucket", "Tags: a"))))
    (problem,) = given_problems(given, made, rerun_command=AGAIN)
    assert problem.message == (
        "The environment was changed by hand: Bucket is MODIFIED (Tags: a) of bikes-dev-training, since the review."
    )


def test_of_a_stack_that_is_deployed_already_only_what_is_left_is_compared(tmp_path: Path) -> None:
    assert TRAINING in stacks() or STACK in stacks()
    gone = fresh().model_copy(
        update={"infrastructure": fresh().infrastructure.model_copy(update={"stacks": (), "permissions": ()})}
    )
    assert [*executed_problems(fresh(), gone, [], rerun_command=AGAIN)] == []
    given = forge(tmp_path, lambda fields: fields["policy"]["findings"].clear())
    (problem,) = executed_problems(given, gone, [], rerun_command=AGAIN)
    assert problem.message.startswith(BEGIN + "policy.findings[0] is null in it")


@pytest.mark.parametrize("day", ["2026-11-24", "soon"])
def test_a_day_that_is_still_to_come_is_refused(day: str) -> None:
    review = fresh().model_copy(update={"as_of": day})
    with pytest.raises(InputError, match=rf'The review counts ages to the day "{day}"; today is 2026-11-23 \(UTC\)\.'):
        remake(Cdk(workspace()), review, None, print, now=datetime(2026, 11, 23, 12, tzinfo=UTC))
