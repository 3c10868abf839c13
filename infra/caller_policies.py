"""The managed policies of people and pipelines, one a job."""

from __future__ import annotations

from constructs import Construct

from infra.approver_policy import approver_statements
from infra.drift_policy import drift_statements
from infra.fitter_policy import fitter_statements
from infra.managed_policy import ManagedPolicy
from infra.promoter_policy import promoter_statements
from infra.reviewer_policy import reviewer_statements
from infra.statement import Statement
from kickstand.names import Names


def caller_policies(scope: Construct, names: Names, *, takes: bool) -> dict[str, ManagedPolicy]:
    """Each job's policy, made in `scope`.

    takes: whether models are promoted into the environment.

    A managed policy takes 6,144 characters, so what a reviewer may do is in two: `reviewer` and `drift`.
    """
    arn, key = names.bucket_arn, names.environment.storage.kms_key_arn
    jobs: dict[str, tuple[str, list[Statement]]] = {
        "fitter": (
            "Train, publish and register models with Kickstand",
            fitter_statements(names, bucket_arn=arn, kms_key_arn=key),
        ),
        "reviewer": (
            "Read what Kickstand has trained and what it serves",
            reviewer_statements(names, bucket_arn=arn, kms_key_arn=key),
        ),
        "drift": (
            "Detect drift of the stacks that Kickstand has made, for reviewers",
            drift_statements(names, bucket_arn=arn),
        ),
        "promoter": (
            "Promote models with Kickstand, out of the environment and into it",
            promoter_statements(names, bucket_arn=arn, kms_key_arn=key, takes=takes),
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
