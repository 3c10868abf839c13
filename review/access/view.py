"""Who may do one action on one resource by the deployed policies, and what is allowed, as lines and as fields.

Lines are for a terminal of 80 columns: question, subject, each permission. Who may replace a served model is such a
question.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from kickstand.text import wrapped
from review.access.allowed import Access, Group, Subject, bare
from review.access.statement import Grant, Statement, covers
from review.access.wording import condition, do, named, who
from review.changes.properties import listed


def access_query(access: Access, action: str, resource: str, account: str) -> tuple[str, ...]:
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
        requested = Grant(grant.principal, action, resource if grant.resource else "", grant.conditions)
        if covers(grant, requested):
            return True
    return False


def replacement_risks(
    access: Access, *, artifact_arn: str, endpoint_arn: str, account: str
) -> tuple[tuple[str, str], ...]:
    """Label and sentence: who may write to the artifact's place, delete a version of it, change the endpoint; and who
    can always."""

    def names(*actions_and_resources: tuple[str, str]) -> str:
        found = {
            name
            for action, resource in actions_and_resources
            for name in access_query(access, action, resource, account)
        }
        return listed(sorted(found)) if found else "nobody by these stacks"

    deletes = ("s3:DeleteObject", artifact_arn), ("s3:DeleteObjectVersion", artifact_arn)
    changes = ("sagemaker:UpdateEndpoint", endpoint_arn), ("sagemaker:DeleteEndpoint", endpoint_arn)
    return (
        ("may write", f"to the artifact's place: {names(('s3:PutObject', artifact_arn))}"),
        ("may delete", f"it or a version of it: {names(*deletes)}"),
        ("may change", f"the endpoint: {names(*changes)}, but CloudFormation in a deployment"),
        (
            "always could",
            f"administrators of the account {account}, and whoever may deploy. They leave traces: another digest or "
            "version, a signature that does not fit, drift, CloudTrail",
        ),
    )


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
        yield from wrapped(f"Whatever the role {access.endpoint_role} may. It is none of these stacks'; IAM knows it:")
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
    yield from wrapped(f"{listed(list(access.outsiders))}." if access.outsiders else "Nobody, by these stacks.")
    yield ""
    yield from wrapped(
        f"Besides: administrators of the account {account} may do anything, and CloudFormation whatever a deployment "
        "asks for. What somebody changed outside the stacks is drift, which kickstand review shows.",
        indent=0,
    )


def _subject(subject: Subject, access: Access, account: str, brief: str) -> Iterator[str]:
    """brief: the bucket whose objects go by their keys; empty where all is told exactly."""
    yield from wrapped(f"{subject.called[:1].upper()}{subject.called[1:]}")
    if subject.group == "endpoint":
        yield from _isolation(access, indent=4)
    if brief:
        yield from _in_brief(subject.statements, brief)
    else:
        # What it reads comes first: that is what is asked.
        for statement in sorted(subject.statements, key=lambda one: (not one.allow, not reads(one))):
            yield from _statement(statement, account)
    for arn in subject.managed:
        yield from wrapped(f"may do all that the managed policy {arn} allows", indent=4)
    if subject.boundary:
        yield from wrapped(f"but nothing beyond its permissions boundary {subject.boundary}", indent=4)
    if subject.trusted:
        yield from wrapped(f"{listed(list(subject.trusted))} may act as it, nobody else", indent=4)


def _isolation(access: Access, *, indent: int = 2) -> Iterator[str]:
    if access.isolated:
        message = "its container has no network: it sees the model artifact and the requests, and nothing else"
    else:
        message = "its container has a network: it can reach whatever its network and this role let it"
    yield from wrapped(message, indent=indent)


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
        yield from wrapped(f"may {words}: {', '.join(sorted(places))}", indent=4)
    if others:
        actions = "1 other action" if len(others) == 1 else f"{len(others)} other actions"
        looking = sum(map(_looks, others))
        changing = "which changes nothing" if looking == len(others) == 1 else f"{looking} of which change nothing"
        yield from wrapped(f"and {actions}, {changing}", indent=4)


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
    yield from wrapped(f"{subject}{verb} {do(statement.actions)}{everywhere}{met}{':' if resources else ''}", indent=4)
    for resource in resources:
        yield from wrapped(resource, indent=6)


def reads(statement: Statement) -> bool:
    """Whether it allows nothing but to look at something."""
    return all(map(_looks, statement.actions))


def _looks(action: str) -> bool:
    return action.partition(":")[2].lower().startswith(_READING)


def access_fields(access: Access) -> dict[str, Any]:
    """JSON: the endpoint's role, whether its container is without a network, outsiders, and every subject."""
    return {
        "endpoint_role": access.endpoint_role or None,
        "network_isolation": access.isolated,
        "outsiders": list(access.outsiders),
        "subjects": [_subject_fields(one) for one in access.subjects],
    }


def _subject_fields(subject: Subject) -> dict[str, Any]:
    return {
        "group": subject.group,
        "name": subject.name,
        "purpose": subject.purpose,
        "stack": subject.stack,
        "trusted": list(subject.trusted),
        "statements": [_statement_fields(one) for one in subject.statements],
        "managed_policies": list(subject.managed),
        "permissions_boundary": subject.boundary or None,
    }


def _statement_fields(statement: Statement) -> dict[str, Any]:
    return {
        "effect": "Allow" if statement.allow else "Deny",
        "principals": [one for one in statement.principals if one],
        "actions": list(statement.actions),
        "resources": [one for one in statement.resources if one],
        "conditions": [
            {"operator": operator, "key": key, "values": sorted(values)}
            for operator, key, values in sorted(statement.conditions, key=lambda one: (one[0], one[1]))
        ],
    }
