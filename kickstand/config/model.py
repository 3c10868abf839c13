"""The settings of one project, as frozen typed values.

`load.py` is the only maker of these: inside the program nothing is a raw dictionary of settings and
nothing is checked a second time.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from kickstand.config.operation import (
    Alarms,
    Alerts,
    Capture,
    InstanceRange,
    Lifetime,
    Scaling,
    TrafficShift,
    Update,
    instance_range,
    traffic_shift,
)
from kickstand.config.promotion import Gates, Pipeline, Policy, Review, Signing
from kickstand.config.values import Settings, Window, duration_seconds, parse_window

EnvironmentName = Literal["dev", "staging", "prod"]
ChannelName = Literal["train", "validation", "test"]
TargetTransform = Literal["none", "log1p"]


class Data(Settings):
    """`[data]`: where the channels' CSV files are and what their columns mean.

    Each channel is a file or a folder of files, absolute here (relative to the project file in it).
    """

    train: Path
    validation: Path | None = None
    test: Path | None = None
    content_type: str = "text/csv"
    columns: tuple[str, ...] = ()
    """Column names in file order, the label first. Empty: not named."""
    target_transform: TargetTransform = "none"
    """What was done to the label before it was written to the CSVs; undone for original units."""
    golden_rows: int = 5
    """How many test rows a release keeps with their predictions."""
    golden_rows_in_git: bool = True
    """False keeps the rows themselves in S3; the release then holds their SHA-256 and key only."""

    def channels(self) -> dict[ChannelName, Path]:
        """The channels that the project has, in SageMaker's customary order."""
        found: dict[ChannelName, Path] = {"train": self.train}
        if self.validation is not None:
            found["validation"] = self.validation
        if self.test is not None:
            found["test"] = self.test
        return found


class Algorithm(Settings):
    """`[algorithm]`: the version of the built-in XGBoost image, as SageMaker writes it (`3.2-0`)."""

    version: str = "3.2-0"


class Training(Settings):
    """`[training]`: what a training job runs on, and its limits."""

    instance_type: str = "ml.m5.xlarge"
    instance_count: int = 1
    volume_size_gb: int = 10
    max_runtime_seconds: int = 3600
    spot: bool = False
    max_wait_seconds: int | None = None
    """Longest wait for spot capacity and training together; needs `spot`, at least the maximum runtime."""
    schedule: str | None = None
    """EventBridge expression, `cron(…)` or `rate(…)`: trains again on the last uploaded data."""
    max_job_usd: float | None = None
    """The most that one training job may cost, USD: its instances for `max_runtime_seconds`. Unset: no limit."""
    on_new_data: bool = False
    """Start a training job when `kickstand upload` has published new data."""
    encrypt_inter_container_traffic: bool = False
    """Encrypt what the instances of one job send to each other."""
    subnets: tuple[str, ...] = ()
    security_group_ids: tuple[str, ...] = ()

    @property
    def most_instance_seconds(self) -> int:
        """Of one job, all its instances together: none runs longer."""
        return self.instance_count * self.max_runtime_seconds


class Hosting(Settings):
    """`[hosting]`: what the endpoint runs on."""

    instance_type: str = "ml.m5.large"
    instance_count: int = 1
    startup_seconds: int = 180
    """How long an instance's model may take to answer its first health check; after it the update fails."""
    subnets: tuple[str, ...] = ()
    security_group_ids: tuple[str, ...] = ()
    dashboard: bool | None = None
    """Whether there is a CloudWatch dashboard. Unset: everywhere but in dev."""
    update: Update = Update()
    alarms: Alarms = Alarms()
    capture: Capture = Capture()
    scaling: Scaling = Scaling()

    @property
    def instances(self) -> InstanceRange:
        """How many there are at the start, at least and at most."""
        written = "instance_count" in self.model_fields_set
        return instance_range(self.scaling, self.instance_count, written=written)

    @property
    def scaled(self) -> bool:
        """Whether Application Auto Scaling sets their number."""
        return self.scaling.maximum is not None


class Transform(Settings):
    """`[transform]`: what a batch transform runs on. Its network is the endpoint's."""

    instance_type: str = "ml.m5.large"
    instance_count: int = 1


class Storage(Settings):
    """`[storage]`: the artifact bucket. Both unset: the stack makes a bucket with S3-managed keys."""

    existing_bucket: str | None = None
    kms_key_arn: str | None = None


