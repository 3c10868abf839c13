"""A deployment of a project that CloudFormation's rollback triggers watch: what SageMaker's guardrail does not see."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from fit_world import rows
from hosted_project import TOML, HostedProject, train
from sagemaker_world import ACCOUNT, REGION, wait_for

from localcloud.cloud import LocalCloud

LONG = "[environments.dev.hosting.update]\nmonitoring_minutes = 180\n"
"""Three real minutes here, whose end nothing waits for."""
LIMIT = "[environments.dev.hosting.alarms]\nmax_4xx_rate = {}\n"


class Watched(HostedProject):
    """A project of which one alarm's limit is changed: the endpoint is not."""

    def write(self, *tables: str) -> None:
        name = f"w{self.folder.name[-8:]}".replace("_", "").lower()
        text = TOML.format(name=name, account=ACCOUNT, region=REGION)
        (self.folder / "kickstand.toml").write_text(text + "".join(tables))

    def limit(self) -> float:
        (alarm,) = self.client("cloudwatch").describe_alarms(AlarmNames=[self.names.alarm("4xx-rate")])["MetricAlarms"]
        return float(alarm["Threshold"])

    def stack(self) -> dict[str, Any]:
        found: dict[str, Any] = self.client("cloudformation").describe_stacks(StackName=self.names.hosting_stack)
        return dict(found["Stacks"][0])

    def triggers(self, minutes: int) -> dict[str, Any]:
        place = f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm"
        arns = [f"{place}:{self.names.prefix}-all-{what}" for what in ("5xx-rate", "model-errors", "p99-latency")]
        listed = [{"Arn": arn, "Type": "AWS::CloudWatch::Alarm"} for arn in arns]
        return {"RollbackTriggers": listed, "MonitoringTimeInMinutes": minutes}

    def raise_when_updated(self, alarm: str, limit: float) -> None:
        """Put an alarm into ALARM when the limit is in force and nothing is left to update."""
        wait_for(self.limit, lambda found: found == limit, 120)
        self.client("cloudwatch").set_alarm_state(AlarmName=alarm, StateValue="ALARM", StateReason="callers fail")


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    """Deployed twice by `kickstand`: training, and a model on one instance."""
    folder = tmp_path_factory.mktemp(f"w{uuid.uuid4().hex[:6]}")
    cloud = LocalCloud(folder / "state")
    cloud.start(port=0, time_factor=60)
    try:
        (folder / "train.csv").write_text(rows(200, 0))
        made = Watched(folder, cloud)
        made.write()
        made.type("deploy", "dev", "--yes").good()
        made.release(made.serving)
        made.type("deploy", "dev", "--yes").good()
        yield made
    finally:
        cloud.stop(discard=True)


def test_the_first_deployment_has_no_triggers_and_a_later_one_has(watched: Watched) -> None:
    assert watched.stack()["RollbackConfiguration"] == {}
    watched.type("deploy", "dev", "--yes").good()  # nothing changes
    assert watched.stack()["RollbackConfiguration"] == {}

    watched.write(LIMIT.format(0.2))
    done = watched.type("deploy", "dev", "--yes").good()
    alarms = ", ".join(watched.names.variant_alarms)
    assert f"{watched.names.hosting_stack}: CloudFormation watches {alarms} during the update." in done.out
    assert watched.limit() == 0.2
    assert watched.stack()["RollbackConfiguration"] == watched.triggers(0)
    listed = watched.client("cloudformation").list_change_sets(StackName=watched.names.hosting_stack)["Summaries"]
    assert [one for one in listed if one["ExecutionStatus"] == "AVAILABLE"] == []


def test_an_alarm_in_the_monitoring_time_takes_all_of_the_deployment_back(watched: Watched) -> None:
    before, config, alarm = watched.limit(), watched.config(), watched.names.rollback_alarm("all", "5xx-rate")
    watched.write(LONG, LIMIT.format(0.3))
    watched.await_quiet()
    raising = threading.Thread(target=watched.raise_when_updated, args=(alarm, 0.3))
    raising.start()
    failed = watched.type("deploy", "dev", "--yes")
    raising.join()

    assert failed.code == 1
    assert "during the update and for 180 minutes after it." in failed.out
    assert f"stack {watched.names.hosting_stack}: CloudFormation rolled all of the stack's update back: " in failed.err
    assert alarm in failed.err
    assert (watched.stack()["StackStatus"], watched.limit()) == ("UPDATE_ROLLBACK_COMPLETE", before)
    assert watched.config() == config
    assert watched.who_answers() == {"released"}


def test_a_model_that_has_all_traffic_already_is_rolled_back_too(watched: Watched) -> None:
    """Its update is over, and no alarm of SageMaker's guardrail ends it any more."""
    before, alarm = watched.config(), watched.names.rollback_alarm("all", "model-errors")
    watched.write(LONG, LIMIT.format(watched.limit()))
    watched.release(train(20))
    watched.await_quiet()  # the alarm of the test before is evaluated in its own time

    def raise_alarm() -> None:
        described = watched.client("sagemaker").describe_endpoint
        wait_for(
            lambda: described(EndpointName=watched.names.endpoint),
            lambda found: found["EndpointConfigName"] != before and found["EndpointStatus"] == "InService",
            120,
        )
        watched.client("cloudwatch").set_alarm_state(AlarmName=alarm, StateValue="ALARM", StateReason="callers fail")

    raising = threading.Thread(target=raise_alarm)
    raising.start()
    failed = watched.type("deploy", "dev", "--yes")
    raising.join()
    watched.release(watched.serving)

    assert failed.code == 1
    assert f"stack {watched.names.hosting_stack}: CloudFormation rolled all of the stack's update back: " in failed.err
    assert alarm in failed.err
    assert "SageMaker rolled the update back" not in failed.err
    assert (watched.settled(), watched.config()) == ("UPDATE_ROLLBACK_COMPLETE", before)
    assert watched.who_answers() == {"released"}


def test_an_alarm_that_the_deployment_is_to_end_is_no_trigger(watched: Watched) -> None:
    """`--despite-alarms`: without it nothing is begun."""
    alarm = watched.names.rollback_alarm("all", "p99-latency")
    watched.write(LIMIT.format(0.4))
    watched.await_quiet()
    cloudwatch = watched.client("cloudwatch")

    def described() -> dict[str, Any]:
        found: list[dict[str, Any]] = cloudwatch.describe_alarms(AlarmNames=[alarm])["MetricAlarms"]
        return found[0]

    shape = cloudwatch.meta.service_model.operation_model("PutMetricAlarm")
    assert shape.input_shape is not None
    put = {key: value for key, value in described().items() if key in shape.input_shape.members}
    # Nobody calls the endpoint: it is in ALARM as long as missing data counts so.
    cloudwatch.put_metric_alarm(**put | {"TreatMissingData": "breaching"})
    wait_for(described, lambda found: found["StateValue"] == "ALARM", 60)
    refused = watched.type("deploy", "dev", "--yes")
    done = watched.type("deploy", "dev", "--yes", "--despite-alarms")
    assert refused.code == 1
    assert f"The alarm {alarm} is in ALARM" in refused.err
    # The endpoint is verified afterwards, and that names the alarm where the deployment has not ended it by then.
    assert (done.code == 0) != (alarm in done.err), done
    assert (watched.stack()["StackStatus"], watched.limit()) == ("UPDATE_COMPLETE", 0.4)
    triggers = watched.triggers(0)["RollbackTriggers"]
    assert watched.stack()["RollbackConfiguration"]["RollbackTriggers"] == triggers[:2]
