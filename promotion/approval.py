"""A person's yes or no to the model of a release, kept in the model registry: who, and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from kickstand.errors import InputError, Problem
from kickstand.release import Release

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
        who = "" if named else f" by {self.changed_by}" if self.changed_by else ", by whom is not told"
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
