"""Every name of an environment's resources, made in one place from project, environment, account and region.

Each begins with PROJECT-ENV, so that projects share an account and a region.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from kickstand.bucket import captured_prefix
from kickstand.errors import Problem

if TYPE_CHECKING:
    from kickstand.config.model import Environment


def partition(region: str) -> str:
    """The AWS partition of a region: `aws`, `aws-cn`, `aws-us-gov`, `aws-iso`, …"""
    for prefix, name in _PARTITIONS:
        if region.startswith(prefix):
            return name
    return "aws"


_PARTITIONS = (
    ("cn-", "aws-cn"),
    ("us-gov-", "aws-us-gov"),
    ("us-iso-", "aws-iso"),
    ("us-isob-", "aws-iso-b"),
    ("us-isof-", "aws-iso-f"),
    ("eu-isoe-", "aws-iso-e"),
    ("eusc-", "aws-eusc"),
)


SCALING_ROLE = "AWSServiceRoleForApplicationAutoScaling_SageMakerEndpoint"
"""https://docs.aws.amazon.com/autoscaling/application/userguide/application-auto-scaling-service-linked-roles.html"""


@dataclass(frozen=True, slots=True)
class Names:
    """The names of one environment."""

    environment: Environment

    @property
    def prefix(self) -> str:
        return f"{self.environment.project}-{self.environment.name}"

    @property
    def training_stack(self) -> str:
        return f"{self.prefix}-training"

    @property
    def hosting_stack(self) -> str:
        return f"{self.prefix}-hosting"

    @property
    def bucket(self) -> str:
        """The artifact bucket: the organisation's own, or `PROJECT-ENV-ACCOUNT-REGION`."""
        existing = self.environment.storage.existing_bucket
        return existing or f"{self.prefix}-{self.environment.account}-{self.environment.region}"

    @property
    def bucket_arn(self) -> str:
        return f"arn:{partition(self.environment.region)}:s3:::{self.bucket}"

    def capture_uri(self, artifact_sha256: str) -> str:
        """Where the requests that a model answers are captured."""
        return f"s3://{self.bucket}/{captured_prefix(self.environment.hosting.capture.prefix, artifact_sha256)}"

    @property
    def capture_key_arn(self) -> str | None:
        """The key of captured requests; None: S3's own."""
        return self.environment.hosting.capture.kms_key_arn or self.environment.storage.kms_key_arn

    @property
    def endpoint(self) -> str:
        return self.prefix

    @property
    def model_package_group(self) -> str:
        return self.prefix

    @property
    def state_machine(self) -> str:
        return f"{self.prefix}-training"

    @property
    def state_machine_arn(self) -> str:
        return self.arn("states", f"stateMachine:{self.state_machine}")

    @property
    def state_machine_log_group(self) -> str:
        """Where executions log. AWS wants this prefix for logs that a service delivers: the log group resource
        policy, of limited size, then need not name each group."""
        return f"/aws/vendedlogs/states/{self.state_machine}"

    @property
    def transform_machine(self) -> str:
        return f"{self.prefix}-transform"

    @property
    def transform_machine_arn(self) -> str:
        return self.arn("states", f"stateMachine:{self.transform_machine}")

    @property
    def transform_machine_log_group(self) -> str:
        return f"/aws/vendedlogs/states/{self.transform_machine}"

    @property
    def stop_machine(self) -> str:
        return f"{self.prefix}-stop"

    @property
    def stop_machine_arn(self) -> str:
        return self.arn("states", f"stateMachine:{self.stop_machine}")

    @property
    def stop_machine_log_group(self) -> str:
        return f"/aws/vendedlogs/states/{self.stop_machine}"

    def stop_schedule(self, what: str) -> str:
        """The name of a schedule that starts the stop machine. what: `watch` or `awake`."""
        return f"{self.stop_machine}-{what}"

    @property
    def idle_alarm(self) -> str:
        """The alarm that is in ALARM while nothing is asked of the endpoint."""
        return self.alarm("idle")

    @property
    def endpoint_log_group(self) -> str:
        """Where SageMaker writes what the endpoint's containers print; the name is SageMaker's choice."""
        return f"/aws/sagemaker/Endpoints/{self.endpoint}"

    @property
    def schedule(self) -> str:
        return f"{self.prefix}-schedule"

    @property
    def new_data_rule(self) -> str:
        return f"{self.prefix}-new-data"

    @property
    def dead_letter_queue(self) -> str:
        """Where EventBridge puts what could not start the training trigger."""
        return f"{self.prefix}-not-started"

    @property
    def alert_topic(self) -> str:
        return f"{self.prefix}-alerts"

    @property
    def alert_topic_arn(self) -> str | None:
        """Where alarms go: the organisation's topic, or the stack's own; None: nowhere."""
        alerts = self.environment.alerts
        return alerts.topic_arn or (self.arn("sns", self.alert_topic) if alerts.emails else None)

    @property
    def dashboard(self) -> str:
        """Dashboards are of an account, in no region, so its name has the region."""
        return f"{self.prefix}-{self.environment.region}"

    @property
    def dashboard_arn(self) -> str:
        region, account = self.environment.region, self.environment.account
        return f"arn:{partition(region)}:cloudwatch::{account}:dashboard/{self.dashboard}"

    def alarm(self, what: str) -> str:
        """The name of an alarm: `cpu`, `training-failed`, …"""
        return f"{self.prefix}-{what}"

    def rollback_alarm(self, fleet: str, what: str) -> str:
        """The name of an alarm that rolls an update back. fleet: `new` or `all`."""
        return self.alarm(f"{fleet}-{what}")

    @property
    def rollback_alarms(self) -> tuple[str, ...]:
        """The names of all alarms that roll an update of the endpoint back."""
        return tuple(
            self.rollback_alarm(fleet, what)
            for fleet in ("new", "all")
            for what in ("5xx-rate", "model-errors", "p99-latency")
        )

    @property
    def variant_alarms(self) -> tuple[str, ...]:
        """Those of them that look at the whole variant, whichever configuration answers."""
        return tuple(name for name in self.rollback_alarms if name.startswith(self.alarm("all-")))

    def scaling_policy(self, what: str) -> str:
        """The name of the policy that scales the endpoint. what: `invocations` or `concurrency`."""
        return f"{self.prefix}-{what}"

    @property
    def scaling_role_arn(self) -> str:
        """The role by which Application Auto Scaling changes endpoints: the account's, made with its first target."""
        service, name = "sagemaker.application-autoscaling.amazonaws.com", SCALING_ROLE
        where = f"arn:{partition(self.environment.region)}:iam::{self.environment.account}"
        return f"{where}:role/aws-service-role/{service}/{name}"

    @property
    def account_root(self) -> str:
        return f"arn:{partition(self.environment.region)}:iam::{self.environment.account}:root"

    @property
    def pipeline_stack(self) -> str:
        return f"{self.prefix}-pipeline"

    @property
    def release_role(self) -> str:
        """The role that pulls a promoted model into this environment. Named: the source's bucket policy names it."""
        return f"{self.prefix}-release-{self.environment.region}"

    @property
    def release_role_arn(self) -> str:
        return f"arn:{partition(self.environment.region)}:iam::{self.environment.account}:role/{self.release_role}"

    def pipeline_role(self, job: str) -> str:
        """The role that the pipeline's `review`, `prepare` or `deploy` job assumes. Named: the workflows name it."""
        return f"{self.prefix}-{job}-{self.environment.region}"

    def pipeline_role_arn(self, job: str) -> str:
        region, account = self.environment.region, self.environment.account
        return f"arn:{partition(region)}:iam::{account}:role/{self.pipeline_role(job)}"

    def managed_policy(self, job: str) -> str:
        """The name of the managed policy for a job: `fitter`, `predictor`, `transformer`, `promoter`, `reviewer`, …"""
        return f"{self.prefix}-{job}-{self.environment.region}"

    def training_job(self, moment: datetime, token: str) -> str:
        """`PROJECT-ENV-YYYYMMDD-HHMMSS-TOKEN`: moment in UTC, token of four letters or digits against collisions.

        A retry of the state machine adds `-r1` to `-r9`.
        """
        return f"{self.prefix}-{moment:%Y%m%d-%H%M%S}-{token}"

    def transform_job(self, moment: datetime, token: str) -> str:
        """As `training_job`: the two kinds of job have namespaces of their own."""
        return self.training_job(moment, token)

    def arn(self, service: str, resource: str) -> str:
        environment = self.environment
        return f"arn:{partition(environment.region)}:{service}:{environment.region}:{environment.account}:{resource}"