class Roles(Settings):
    """`[roles]`: ARNs of roles that the organisation makes itself; unset: the stacks make them."""

    training: str | None = None
    hosting: str | None = None
    trigger: str | None = None
    permissions_boundary: str | None = None
    """ARN of the managed policy put as a boundary on every role that the stacks make."""


class Logs(Settings):
    """`[logs]`: how long logs are kept, in days (a value that CloudWatch Logs knows), and their key."""

    retention_days: int = 90
    kms_key_arn: str | None = None


class Bootstrap(Settings):
    """`[bootstrap]`: the CDK bootstrap stack to use."""

    qualifier: str = "hnb659fds"


class Environment(Settings):
    """One environment with every override applied: all that a stack or a command needs to know."""

    project: str
    name: EnvironmentName
    account: str
    region: str
    profile: str | None = None
    role_arn: str | None = None
    promotes_from: EnvironmentName | None = None
    max_monthly_usd: float | None = None
    """The most that the environment's stacks may cost a month, USD. Unset: no limit."""
    expires_after: str | None = None
    """`8h`: how long after its last deployment the endpoint stops. Unset: never."""
    awake: str | None = None
    """`Mon-Fri 08:00-19:00 Europe/Berlin`: when it ends, the endpoint stops. Unset: never."""
    idle_after: str | None = None
    """`2h`: how long without an invocation the endpoint stops. Unset: never."""
    data: Data
    algorithm: Algorithm
    training: Training
    hosting: Hosting
    transform: Transform = Transform()
    hyperparameters: Mapping[str, str]
    """SageMaker's names, values as the strings that CreateTrainingJob takes."""
    storage: Storage
    roles: Roles
    logs: Logs
    bootstrap: Bootstrap
    signing: Signing = Signing()
    gates: Gates = Gates()
    review: Review = Review()
    policy: Policy = Policy()
    pipeline: Pipeline = Pipeline()
    alerts: Alerts = Alerts()
    tags: Mapping[str, str]
    policy_exceptions: Mapping[str, str] = {}
    """`[policy_exceptions]`: findings that are accepted, each rule with its reason."""
    known_faults: Mapping[str, str] = {}
    """`[known_faults]`: faults of AWS's image whose use is accepted, each with its reason."""
    lines: Mapping[str, str]
    """Where a setting stands, by dotted name: `{"hyperparameters.eta": "kickstand.toml:31"}`."""

    @property
    def retain(self) -> bool:
        """Whether data, models, logs and the registry outlive their stacks: prod keeps its evidence."""
        return self.name == "prod"

    @property
    def traffic_shift(self) -> TrafficShift:
        """How an update of the endpoint takes the traffic; dev does not wait unless it is told to."""
        instances = self.hosting.instances
        return traffic_shift(
            self.hosting.update, instances=instances.least, most=instances.most, waits=self.name != "dev"
        )

    @property
    def lifetime(self) -> Lifetime | None:
        """When the endpoint stops by itself; None: never."""
        if self.expires_after is self.awake is self.idle_after is None:
            return None
        window = parse_window(self.awake or "")
        return Lifetime(
            expires=duration_seconds(self.expires_after or ""),
            idle=duration_seconds(self.idle_after or ""),
            awake=window if isinstance(window, Window) else None,
        )

    @property
    def has_dashboard(self) -> bool:
        """Whether the endpoint has a CloudWatch dashboard; dev has none unless it is told to."""
        return self.name != "dev" if self.hosting.dashboard is None else self.hosting.dashboard

    @property
    def captures(self) -> bool:
        """Whether requests to the endpoint are stored.

        Where `enabled` is not written: not where golden rows are kept out of git, for then the data is confidential;
        nor where bucket or role are the organisation's, who expires the one and grants the other.
        """
        chosen = self.hosting.capture.enabled
        own = self.storage.existing_bucket is None and self.roles.hosting is None
        return self.data.golden_rows_in_git and own if chosen is None else chosen

    def where(self, setting: str) -> str:
        """`kickstand.toml:31` for a dotted setting name.

        For one that is not written there: its table's line, or the file alone where that is not written either.
        """
        return self.lines.get(setting) or self.lines.get(setting.rpartition(".")[0]) or self.lines.get("", "")


class Project(Settings):
    """A whole project file."""

    name: str
    file: Path
    """The project file, absolute."""
    environments: Mapping[EnvironmentName, Environment]

    @property
    def releases(self) -> Path:
        """The folder of this project's releases when nobody names another: beside the project file."""
        return self.file.parent / "releases"
