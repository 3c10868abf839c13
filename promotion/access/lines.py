"""What is allowed, as lines for a terminal of 80 columns: a question, whom it is about, each permission. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from kickstand.release_lines import text
from promotion.access.allowed import Access
from promotion.access.subject import Group, Subject
from promotion.review.changes.statement import Statement
from promotion.review.changes.wording import condition, do, named, who
from promotion.review.changes.words import listed

QUESTIONS: dict[Group, str] = {
    "endpoint": "What can the endpoint's model read, and do?",
    "training": "What can training jobs do?",
    "trigger": "What can whatever starts training and transform jobs do?",
    "promotion": "What can the role do that takes models in?",
    "pipeline": "What can pipelines do?",
    "people": "What can people do whom somebody gave one of the managed policies?",
    "resources": "Whom do the resources themselves let in, or keep out?",
}
_EXACT = ("endpoint", "resources")
_ATTACHED = "list-attached-role-policies"
_READING = ("get", "list", "describe", "batchget", "batchcheck", "head", "filter", "decrypt")


IN_BRIEF = "In brief: --full has every action, resource and condition by its exact name."


def access_lines(access: Access, account: str, *, bucket: str, full: bool = False) -> Iterator[str]:
    """All of it, the endpoint's model first.

    bucket: the environment's own; in brief, its objects are told by their keys alone.
    full: every action and every resource of everybody by its exact name; else only of the endpoint's role.
    """
    if not access.endpoint_role:
        yield from ("No endpoint is deployed, so no model can read anything.", "")
    elif not any(one.group == "endpoint" for one in access.subjects):
        yield QUESTIONS["endpoint"]
        yield from text(f"Whatever the role {access.endpoint_role} may. It is none of these stacks'; IAM knows it:")
        name = access.endpoint_role.rpartition("/")[2]
        yield from (f"    aws iam {what} --role-name {name}" for what in ("list-role-policies", _ATTACHED))
        yield from (*_isolation(access), "")
    for group, question in QUESTIONS.items():
        subjects = [one for one in access.subjects if one.group == group and (one.statements or one.trusted)]
        if subjects:
            yield question
            for subject in subjects:
                yield from _subject(subject, access, account, "" if full or group in _EXACT else bucket)
            yield ""
    yield "Who is let in from outside the account?"
    yield from text(f"{listed(list(access.outsiders))}." if access.outsiders else "Nobody, by these stacks.")
    yield ""
    yield from text(
        f"Besides: administrators of the account {account} may do anything, and CloudFormation whatever a deployment "
        "asks for. What somebody changed past the stacks is drift, which kickstand review tells.",
        indent=0,
    )


def _subject(subject: Subject, access: Access, account: str, brief: str) -> Iterator[str]:
    """brief: the bucket whose objects go by their keys; empty where all is told exactly."""
    yield from text(f"{subject.called[:1].upper()}{subject.called[1:]}")
    if subject.group == "endpoint":
        yield from _isolation(access, indent=4)
    if brief:
        yield from _in_brief(subject.statements, brief)
    else:
        # What it reads comes first: that is what is asked.
        for statement in sorted(subject.statements, key=lambda one: (not one.allow, not reads(one))):
            yield from _statement(statement, account)
    for arn in subject.managed:
        yield from text(f"may do all that the managed policy {arn} allows", indent=4)
    if subject.boundary:
        yield from text(f"but nothing beyond its permissions boundary {subject.boundary}", indent=4)
    if subject.trusted:
        yield from text(f"{listed(list(subject.trusted))} may act as it, nobody else", indent=4)


def _isolation(access: Access, *, indent: int = 2) -> Iterator[str]:
    if access.isolated:
        told = "its container has no network: it sees the model artifact and the requests, and nothing else"
    else:
        told = "its container has a network: it can reach whatever its network and this role let it"
    yield from text(told, indent=indent)


def _in_brief(statements: Sequence[Statement], bucket: str) -> Iterator[str]:
    """What has a word, with what it is done to; the rest is counted, and how many of it change nothing."""
    done: dict[str, set[str]] = {}
    others: set[str] = set()
    for statement in statements:
        for action in statement.actions if statement.allow else ():
            words = named(action)
            if words:
                done.setdefault(words, set()).update(_short(one, bucket) for one in statement.resources)
            else:
                others.add(action)
    for words, places in sorted(done.items()):
        yield from text(f"may {words}: {', '.join(sorted(places))}", indent=4)
    if others:
        actions = "1 other action" if len(others) == 1 else f"{len(others)} other actions"
        looking = sum(map(_looks, others))
        changing = "which changes nothing" if looking == len(others) == 1 else f"{looking} of which change nothing"
        yield from text(f"and {actions}, {changing}", indent=4)


def _short(resource: str, bucket: str) -> str:
    """`models/*` of the own bucket, `s3://OTHER/models/*`, `endpoint/bikes-prod`, `every resource`."""
    if resource == "*":
        return "every resource"
    parts = resource.split(":", 5)
    if len(parts) < 6:
        return resource
    own, _, key = parts[5].partition("/")
    return (key or own if own == bucket else f"s3://{parts[5]}") if parts[2] == "s3" else parts[5]


def _statement(statement: Statement, account: str) -> Iterator[str]:
    names = [
        "everyone" if one == "*" and not statement.allow else who(one, statement.conditions, account)
        for one in statement.principals
        if one
    ]
    subject = f"{listed(names)} " if names else ""
    verb = "may" if statement.allow else "may never"
    everywhere = " on every resource" if "*" in statement.resources else ""
    met = f", {'only ' if statement.allow else ''}if {condition(statement.conditions)}" if statement.conditions else ""
    resources = [one for one in statement.resources if one] if not everywhere else []
    yield from text(f"{subject}{verb} {do(statement.actions)}{everywhere}{met}{':' if resources else ''}", indent=4)
    for resource in resources:
        yield from text(resource, indent=6)


def reads(statement: Statement) -> bool:
    """Whether it allows nothing but to look at something."""
    return all(map(_looks, statement.actions))


def _looks(action: str) -> bool:
    return action.partition(":")[2].lower().startswith(_READING)
