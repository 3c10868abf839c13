"""Approval of a model by a person, kept in the model registry, and the gate `approval` that demands it.

The gate demands that a person other than who promotes has approved the source's model package. Two ARNs are compared
as far as they can be determined to be the same person.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from kickstand.aws.errors import explained
from kickstand.errors import InputError, Problem
from kickstand.release.model import Release
from promotion.gates.gate import Gate, Verdict

if TYPE_CHECKING:
    from promotion.gates.context import Evidence, GateContext

Status = Literal["Approved", "Rejected"]

LONGEST = 1024
"""Characters of an ApprovalDescription.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_UpdateModelPackage.html
"""


@dataclass(frozen=True, slots=True)
class Package:
    """A model package as the registry describes it.

    artifact_sha256: what was recorded when it was registered; empty where nothing was. model_url: where its artifact
    is. changed_by: ARN of who changed it last, by AWS itself; empty where AWS does not tell.
    """

    arn: str
    status: str
    description: str
    artifact_sha256: str
    model_url: str
    changed_by: str

    @property
    def decided(self) -> bool:
        return self.status in ("Approved", "Rejected")

    def decision(self) -> str:
        """Who decided and why, for people: `Approved by arn:…: it is better.`"""
        # The description begins with the name of who wrote it, if Kickstand did.
        named = self.description.startswith("arn:")
        who = "" if named else f" by {self.changed_by}" if self.changed_by else ", approver unknown"
        words = f" by {self.description}" if named else f": {self.description}" if self.description else ""
        return f"{self.status}{who}{words}"


def package_of(described: Mapping[str, Any]) -> Package:
    """A DescribeModelPackage answer."""
    containers = described.get("InferenceSpecification", {}).get("Containers", [])
    return Package(
        arn=str(described["ModelPackageArn"]),
        status=str(described.get("ModelApprovalStatus", "PendingManualApproval")),
        description=str(described.get("ApprovalDescription", "")),
        artifact_sha256=str(described.get("CustomerMetadataProperties", {}).get("artifact-sha256", "")),
        model_url=str(containers[0].get("ModelDataUrl", "")) if containers else "",
        changed_by=str(described.get("LastModifiedBy", {}).get("IamIdentity", {}).get("Arn", "")),
    )


def approval_description(caller: str, reason: str) -> str:
    """What the registry keeps: `<ARN of the caller>: <reason>`. InputError: no reason, or one that is too long."""
    words = " ".join(reason.split())
    if not words:
        raise InputError(Problem("A reason is needed: it is what an auditor reads.", "--reason"))
    text = f"{caller}: {words}"
    if len(text) > LONGEST:
        message = f"The registry takes {LONGEST} characters, and with your name in front it is {len(text)}."
        raise InputError(Problem(message, "--reason", f"Shorten it by {len(text) - LONGEST}."))
    return text


def same_model(package: Package, release: Release, where: str) -> None:
    """InputError where the package is not of the release's artifact. where: the release's file."""
    digest = release.artifact.sha256
    problems = []
    if package.artifact_sha256 != digest:
        recorded = package.artifact_sha256 or "no artifact-sha256"
        problems.append(f"The package {package.arn} records {recorded}; the release's artifact is {digest}.")
    if package.model_url != release.artifact.s3_uri:
        problems.append(f"The package's model is {package.model_url}; the release's is {release.artifact.s3_uri}.")
    if problems:
        fix = "Nothing was changed. Find out who registered it; then make the release anew, from the job or its source."
        raise InputError(*(Problem(problem, where, fix) for problem in problems))


def to_be_done(package: Package, status: Status, *, again: bool) -> bool:
    """Whether the registry is to be changed: not where it says so already.

    again: to decide although somebody has. InputError where somebody has decided otherwise, and `again` is not said.
    """
    if again or not package.decided:
        return True
    if package.status == status:
        return False
    message = f"It is {package.decision()}"
    raise InputError(Problem(message, package.arn, "Nothing was changed. To decide against them: --again."))


_SINGLE_SIGN_ON = "AWSReservedSSO_"


@dataclass(frozen=True, slots=True)
class Principal:
    """One caller of AWS.

    kind: `user`, `session` of a role, `person` who signed in with IAM Identity Center, `root` of an account, or
    `other`. scope: the account, and for a session also the role; empty for a person, who is one in all accounts.
    """

    kind: str
    scope: str
    name: str


def principal(arn: str) -> Principal:
    """Whom an ARN of a user, an assumed role, or an account's root names.

    Paths are left out: STS does not tell a role's. Identity Center makes the session's name the user's own, the same
    in every account and role; the session of any other role has the name that its caller gave it.
    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html
    """
    parts = arn.split(":", 5)
    if len(parts) < 6:
        return Principal("other", "", arn)
    account, (kind, *names) = parts[4], parts[5].split("/")
    if kind == "root":
        return Principal("root", account, "root")
    if kind == "user" and names:
        return Principal("user", account, names[-1])
    if kind == "assumed-role" and len(names) == 2:
        role, session = names
        if role.startswith(_SINGLE_SIGN_ON):
            return Principal("person", "", session)
        return Principal("session", f"{account}/{role}", session)
    return Principal("other", account, parts[5])


def is_somebody(arn: str) -> bool:
    """Whether an ARN tells persons apart: the root of an account is whoever has its password."""
    return principal(arn).kind != "root"


def is_same(one: str, other: str) -> bool:
    """Whether two ARNs name the same principal."""
    return principal(one) == principal(other)


_WRITTEN_DESCRIPTION = re.compile(r"(arn:[\w-]+:(?:iam|sts)::\d{12}:\S+): (.+)", re.DOTALL)
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
    found = _WRITTEN_DESCRIPTION.fullmatch(package.description.strip())
    return Approval(
        status=package.status,
        artifact=package.model_url,
        described_by=found[1] if found else "",
        reason=(found[2] if found else package.description).strip(),
        changed_by=package.changed_by,
    )


def evaluate_approval(context: GateContext, _: Evidence | None = None) -> Verdict:
    """Passed where the package of this very artifact is approved, by somebody who is not promoting it."""
    arn = context.release.model_package_arn
    with explained("reading the approval of the model package", arn):
        described = context.source.session.client("sagemaker").describe_model_package(ModelPackageName=arn)
        callers = {
            str(workspace.session.client("sts").get_caller_identity()["Arn"])
            for workspace in (context.source, context.target)
        }
    return approval_verdict(approval(described), context.release.artifact.s3_uri, sorted(callers), arn)


def approval_verdict(given: Approval, artifact: str, callers: Sequence[str], package: str) -> Verdict:
    """What the registry's word comes to. callers: ARNs of who promotes, in the source and in the target."""
    # The figure of an approval has the reason itself.
    details = tuple(_detail_lines(given, package, reason=given.status != "Approved"))
    if given.artifact != artifact:
        fault = f"The model package is of {given.artifact or 'no model'}; the release's model is {artifact}."
        return Verdict(False, "approved is another model", (fault, *details))
    if given.status != "Approved":
        return Verdict(False, given.status, details)
    if not given.approver:
        fault = "The approver is unknown. Approve it with kickstand approve, which says who and why."
        return Verdict(False, "Approved, approver unknown", (fault, *details))
    named = {arn for arn in (given.approver, given.described_by) if arn and is_somebody(arn)}
    own = sorted(arn for arn in named if any(is_same(arn, caller) for caller in callers))
    if own:
        fault = f"{own[0]} both approved and promotes. Somebody else must do one of the two."
        return Verdict(False, "Approved by who promotes it", (fault, *details))
    if not named:
        root = "AWS names as the approver only the account's root, which may be the very person who promotes."
        details = (*details, root)
    return Verdict(True, _approval_figure(given), details)


def _approval_figure(given: Approval) -> str:
    """Who and why, for the release records the figure: git alone tells an auditor both."""
    reason = " ".join(given.reason.split())
    return f"Approved by {given.approver}: {reason}" if reason else f"Approved by {given.approver}, without a reason"


def _detail_lines(given: Approval, package: str, *, reason: bool) -> list[str]:
    lines = [f"{package} is {given.status}."]
    if reason and given.reason:
        lines.append(f"Reason: {' '.join(given.reason.split())}")
    if given.changed_by and given.described_by and not is_same(given.changed_by, given.described_by):
        lines.append(f"The description names {given.described_by}; AWS says that {given.changed_by} changed it last.")
    return lines


APPROVAL_GATE = Gate(
    name="approval",
    applies=lambda context: context.gates.approval,
    limit=lambda context: "Approved, by somebody else than who promotes",
    how_to_check=lambda context: context.rerun_command("approval"),
    evaluate=evaluate_approval,
    live=True,
)
