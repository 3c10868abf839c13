"""The gate `approval`: a person other than who promotes has approved the source's model package."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kickstand.aws_errors import explained
from promotion.approval import package_of
from promotion.gates.contest import Contest
from promotion.gates.evidence import Evidence
from promotion.gates.gate import Gate, Verdict
from promotion.gates.principal import is_same, is_somebody

_DESCRIPTION = re.compile(r"(arn:[\w-]+:(?:iam|sts)::\d{12}:\S+): (.+)", re.DOTALL)
"""As `kickstand approve` writes it: who, and why."""


@dataclass(frozen=True, slots=True)
class Approval:
    """What the model registry says of a model package.

    artifact: the URI of its model. described_by: who, by the description. changed_by: who changed the package last,
    by AWS itself. Both are ARNs, empty where they are not told.
    """

    status: str
    artifact: str
    described_by: str
    reason: str
    changed_by: str

    @property
    def approver(self) -> str:
        """Who approved: AWS's own word where there is one, else the description's."""
        return self.changed_by or self.described_by


def approval(described: Mapping[str, Any]) -> Approval:
    """A DescribeModelPackage answer, as far as the gate goes."""
    package = package_of(described)
    found = _DESCRIPTION.fullmatch(package.description.strip())
    return Approval(
        status=package.status,
        artifact=package.model_url,
        described_by=found[1] if found else "",
        reason=(found[2] if found else package.description).strip(),
        changed_by=package.changed_by,
    )


def judge(contest: Contest, _: Evidence | None = None) -> Verdict:
    """Passed where the package of this very artifact is approved, by somebody who is not promoting it."""
    arn = contest.release.model_package_arn
    with explained("reading the approval of the model package", arn):
        described = contest.source.session.client("sagemaker").describe_model_package(ModelPackageName=arn)
        callers = {
            str(place.session.client("sts").get_caller_identity()["Arn"]) for place in (contest.source, contest.target)
        }
    return verdict(approval(described), contest.release.artifact.s3_uri, sorted(callers), arn)


def verdict(given: Approval, artifact: str, callers: Sequence[str], package: str) -> Verdict:
    """What the registry's word comes to. callers: ARNs of who promotes, in the source and in the target."""
    # The figure of an approval has the reason itself.
    details = tuple(_told(given, package, reason=given.status != "Approved"))
    if given.artifact != artifact:
        fault = f"The model package is of {given.artifact or 'no model'}; the release's model is {artifact}."
        return Verdict(False, "approved is another model", (fault, *details))
    if given.status != "Approved":
        return Verdict(False, given.status, details)
    if not given.approver:
        fault = "It is not told who approved it. Approve it with kickstand approve, which says who and why."
        return Verdict(False, "Approved, by nobody that is named", (fault, *details))
    named = {arn for arn in (given.approver, given.described_by) if arn and is_somebody(arn)}
    own = sorted(arn for arn in named if any(is_same(arn, caller) for caller in callers))
    if own:
        fault = f"{own[0]} both approved and promotes. Somebody else must do one of the two."
        return Verdict(False, "Approved by who promotes it", (fault, *details))
    if not named:
        root = "AWS tells no more of the approver than the account's root, which may be the very person who promotes."
        details = (*details, root)
    return Verdict(True, _figure(given), details)


def _figure(given: Approval) -> str:
    """Who and why, for the release records the figure: git alone tells an auditor both."""
    reason = " ".join(given.reason.split())
    return f"Approved by {given.approver}: {reason}" if reason else f"Approved by {given.approver}, without a reason"


def _told(given: Approval, package: str, *, reason: bool) -> list[str]:
    lines = [f"{package} is {given.status}."]
    if reason and given.reason:
        lines.append(f"Reason: {' '.join(given.reason.split())}")
    if given.changed_by and given.described_by and not is_same(given.changed_by, given.described_by):
        lines.append(f"The description names {given.described_by}; AWS says that {given.changed_by} changed it last.")
    return lines


GATE = Gate(
    name="approval",
    asked=lambda contest: contest.gates.approval,
    limit=lambda contest: "Approved, by somebody else than who promotes",
    see=lambda contest: contest.again("approval"),
    judge=judge,
    live=True,
)
