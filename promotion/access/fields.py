"""What is allowed, for a program. Pure."""

from __future__ import annotations

from typing import Any

from promotion.access.allowed import Access
from promotion.access.subject import Subject
from promotion.review.changes.statement import Statement


def access_fields(access: Access) -> dict[str, Any]:
    """JSON: the endpoint's role, whether its container is without a network, outsiders, and every subject."""
    return {
        "endpoint_role": access.endpoint_role or None,
        "network_isolation": access.isolated,
        "outsiders": list(access.outsiders),
        "subjects": [_subject(one) for one in access.subjects],
    }


def _subject(subject: Subject) -> dict[str, Any]:
    return {
        "group": subject.group,
        "name": subject.name,
        "purpose": subject.purpose,
        "stack": subject.stack,
        "trusted": list(subject.trusted),
        "statements": [_statement(one) for one in subject.statements],
        "managed_policies": list(subject.managed),
        "permissions_boundary": subject.boundary or None,
    }


def _statement(statement: Statement) -> dict[str, Any]:
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
