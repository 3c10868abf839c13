"""Who may do one action on one resource by the stacks' policies. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from promotion.access.allowed import Access, bare
from promotion.access.subject import Subject
from promotion.review.changes.statement import Grant, Statement, covers
from promotion.review.changes.wording import condition, who


def who_may(access: Access, action: str, resource: str, account: str) -> tuple[str, ...]:
    """In words, sorted, each with its condition; one that is met only then counts, too.

    action: `s3:PutObject`. resource: its ARN. Who is refused it without a condition is left out.
    """
    return tuple(sorted(set(_found(access, action, resource, account))))


def _found(access: Access, action: str, resource: str, account: str) -> Iterator[str]:
    for subject in access.subjects:
        if any(_speaks(one, action, resource) and not one.allow and not one.conditions for one in subject.statements):
            continue
        for statement in subject.statements:
            if statement.allow and _speaks(bare(statement), action, resource):
                only = f", only if {condition(statement.conditions)}" if statement.conditions else ""
                yield from (f"{name}{only}" for name in _names(subject, statement, account))


def _names(subject: Subject, statement: Statement, account: str) -> Iterator[str]:
    if subject.group == "resources":
        yield from (who(name, statement.conditions, account) for name in statement.principals)
    elif subject.trusted:
        yield f"{subject.called}, for {' and '.join(subject.trusted)}"
    else:
        yield subject.called


def _speaks(statement: Statement, action: str, resource: str) -> bool:
    """Whether a statement is about the action on the resource; of a policy on a resource, the resource is its own."""
    for grant in statement.grants():
        asked = Grant(grant.principal, action, resource if grant.resource else "", grant.conditions)
        if covers(grant, asked):
            return True
    return False
