"""Who could put another model in the place of a served one, by the policies of the deployed stacks. Pure."""

from __future__ import annotations

from promotion.access.allowed import Access
from promotion.access.who_may import who_may
from promotion.review.changes.words import listed


def swap_sentences(
    access: Access, *, artifact_arn: str, endpoint_arn: str, account: str
) -> tuple[tuple[str, str], ...]:
    """Label and sentence: who may write to the artifact's place, delete a version of it, change the endpoint; and who
    can always."""

    def names(*actions_and_resources: tuple[str, str]) -> str:
        found = {
            name for action, resource in actions_and_resources for name in who_may(access, action, resource, account)
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
