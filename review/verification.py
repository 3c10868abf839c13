"""Verify a review before it is used: make it again and compare, and check that what it was made of is unchanged.

The file that a review comes in is not trusted. The assembly, the release and the live stacks must be those that the
review was made of.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deployment.assembly import assembly_digest
from kickstand.errors import InputError, Problem
from kickstand.release.model import Release
from review.bundle import Bundle
from review.changes.resources import template_sha256
from review.changes.stacks import StackPair
from review.drift import drift_report, moved_since
from review.make import ReviewRequest, make_bundle
from review.reports import DriftReport, StackChange

if TYPE_CHECKING:
    from deployment.cdk import Cdk


MOST = 10
"""Differences that are named one by one."""
_LONGEST = 80
"""Characters of a value in a message."""

_EVIDENCE = ("headlines", "metrics", "missing", "plots", "slices")
"""Of the model's part: what is seen of objects that not everybody may read."""


def remake(
    cdk: Cdk,
    review: Bundle,
    release: Release | None,
    say: Callable[[str], None],
    *,
    now: datetime,
    drift: DriftReport | None = None,
) -> Bundle:
    """The review of the same day, made anew. drift: detected just now; None: CloudFormation is asked.

    Raises InputError where the review's day is no day, or is still to come; see also `make_bundle`.
    """
    try:
        day = date.fromisoformat(review.as_of)
    except ValueError:
        day = date.max
    if day > now.date():
        message = f"The review counts ages to the day {_shown(review.as_of)}; today is {now.date().isoformat()} (UTC)."
        rerun_command = cdk.workspace.command("review")
        raise InputError(
            Problem(message, f"review of {cdk.workspace.environment.name}", f"Review again: {rerun_command}")
        )
    # In the local cloud, opening another environment would point the CDK command line at its account.
    cdk = replace(cdk, workspace=replace(cdk.workspace, opener=None))
    say("Making the review anew, to compare it with the one that was given …")
    return make_bundle(ReviewRequest(cdk, release, day, drift), now=now, say=say)


def given_problems(given: Bundle, made: Bundle, *, rerun_command: str) -> Iterator[Problem]:
    """Where a review that was handed in says something else than the one made anew, which takes its place.

    It may have been made with credentials that read less: what it then leaves out of the model, it leaves out.
    rerun_command: the command that reviews anew.
    """
    where = f"review of {made.environment}"
    for sentence in moved_since(given.drift, made.drift):
        fix = f"Undo it by hand, or review what is there now: {rerun_command}"
        yield Problem(f"The environment was changed by hand: {sentence}.", where, fix)
    unread = _missing(made) - _missing(given)
    if unread:
        message = f"The review shows what these credentials may not read: {', '.join(sorted(unread))}."
        yield Problem(message, where, f"Use credentials that may, or review again with these: {rerun_command}")
    fields, anew = _fields(given), _fields(made)
    for side in (fields, anew):
        # Drift is compared above; warnings say what the credentials could not look at.
        side["drift"] = [one for one in side["drift"]["headlines"] if one["level"] == "danger"]
    if _missing(made) != _missing(given) and given.model is not None and made.model is not None:
        for side in (fields, anew):
            side["model"] = {key: value for key, value in side["model"].items() if key not in _EVIDENCE}
        # The figures that both have must be the same.
        released = {one.name: one.released for one in made.model.metrics}
        shown = {one.name: one.released for one in given.model.metrics if one.released is not None}
        fields["metrics"], anew["metrics"] = shown, {name: released.get(name) for name in shown}
    yield from _problems(fields, anew, where, rerun_command)


def executed_problems(given: Bundle, made: Bundle, left: Collection[str], *, rerun_command: str) -> Iterator[Problem]:
    """Where a review whose change sets are to be executed says something else than the one made anew.

    left: the stacks that are still to be deployed. What the review says of the others is history by now: no later
    look at them can show it again, nor what is computed over all of them.
    """
    fields, anew = _fields(given), _fields(made)
    if {one.stack for one in given.infrastructure.stacks} <= set(left):
        for side in (fields, anew):
            del side["drift"]["detected_at"]
    else:
        for side, review in ((fields, given), (anew, made)):
            for part in ("cost", "model"):
                del side[part]
            infrastructure = review.infrastructure
            side["infrastructure"] = {
                "stacks": [one.model_dump(mode="json") for one in infrastructure.stacks if one.stack in left],
                "permissions": [one.model_dump(mode="json") for one in infrastructure.permissions if one.stack in left],
            }
            stacks = drift_report([one for one in review.drift.stacks if one.stack in left], "")
            side["drift"] = stacks.model_dump(mode="json")
    yield from _problems(fields, anew, f"review of {made.environment}", rerun_command)


