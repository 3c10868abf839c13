"""The stack that serves a release."""

from __future__ import annotations

import aws_cdk as cdk
from constructs import Construct

from infra.constructs.alarms import RollbackAlarms, endpoint_alarms, failed_executions_alarm
from infra.constructs.capture import CaptureReaders, data_capture
from infra.constructs.dashboard import Dashboard
from infra.constructs.hosting import Endpoint, EndpointConfig, Model
from infra.constructs.roles import ManagedPolicy, ServiceRole
from infra.constructs.scaling import ScaledVariant
from infra.constructs.stop import IdleAlarm
from infra.constructs.storage import LogGroup
from infra.constructs.triggers import TransformTrigger
from infra.policies.execution import hosting_statements
from infra.policies.people import predictor_statements, transformer_statements
from kickstand.config.model import Environment
from kickstand.errors import InputError, Problem
from kickstand.images import image_uri
from kickstand.names import Names
from kickstand.release.model import Release
from kickstand.release.rules import latency_limit_ms, serving_problems


class HostingStack(cdk.Stack):
    """Hosting role, Model, EndpointConfig, Endpoint, its log group, transform trigger and the policies of callers.

    A new release changes the Model's artifact, and where requests to it are captured, and nothing else of the template:
    no output and no tag names it.
    """

    def __init__(self, scope: Construct, construct_id: str, *, environment: Environment, release: Release) -> None:
        names = self._names = Names(environment)
        self._environment = environment
        super().__init__(
            scope,
            construct_id,
            stack_name=names.hosting_stack,
            description=f"Hosting of {environment.project}, {environment.name}",
            synthesizer=cdk.DefaultStackSynthesizer(qualifier=environment.bootstrap.qualifier),
            tags=dict(environment.tags),
            termination_protection=environment.retain,
        )
        if faults := serving_problems(release, environment.known_faults):
            # An error of this stack: it is not deployed, and the others of the app still are.
            cdk.Annotations.of(self).add_error(str(InputError(*faults)))
        role = self._role()
        model = Model(
            self,
            "Model",
            names=names,
            image_uri=_image(release),
            model_data_url=release.artifact.s3_uri,
            role_arn=role.arn,
            subnets=environment.hosting.subnets,
            security_group_ids=environment.hosting.security_group_ids,
        )
        role.precede(model.resource)
        config = EndpointConfig(
            self,
            "EndpointConfig",
            names=names,
            model_name=model.model_name,
            instance_type=environment.hosting.instance_type,
            instance_count=environment.hosting.instances.first,
            scales_to=environment.hosting.instances.most,
            startup_seconds=environment.hosting.startup_seconds,
            kms_key_arn=environment.storage.kms_key_arn,
            capture=data_capture(names, release.artifact.sha256),
        )
        if environment.captures:
            CaptureReaders(self, "CaptureReaders", names=names)
        alarms = RollbackAlarms(
            self,
            "RollbackAlarms",
            names=names,
            config_name=config.endpoint_config_name,
            max_p99_ms=latency_limit_ms(environment, release),
        )
        endpoint = Endpoint(
            self,
            "Endpoint",
            endpoint_name=names.endpoint,
            endpoint_config_name=config.endpoint_config_name,
            shift=environment.traffic_shift,
            rollback_alarms=alarms.names,
            scaled=environment.hosting.scaled,
        )
        if environment.hosting.scaled:
            ScaledVariant(self, "Scaling", names=names, endpoint_name=endpoint.endpoint_name)
        endpoint_alarms(self, names=names)
        if environment.lifetime is not None and environment.lifetime.idle is not None:
            IdleAlarm(self, "Idle", names=names, seconds=environment.lifetime.idle)
        if environment.has_dashboard:
            Dashboard(self, "Dashboard", names=names, max_p99_ms=latency_limit_ms(environment, release))
        LogGroup(
            self,
            "EndpointLog",
            log_group_name=names.endpoint_log_group,
            retention_days=environment.logs.retention_days,
            kms_key_arn=environment.logs.kms_key_arn,
            retain=environment.retain,
        ).precede(endpoint.resource)
        predictor = ManagedPolicy(
            self,
            "PredictorPolicy",
            policy_name=names.managed_policy("predictor"),
            description="Ask an endpoint made by Kickstand for predictions",
            statements=predictor_statements(names.arn("sagemaker", f"endpoint/{names.endpoint}")),
        )
        transform = TransformTrigger(
            self, "Transform", names=names, model_name=model.model_name, hosting_role_arn=role.arn
        )
        failed_executions_alarm(self, names=names, state_machine_arn=transform.arn, what="transform")
        transformer = ManagedPolicy(
            self,
            "TransformerPolicy",
            policy_name=names.managed_policy("transformer"),
            description="Transform rows with a model that Kickstand serves",
            statements=transformer_statements(names),
        )
        for key, value in environment.tags.items():
            cdk.Tags.of(self).add(key, value)
        host = f"runtime.sagemaker.{environment.region}.{self.url_suffix}"
        cdk.CfnOutput(self, "EndpointName", value=endpoint.endpoint_name)
        cdk.CfnOutput(self, "EndpointUrl", value=f"https://{host}/endpoints/{names.endpoint}/invocations")
        cdk.CfnOutput(self, "PredictorPolicyArn", value=predictor.arn)
        cdk.CfnOutput(self, "TransformStateMachineArn", value=transform.arn)
        cdk.CfnOutput(self, "TransformerPolicyArn", value=transformer.arn)

    def _role(self) -> ServiceRole:
        environment, names = self._environment, self._names
        return ServiceRole(
            self,
            "HostingRole",
            service="sagemaker.amazonaws.com",
            source_arn=names.arn("sagemaker", "*"),
            account=environment.account,
            description=f"The endpoint {names.endpoint}",
            policy_name=f"{names.prefix}-hosting",
            statements=hosting_statements(names),
            permissions_boundary=environment.roles.permissions_boundary,
            existing_role_arn=environment.roles.hosting,
        )


def _image(release: Release) -> str:
    """The image of the version that the model was trained with, whatever the project file says by now."""
    known = image_uri(release.region, release.algorithm.version)
    if release.algorithm.image_uri != known:
        raise InputError(
            Problem(
                f"The release of {release.environment} names the image {release.algorithm.image_uri}; version "
                f"{release.algorithm.version} is {known} in {release.region}.",
                fix=f"Make the release anew: kickstand adopt {release.training_job.name} {release.environment}",
            )
        )
    return known