def name_problems(environment: Environment) -> Iterator[Problem]:
    """The names of an environment that are longer than AWS takes, or that it keeps for itself."""
    names = Names(environment)
    longest = {
        "bucket": (names.bucket, 63),
        "endpoint": (names.endpoint, 63),
        "model package group": (names.model_package_group, 63),
        "state machine": (names.state_machine, 80),
        "schedule": (names.schedule, 64),
        "rule": (names.new_data_rule, 64),
        "managed policy": (names.managed_policy("transformer"), 128),
        "stack": (names.training_stack, 128),
        "training job": (names.training_job(datetime(2000, 1, 1), "xxxx") + "-r1", 63),
    }
    over = {what: len(name) - limit for what, (name, limit) in longest.items() if len(name) > limit}
    if over:
        worst = max(over, key=lambda what: over[what])
        name, limit = longest[worst]
        message = (
            f'The project\'s name is too long for {environment.name}: the {worst} would be "{name}", '
            f"{len(name)} characters; AWS takes {limit}."
        )
        fix = f"Shorten it by {over[worst]}, to {len(environment.project) - over[worst]} characters."
        yield Problem(message, environment.where("project"), fix)
    reserved = [prefix for prefix in _RESERVED_BUCKETS if names.bucket.startswith(prefix)]
    if reserved and not environment.storage.existing_bucket:
        message = (
            f'The bucket would be "{names.bucket}", and S3 keeps names that begin with "{reserved[0]}" for itself.'
        )
        yield Problem(message, environment.where("project"), "Choose another name for the project.")


# https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
_RESERVED_BUCKETS = ("xn--", "sthree-", "amzn-s3-demo-")
