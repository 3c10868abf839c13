"""Roles that AWS services assume, roles that jobs of GitHub workflows assume, and managed policies for people.

A job of a workflow assumes its role with an OIDC token, not a key; beside it stands the OIDC provider by which an
account trusts GitHub's tokens. Managed policies, one a job, are attached by whoever owns the roles of people.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from constructs import Construct

from infra.checks.policy_checks import acknowledge_wildcards
from infra.policies.drift import drift_statements
from infra.policies.people import approver_statements, fitter_statements, promoter_statements
from infra.policies.reviewer import reviewer_statements
from infra.policies.statement import Statement, policy_document
from kickstand.aws.github_oidc import ISSUER
from kickstand.names import Names


class ManagedPolicy(Construct):
    """A customer-managed policy under a known name, attached to nobody."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        policy_name: str,
        description: str,
        statements: Sequence[Statement],
    ) -> None:
        super().__init__(scope, construct_id)
        policy = iam.CfnManagedPolicy(
            self,
            "Policy",
            managed_policy_name=policy_name,
            # A change of this text would replace the policy, and with it every attachment.
            description=description,
            policy_document=policy_document(statements),
        )
        acknowledge_wildcards(policy, statements)
        self.arn: str = policy.ref


def caller_policies(scope: Construct, names: Names, *, takes: bool) -> dict[str, ManagedPolicy]:
    """Each job's policy, made in `scope`.

    takes: whether models are promoted into the environment.

    A managed policy takes 6,144 characters, so what a reviewer may do is in two: `reviewer` and `drift`.
    """
    jobs: dict[str, tuple[str, list[Statement]]] = {
        "fitter": (
            "Train, publish and register models with Kickstand",
            fitter_statements(names),
        ),
        "reviewer": (
            "Read what Kickstand has trained and what it serves",
            reviewer_statements(names),
        ),
        "drift": (
            "Detect drift of the stacks that Kickstand has made, for reviewers",
            drift_statements(names),
        ),
        "promoter": (
            "Promote models with Kickstand, out of the environment and into it",
            promoter_statements(names, takes=takes),
        ),
        "approver": ("Approve models that Kickstand has registered", approver_statements(names)),
    }
    return {
        job: ManagedPolicy(
            scope,
            f"{job.capitalize()}Policy",
            policy_name=names.managed_policy(job),
            description=description,
            statements=statements,
        )
        for job, (description, statements) in jobs.items()
    }


class ServiceRole(Construct):
    """A role for one service in this account, or the one that the organisation has made for it.

    service:        the service principal, `sagemaker.amazonaws.com`.
    source_arn:     on whose behalf the service may act: an ARN, `*` and `?` allowed. With the account it keeps
                    others from using the service as a deputy
                    (https://docs.aws.amazon.com/IAM/latest/UserGuide/confused-deputy.html).
    account:        the account of those resources.
    policy_name:    the name of the policy inside the role.
    statements:     what the role may do.
    permissions_boundary: ARN of a managed policy, or None.
    existing_role_arn: the organisation's role; nothing is made then, and its owner grants the statements.

    The role itself is not named: CloudFormation's name begins with the stack's, and a change that needs another
    role never collides with the old one.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        service: str,
        source_arn: str,
        account: str,
        description: str,
        policy_name: str,
        statements: Sequence[Statement],
        permissions_boundary: str | None,
        existing_role_arn: str | None = None,
    ) -> None:
        super().__init__(scope, construct_id)
        self._policy: iam.CfnPolicy | None = None
        self.arn: str
        if existing_role_arn is not None:
            self.arn = existing_role_arn
            return
        role = iam.CfnRole(
            self,
            "Role",
            assume_role_policy_document={
                "Version": "2012-10-17",
                "Statement": [
                    {
                        "Effect": "Allow",
                        "Principal": {"Service": service},
                        "Action": "sts:AssumeRole",
                        "Condition": {
                            "StringEquals": {"aws:SourceAccount": account},
                            "ArnLike": {"aws:SourceArn": source_arn},
                        },
                    }
                ],
            },
            description=description,
            permissions_boundary=permissions_boundary,
        )
        self._policy = iam.CfnPolicy(
            self, "Policy", policy_name=policy_name, policy_document=policy_document(statements), roles=[role.ref]
        )
        acknowledge_wildcards(self._policy, statements)
        self.arn = role.attr_arn

    def precede(self, resource: cdk.CfnResource) -> None:
        """Make `resource` only once the role has its policy; without, it is made first and refused at random."""
        if self._policy is not None:
            resource.add_resource_dependency(self._policy)


_SECONDS = 3600
"""Of a session: the longest that the workflows ask for."""


class WorkflowRole(Construct):
    """One role for one kind of job.

    role_name:    known: the workflow files name it.
    provider_arn: the OIDC provider.
    conditions:   what the token must say, by condition key: each value whole, no wildcard, no second one.
    policies:     ARNs of managed policies.
    statements:   what it may do besides; none: no policy of its own.
    permissions_boundary: ARN of a managed policy, or None.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        role_name: str,
        description: str,
        provider_arn: str,
        conditions: Mapping[str, str],
        policies: Sequence[str],
        statements: Sequence[Statement],
        permissions_boundary: str | None,
    ) -> None:
        super().__init__(scope, construct_id)
        trust = {
            "Effect": "Allow",
            "Principal": {"Federated": provider_arn},
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Condition": {"StringEquals": dict(conditions)},
        }
        role = iam.CfnRole(
            self,
            "Role",
            role_name=role_name,
            assume_role_policy_document={"Version": "2012-10-17", "Statement": [trust]},
            description=description,
            managed_policy_arns=list(policies),
            max_session_duration=_SECONDS,
            permissions_boundary=permissions_boundary,
        )
        if statements:
            policy = iam.CfnPolicy(
                self,
                "Policy",
                policy_name=role_name,
                policy_document=policy_document(statements),
                roles=[role.ref],
            )
            acknowledge_wildcards(policy, statements)
        self.arn: str = role.attr_arn


class OidcProvider(Construct):
    """The account's OIDC provider for GitHub, or the one that it has already: an account takes one only.

    audience:     for whom tokens must be.
    existing_arn: that of the provider that is there; nothing is made then.

    No thumbprint: IAM trusts GitHub's certificates by the authorities that issue them.
    https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_create_oidc_verify-thumbprint.html
    """

    def __init__(self, scope: Construct, construct_id: str, *, audience: str, existing_arn: str | None) -> None:
        super().__init__(scope, construct_id)
        self.arn: str
        if existing_arn is not None:
            self.arn = existing_arn
            return
        provider = iam.CfnOIDCProvider(self, "Provider", url=f"https://{ISSUER}", client_id_list=[audience])
        self.arn = provider.attr_arn
