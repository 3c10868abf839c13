"""Autoscaling of an endpoint: the scalable target of its variant with its timetable, and the policy that tracks a load.

https://docs.aws.amazon.com/sagemaker/latest/dg/endpoint-auto-scaling.html
"""

from __future__ import annotations

from collections.abc import Iterator

import aws_cdk as cdk
from aws_cdk import aws_applicationautoscaling as autoscaling
from constructs import Construct

from infra.constructs.hosting import VARIANT
from kickstand.config.operation import scheduled_bounds
from kickstand.names import Names

_Target = autoscaling.CfnScalableTarget
_Policy = autoscaling.CfnScalingPolicy


class ScaledVariant(Construct):
    """The endpoint's only variant, scaled as `[hosting.scaling]` says.

    endpoint_name: as the Endpoint resource gives it, so that this is made after it and deleted before it: an endpoint
                   that goes first takes its target along, and CloudFormation does not know.

    No role is named: Application Auto Scaling works with its service-linked role for endpoints, which it makes when the
    first target of an account is registered. Nothing of a template but the bounds says how many instances there are.
    """

    def __init__(self, scope: Construct, construct_id: str, *, names: Names, endpoint_name: str) -> None:
        super().__init__(scope, construct_id)
        hosting = names.environment.hosting
        target = _Target(
            self,
            "Target",
            service_namespace="sagemaker",
            scalable_dimension="sagemaker:variant:DesiredInstanceCount",
            resource_id=cdk.Fn.join("/", ["endpoint", endpoint_name, "variant", VARIANT]),
            min_capacity=hosting.instances.least,
            max_capacity=hosting.instances.most,
            scheduled_actions=[*_scheduled_actions(names)] or None,
        )
        metric = _metric(names)
        if metric is None:
            return
        what, kind, value = metric
        _Policy(
            self,
            "Policy",
            policy_name=names.scaling_policy(what),
            policy_type="TargetTrackingScaling",
            scaling_target_id=target.ref,
            target_tracking_scaling_policy_configuration=_Policy.TargetTrackingScalingPolicyConfigurationProperty(
                target_value=value,
                predefined_metric_specification=_Policy.PredefinedMetricSpecificationProperty(
                    predefined_metric_type=kind
                ),
                scale_out_cooldown=hosting.scaling.scale_out_cooldown_seconds,
                scale_in_cooldown=hosting.scaling.scale_in_cooldown_seconds,
                disable_scale_in=not hosting.scaling.scale_in,
            ),
        )


def _metric(names: Names) -> tuple[str, str, int] | None:
    """What is tracked: the policy's own word for it, Application Auto Scaling's, and the target; None: nothing."""
    scaling = names.environment.hosting.scaling
    if scaling.invocations_per_minute is not None:
        return "invocations", "SageMakerVariantInvocationsPerInstance", scaling.invocations_per_minute
    if scaling.concurrent_requests is not None:
        kind = "SageMakerVariantConcurrentRequestsPerModelHighResolution"
        return "concurrency", kind, scaling.concurrent_requests
    return None


def _scheduled_actions(names: Names) -> Iterator[_Target.ScheduledActionProperty]:
    scaling = names.environment.hosting.scaling
    for number, bounds in enumerate(scheduled_bounds(scaling), 1):
        yield _Target.ScheduledActionProperty(
            scheduled_action_name=f"{names.prefix}-{number}",
            schedule=bounds.expression,
            # A rate knows no time of day: https://docs.aws.amazon.com/autoscaling/application/APIReference/API_PutScheduledAction.html
            timezone=None if bounds.expression.startswith("rate(") else scaling.timezone,
            scalable_target_action=_Target.ScalableTargetActionProperty(
                min_capacity=bounds.minimum, max_capacity=bounds.maximum
            ),
        )
