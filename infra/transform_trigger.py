"""The transform trigger: a state machine, its role and its log, around one transform job of the model."""

from __future__ import annotations

from typing import Any

from constructs import Construct

from infra.job_trigger import JobTrigger
from infra.log_group import LogGroup
from infra.service_role import ServiceRole
from infra.transform_definition import transform_definition
from infra.transform_role import transform_trigger_statements
from kickstand.instance_types import takes_volume_key
from kickstand.names import Names, partition


class TransformTrigger(Construct):
    """What `kickstand transform` starts.

    model_name:       the model that the endpoint serves.
    hosting_role_arn: the role that the model works in.
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, names: Names, model_name: str, hosting_role_arn: str
    ) -> None:
        super().__init__(scope, construct_id)
        environment = names.environment
        role = ServiceRole(
            self,
            "Role",
            service="states.amazonaws.com",
            source_arn=names.transform_machine_arn,
            account=environment.account,
            description=f"The transform trigger of {names.prefix}",
            policy_name=f"{names.prefix}-transform",
            statements=transform_trigger_statements(names, hosting_role_arn=hosting_role_arn),
            permissions_boundary=environment.roles.permissions_boundary,
            existing_role_arn=environment.roles.trigger,
        )
        log_group = LogGroup(
            self,
            "Log",
            log_group_name=names.transform_machine_log_group,
            retention_days=environment.logs.retention_days,
            kms_key_arn=environment.logs.kms_key_arn,
            retain=environment.name == "prod",
        )
        trigger = JobTrigger(
            self,
            "Trigger",
            state_machine_name=names.transform_machine,
            definition=transform_definition(
                partition=partition(environment.region),
                project=environment.project,
                environment=environment.name,
                job_prefix=names.prefix,
                job={"ModelName": model_name, "TransformResources": _resources(names)},
                output_uri=f"s3://{names.bucket}/transform/output",
                kms_key_arn=environment.storage.kms_key_arn,
                tags=environment.tags,
            ),
            role_arn=role.arn,
            log_group_arn=log_group.arn,
        )
        role.precede(trigger.resource)
        self.arn: str = trigger.arn


def _resources(names: Names) -> dict[str, Any]:
    """TransformResources of CreateTransformJob."""
    settings, key = names.environment.transform, names.environment.storage.kms_key_arn
    resources: dict[str, Any] = {"InstanceType": settings.instance_type, "InstanceCount": settings.instance_count}
    if key is not None and takes_volume_key(settings.instance_type):
        resources["VolumeKmsKeyId"] = key
    return resources
