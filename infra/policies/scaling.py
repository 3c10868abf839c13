"""What reading an endpoint's autoscaling takes: of whoever detects drift, and of `kickstand doctor`."""

from __future__ import annotations

from infra.policies.statement import Statement
from kickstand.names import Names


def scaling_statements(names: Names) -> list[Statement]:
    """The endpoint's scalable target and what scales it, where something does."""
    if not names.environment.hosting.scaled:
        return []
    return [
        Statement(
            "ReadScaling",
            (
                "application-autoscaling:DescribeScalableTargets",
                "application-autoscaling:DescribeScalingPolicies",
                "application-autoscaling:DescribeScheduledActions",
            ),
            everywhere="Application Auto Scaling checks its lists against no resource.",
        ),
        Statement(
            "ReadScalingTags",
            ("application-autoscaling:ListTagsForResource",),
            # Application Auto Scaling makes the target's id.
            (names.arn("application-autoscaling", "scalable-target/*"),),
        ),
    ]