def _problems(given: Mapping[str, Any], made: Mapping[str, Any], where: str, rerun_command: str) -> Iterator[Problem]:
    found = list(_differences("", given, made))
    fix = f"Do not approve it before you know who changed it. Review again: {rerun_command}"
    for sentence in found[:MOST]:
        yield Problem(f"The review is not what comes of it when it is made anew: {sentence}.", where, fix)
    if len(found) > MOST:
        yield Problem(f"It differs in {len(found) - MOST} more places.", where, fix)


def _fields(review: Bundle) -> dict[str, Any]:
    """What is compared; of what is missing of the model, what it is: the reason names whoever was refused."""
    fields = review.model_dump(mode="json", exclude={"change_sets"})
    if fields["model"] is not None:
        fields["model"]["missing"] = sorted(_missing(review))
    return fields


def _missing(review: Bundle) -> set[str]:
    return {one.partition(":")[0] for one in review.model.missing} if review.model is not None else set()


def _differences(path: str, given: Any, made: Any) -> Iterator[str]:
    """A sentence for each place where two values differ, by its path: `model.metrics[0].released`."""
    if isinstance(given, Mapping) and isinstance(made, Mapping):
        for key in sorted(given.keys() | made.keys()):
            yield from _differences(f"{path}.{_key(key)}".lstrip("."), given.get(key), made.get(key))
    elif isinstance(given, list) and isinstance(made, list):
        for number in range(max(len(given), len(made))):
            old, new = (side[number] if number < len(side) else None for side in (given, made))
            yield from _differences(f"{path}[{number}]", old, new)
    elif given != made or type(given) is not type(made):
        yield f"{path} is {_shown(given)} in it, and {_shown(made)} when made anew"


def _key(key: str) -> str:
    return key if key.isascii() and key.isprintable() and len(key) <= _LONGEST else _shown(key)


def _shown(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


@dataclass(frozen=True, slots=True)
class CurrentState:
    """What there is now."""

    assembly_sha256: str
    release_sha256: str
    """Empty where there is no release."""
    live: Mapping[str, str]
    """SHA-256 of each stack's live template; empty where the stack is not deployed."""

    @classmethod
    def of(cls, assembly: Path, release: Release | None, pairs: Sequence[StackPair]) -> CurrentState:
        """pairs: the stacks as `read_pairs` finds them now."""
        live = {pair.stack: template_sha256(pair.live) for pair in pairs}
        return cls(assembly_digest(assembly), release.sha256 if release is not None else "", live)


def assembly_problems(review: Bundle, now: CurrentState, *, rerun_command: str) -> Iterator[Problem]:
    """The assembly or the release is another than the reviewed one. rerun_command: the command that reviews anew."""
    if now.assembly_sha256 != review.assembly_sha256:
        reviewed, found = review.assembly_sha256, now.assembly_sha256
        message = f"The cloud assembly is not the reviewed one: reviewed {reviewed}, found {found}."
        fix = f"Deploy the assembly that was reviewed (--assembly DIR), or review this one: {rerun_command}"
        yield Problem(message, "assembly", fix)
    if now.release_sha256 != review.release_sha256:
        found, reviewed = now.release_sha256 or "no release", review.release_sha256 or "no release"
        message = f"The release is not the reviewed one: reviewed {reviewed}, found {found}."
        yield Problem(message, f"releases/{review.environment}.json", f"Review it: {rerun_command}")


def stack_problems(stacks: Sequence[StackChange], now: CurrentState, *, rerun_command: str) -> Iterator[Problem]:
    """A live stack is another than when it was reviewed."""
    for stack in stacks:
        found = now.live.get(stack.stack, "")
        if found == stack.live_template_sha256:
            continue
        if not found:
            message = "The stack is gone: it was there when it was reviewed."
        elif not stack.exists:
            message = "The stack was made since the review: there was none."
        else:
            message = (
                f"The stack was updated since the review: its template was {stack.live_template_sha256}, it is {found}."
            )
        yield Problem(message, f"stack {stack.stack}", f"Review what is there now: {rerun_command}")
