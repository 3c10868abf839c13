"""The stack that trains: it needs no model to exist."""

from __future__ import annotations

from collections.abc import Sequence

import aws_cdk as cdk
from constructs import Construct

from infra.constructs.alarms import AlertTopic, dead_letter_alarm, failed_executions_alarm
from infra.constructs.release_role import ReleaseRole
from infra.constructs.roles import ServiceRole, caller_policies
from infra.constructs.stop import StopMachine
from infra.constructs.storage import ArtifactBucket, ModelPackageGroup
from infra.constructs.triggers import DeadLetterQueue, JobTrigger, NewDataRule, TrainingSchedule, trigger_role_and_log
from infra.policies.automation import dead_letter_statement, start_statement, trigger_statements
from infra.policies.execution import training_statements
from infra.policies.statement import Statement, bucket_grants
from infra.state_machines.training_definition import training_definition, training_job
from kickstand.config.model import Environment
from kickstand.names import Names, partition


class TrainingStack(cdk.Stack):
    """Bucket, model package group, training role, training trigger, release role and the policies of callers.

    promotes_from, promotes_to: see EnvironmentStage.

    Hyperparameters and data are not in it: they are the input of an execution, and changing them changes no stack.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        environment: Environment,
        promotes_from: Environment | None,
        promotes_to: tuple[Environment, ...],
    ) -> None:
        names = self._names = Names(environment)
        self._environment = environment
        super().__init__(
            scope,
            construct_id,
            stack_name=names.training_stack,
            description=f"Training of {environment.project}, {environment.name}",
            synthesizer=cdk.DefaultStackSynthesizer(qualifier=environment.bootstrap.qualifier),
            tags=dict(environment.tags),
            termination_protection=environment.retain,
        )
        stop = None if environment.lifetime is None else StopMachine(self, "Stop", names=names)
        if environment.alerts.emails:
            publishers = () if stop is None else (stop.role_arn,)
            AlertTopic(self, "Alerts", names=names, emails=environment.alerts.emails, publishers=publishers)
        if environment.storage.existing_bucket is None:
            ArtifactBucket(
                self,
                "ArtifactBucket",
                bucket_name=names.bucket,
                arn=names.bucket_arn,
                kms_key_arn=environment.storage.kms_key_arn,
                retain=environment.retain,
                capture_days=environment.hosting.capture.days,
                grants=[grant for target in promotes_to for grant in bucket_grants(names, Names(target))],
            )
        ModelPackageGroup(self, "ModelPackageGroup", group_name=names.model_package_group, retain=environment.retain)
        training_role = self._training_role()
        trigger = self._trigger(training_role)
        training_role.precede(trigger.resource)
        failed_executions_alarm(self, names=names, state_machine_arn=trigger.arn, what="training")
        self._starters(trigger, stop)
        if promotes_from is not None:
            release_role = ReleaseRole(
                self,
                "ReleaseRole",
                target=names,
                source=Names(promotes_from),
                permissions_boundary=environment.roles.permissions_boundary,
            )
            cdk.CfnOutput(self, "ReleaseRoleArn", value=release_role.arn)
        policies = caller_policies(self, names, takes=promotes_from is not None)
        for key, value in environment.tags.items():
            cdk.Tags.of(self).add(key, value)
        cdk.CfnOutput(self, "BucketName", value=names.bucket)
        cdk.CfnOutput(self, "ModelPackageGroupName", value=names.model_package_group)
        cdk.CfnOutput(self, "TrainingRoleArn", value=training_role.arn)
        cdk.CfnOutput(self, "StateMachineArn", value=trigger.arn)
        if stop is not None:
            cdk.CfnOutput(self, "StopStateMachineArn", value=stop.arn)
        for job, policy in policies.items():
            cdk.CfnOutput(self, f"{job.capitalize()}PolicyArn", value=policy.arn)

    def _training_role(self) -> ServiceRole:
        environment, names = self._environment, self._names
        return ServiceRole(
            self,
            "TrainingRole",
            service="sagemaker.amazonaws.com",
            source_arn=names.arn("sagemaker", "*"),
            account=environment.account,
            description=f"Training jobs of {names.prefix}",
            policy_name=f"{names.prefix}-training",
            statements=training_statements(names),
            permissions_boundary=environment.roles.permissions_boundary,
            existing_role_arn=environment.roles.training,
        )

    def _trigger(self, training_role: ServiceRole) -> JobTrigger:
        environment, names = self._environment, self._names
        role, log_group = trigger_role_and_log(
            self,
            names,
            machine_arn=names.state_machine_arn,
            log_group_name=names.state_machine_log_group,
            description=f"The training trigger of {names.prefix}",
            policy_name=f"{names.prefix}-trigger",
            statements=trigger_statements(names, training_role_arn=training_role.arn),
            prefix="Trigger",
        )
        definition = training_definition(
            partition=partition(environment.region),
            project=environment.project,
            environment=environment.name,
            bucket=names.bucket,
            job_prefix=names.prefix,
            job=training_job(names, role_arn=training_role.arn),
            tags=environment.tags,
        )
        trigger = JobTrigger(
            self,
            "TrainingTrigger",
            state_machine_name=names.state_machine,
            definition=definition,
            role_arn=role.arn,
            log_group_arn=log_group.arn,
        )
        role.precede(trigger.resource)
        return trigger

    def _starters(self, trigger: JobTrigger, stop: StopMachine | None) -> None:
        """What starts the trigger and the stop machine besides people; off unless the project file asks for them."""
        environment, names = self._environment, self._names
        if environment.training.schedule is None and not environment.training.on_new_data and stop is None:
            return
        rule_arn = names.arn("events", f"rule/{names.new_data_rule}")
        dead_letters = DeadLetterQueue(self, "DeadLetters", names=names, rule_arn=rule_arn)
        dead_letter_alarm(self, names=names)
        if stop is not None:
            stop.schedules(dead_letters_arn=dead_letters.arn)
        if environment.training.schedule is not None:
            role = self._starting_role(
                "ScheduleRole",
                service="scheduler.amazonaws.com",
                # EventBridge Scheduler acts for the group of a schedule, never for the schedule itself.
                source_arn=names.arn("scheduler", "schedule-group/default"),
                policy_name=names.schedule,
                statements=[start_statement(trigger.arn), dead_letter_statement(dead_letters.arn)],
            )
            schedule = TrainingSchedule(
                self,
                "Schedule",
                schedule_name=names.schedule,
                expression=environment.training.schedule,
                state_machine_arn=trigger.arn,
                role_arn=role.arn,
                dead_letters_arn=dead_letters.arn,
            )
            role.precede(schedule.resource)
        if environment.training.on_new_data:
            role = self._starting_role(
                "NewDataRole",
                service="events.amazonaws.com",
                source_arn=rule_arn,
                policy_name=names.new_data_rule,
                statements=[start_statement(trigger.arn)],
            )
            rule = NewDataRule(
                self,
                "NewDataRule",
                rule_name=names.new_data_rule,
                bucket_name=names.bucket,
                state_machine_arn=trigger.arn,
                role_arn=role.arn,
                dead_letters_arn=dead_letters.arn,
            )
            role.precede(rule.resource)

    def _starting_role(
        self, construct_id: str, *, service: str, source_arn: str, policy_name: str, statements: Sequence[Statement]
    ) -> ServiceRole:
        return ServiceRole(
            self,
            construct_id,
            service=service,
            source_arn=source_arn,
            account=self._environment.account,
            description=f"Starts the training trigger of {self._names.prefix}",
            policy_name=policy_name,
            statements=statements,
            permissions_boundary=self._environment.roles.permissions_boundary,
            existing_role_arn=self._environment.roles.trigger,
        )
