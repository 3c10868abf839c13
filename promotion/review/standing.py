"""Whether what a review was made of still stands: the assembly, the release, the live stacks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from kickstand.errors import Problem
from kickstand.release import Release
from promotion.assembly import assembly_digest
from promotion.review.bundle import Bundle
from promotion.review.changes.stack_change import template_sha256
from promotion.review.changes.stack_pair import StackPair
from promotion.review.parts import StackChange


@dataclass(frozen=True, slots=True)
class Standing:
    """What there is now."""

    assembly_sha256: str
    release_sha256: str
    """Empty where there is no release."""
    live: Mapping[str, str]
    """SHA-256 of each stack's live template; empty where the stack is not deployed."""

    @classmethod
    def of(cls, assembly: Path, release: Release | None, pairs: Sequence[StackPair]) -> Standing:
        """pairs: the stacks as `read_pairs` finds them now."""
        live = {pair.stack: template_sha256(pair.live) for pair in pairs}
        return cls(assembly_digest(assembly), release.sha256 if release is not None else "", live)


def assembly_problems(review: Bundle, now: Standing, *, again: str) -> Iterator[Problem]:
    """The assembly or the release is another than the reviewed one. again: the command that reviews anew."""
    if now.assembly_sha256 != review.assembly_sha256:
        reviewed, found = review.assembly_sha256, now.assembly_sha256
        message = f"The cloud assembly is not the reviewed one: reviewed {reviewed}, found {found}."
        fix = f"Deploy the assembly that was reviewed (--assembly DIR), or review this one: {again}"
        yield Problem(message, "assembly", fix)
    if now.release_sha256 != review.release_sha256:
        found, reviewed = now.release_sha256 or "no release", review.release_sha256 or "no release"
        message = f"The release is not the reviewed one: reviewed {reviewed}, found {found}."
        yield Problem(message, f"releases/{review.environment}.json", f"Review it: {again}")


def stack_problems(stacks: Sequence[StackChange], now: Standing, *, again: str) -> Iterator[Problem]:
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
        yield Problem(message, f"stack {stack.stack}", f"Review what is there now: {again}")
