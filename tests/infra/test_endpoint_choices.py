"""Every choice of how an endpoint is updated, watched and captured: cfn-lint, cdk-nag and Guard find nothing in it.

Three projects of three environments, each project one app, whose policy checks are on; together they write every
setting of `[hosting.update]`, `[hosting.alarms]`, `[hosting.scaling]`, `[hosting.capture]` and `[alerts]`, and leave
each out.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple, get_args

import aws_cdk as cdk
import pytest
from samples import DIGEST, release
from synthesis import KEY, ROOT

import app as kickstand_app
from kickstand.config.load import load_project
from kickstand.config.model import Environment
from kickstand.config.operation import Alarms, Alerts, Capture, Scaling, Strategy, Update
from kickstand.config.operation_rules import LIFETIME_SETTINGS
from kickstand.config.values import Settings
from kickstand.release.file import release_path, write_release
from kickstand.release.model import GateResult, Promotion, Release
from review.policy.assembly import CheckedStack, lint_findings, reported_findings
from review.reports import Finding

ACCOUNTS = {"dev": "111122223333", "staging": "444455556666", "prod": "777788889999"}
PROJECT = """\
[project]
name = "bikes"
[data]
train = "train.csv"
[hyperparameters]
objective = "reg:squarederror"
num_round = 5
"""


class Choice(NamedTuple):
    """What an environment writes. released: whether it has a release; gated: one with a measured latency."""

    environment: str
    hosting: str = ""
    update: str = ""
    alarms: str = ""
    alerts: str = ""
    capture: str = ""
    scaling: str = ""
    ends: str = ""
    released: bool = True
    gated: bool = False

    @property
    def toml(self) -> str:
        tables = {"hosting": self.hosting, "hosting.update": self.update, "hosting.alarms": self.alarms}
        tables |= {"hosting.scaling": self.scaling, "alerts": self.alerts, "hosting.capture": self.capture}
        name, account = self.environment, ACCOUNTS[self.environment]
        lines = [f'[environments.{name}]\naccount = "{account}"\nregion = "us-east-1"\n{self.ends}']
        lines += [f"[environments.{name}.{table}]\n{text}" for table, text in tables.items() if text]
        return "\n".join(lines) + "\n"


TWO, FOUR, TWENTY = (f"instance_count = {count}\n" for count in (2, 4, 20))
TEAM = 'emails = ["team@example.com"]'
CHOICES: Mapping[str, Mapping[str, Choice]] = {
    "what is left out": {
        "one instance, no alerts": Choice("dev"),
        "no release": Choice(
            *("staging",),
            alerts='topic_arn = "arn:aws:sns:us-east-1:444455556666:on-call"',
            ends='expires_after = "30d"\nawake = "Sat,Sun 00:00-24:00 UTC"\nidle_after = "7d"',
            released=False,
        ),
        "two instances of prod": Choice("prod", hosting=TWO, alerts=TEAM, gated=True),
    },
    "the shortest": {
        "two at once": Choice(
            *("dev", TWO + "startup_seconds = 60", 'strategy = "all-at-once"\nbake_seconds = 60'),
            alerts=TEAM,
            capture="enabled = true\npercent = 1\nrequest = false\ndays = 1",
            scaling="minimum = 1\nmaximum = 3\ninvocations_per_minute = 1",
            ends='idle_after = "1h"',
        ),
        "batches of one instance": Choice(
            *("staging", FOUR),
            update='strategy = "rolling"\nstep_instances = 1\nwait_seconds = 0\nmax_seconds = 600\n'
            "monitoring_minutes = 180",
            alarms="max_5xx_rate = 0.0001\nmax_model_error_rate = 0.0001\nmax_p99_ms = 1\nmax_4xx_rate = 0.0001\n"
            "max_overhead_ms = 1\nmax_cpu_percent = 1\nmax_memory_percent = 1\nmax_disk_percent = 1\n"
            "periods = 1\nperiods_over = 1",
            capture="response = false",
        ),
        "a canary of one instance": Choice(
            *("prod", TWENTY, 'strategy = "canary"\nstep_instances = 1\nwait_seconds = 0\nbake_seconds = 0'),
            scaling="maximum = 21\nconcurrent_requests = 1\nscale_out_cooldown_seconds = 0\n"
            "scale_in_cooldown_seconds = 0\nscale_in = false",
            alerts='topic_arn = "arn:aws:sns:us-east-1:777788889999:on-call"',
            capture="enabled = false",
        ),
    },
    "the longest": {
        "linear steps of instances": Choice(
            *("dev", FOUR + "startup_seconds = 3600", 'strategy = "linear"\nstep_instances = 2\nbake_seconds = 3600'),
            capture=f'prefix = "capture/live"\nkms_key_arn = "{KEY}"\ndays = 3650',
            ends='awake = "Mon-Fri 08:00-19:00 Europe/Berlin"\nidle_after = "7d"',
        ),
        "linear steps of half": Choice(
            *("staging", TWO, 'strategy = "linear"\nstep_percent = 50\nwait_seconds = 3600\nmax_seconds = 28800'),
            scaling='maximum = 1000\nschedule = ["at(2030-01-01T00:00:00): 2 to 1000", "rate(7 days): 2 to 2"]',
            alarms="max_5xx_rate = 0.99\nmax_model_error_rate = 0.99\nmax_p99_ms = 60000\nmax_4xx_rate = 0.99\n"
            "max_overhead_ms = 60000\nmax_cpu_percent = 100\nmax_memory_percent = 100\nmax_disk_percent = 100\n"
            "period_seconds = 3600\nperiods = 24\nperiods_over = 24",
        ),
        "batches of a twentieth": Choice(
            *("prod", TWENTY, 'strategy = "rolling"\nstep_percent = 5'),
            scaling="minimum = 20\nmaximum = 1000\ninvocations_per_minute = 600000\n"
            "scale_out_cooldown_seconds = 3600\nscale_in_cooldown_seconds = 3600\n"
            'schedule = ["cron(0 7 ? * MON-FRI *): 40 to 1000"]\ntimezone = "America/Argentina/Buenos_Aires"',
            alerts=f"emails = {json.dumps([f'team{n}@example.com' for n in range(10)])}",
        ),
    },
}
CHOICE = {name: one for group in CHOICES.values() for name, one in group.items()}


class Checked(NamedTuple):
    """A choice as the program reads it, its stacks, and the report of the app that made them."""

    settings: Environment
    stacks: tuple[CheckedStack, ...]
    report: Mapping[str, Any]

    @property
    def template(self) -> dict[str, Any]:
        """The hosting stack's."""
        (text,) = [stack.template for stack in self.stacks if stack.path.endswith("/hosting")]
        parsed: dict[str, Any] = json.loads(text)
        return parsed

    def findings(self) -> list[tuple[str, str]]:
        """Rule and resource of what cdk-nag, Guard and the CDK's own check found in the stacks."""
        names = {stack.path: stack.name for stack in self.stacks}
        return [(one.rule, one.resource) for one in reported_findings(self.report, names) if one.stack]


def _released(settings: Environment, gated: bool) -> Release:
    """A release of the environment, as a promotion writes it. gated: with what the latency gate measured."""
    text = release(environment=settings.name).model_dump_json()
    own = text.replace("bikes-dev", f"bikes-{settings.name}").replace(ACCOUNTS["dev"], settings.account)
    made = Release.model_validate_json(own)
    if not gated:
        return made
    latency = GateResult(name="latency", passed=True, figure="p99 50 ms", limit="<= 500 ms")
    promotion = Promotion(
        environment="staging",
        release_sha256="ab" * 32,
        gates=(latency,),
        overrides=(),
        by="",
        at="2026-11-23T10:11:12Z",
    )
    return made.model_copy(update={"promoted_from": promotion})


def _checked(folder: Path, choices: Mapping[str, Choice]) -> dict[str, Checked]:
    """What an app of these choices comes to, each an environment of one project."""
    (folder / "train.csv").write_text("1,2\n")
    file = folder / "kickstand.toml"
    file.write_text(PROJECT + "".join(one.toml for one in choices.values()))
    project = load_project(file)
    settings = {str(name): one for name, one in project.environments.items()}
    (folder / "releases").mkdir()
    for one in choices.values():
        if one.released:
            path = release_path(folder / "releases", one.environment)
            write_release(path, _released(settings[one.environment], one.gated))
    context = json.loads((ROOT / "cdk.json").read_text())["context"]
    # A finding would end the synthesis before its report can be read here.
    context |= {"config": str(file), "policy": "on", "@aws-cdk/core:failSynthOnValidationErrors": False}
    made = cdk.App(analytics_reporting=False, stack_traces=False, outdir=str(folder / "cdk.out"), context=context)
    kickstand_app.build(made)
    assembly = made.synth()
    report = json.loads((folder / "cdk.out" / "validation-report.json").read_text())
    stacks = [
        CheckedStack(stack.display_name.partition(" ")[0], stack.stack_name, json.dumps(stack.template))
        for nested in assembly.nested_assemblies
        for stack in nested.nested_assembly.stacks
    ]
    return {
        name: Checked(
            settings[one.environment],
            tuple(stack for stack in stacks if stack.name.startswith(f"bikes-{one.environment}-")),
            report,
        )
        for name, one in choices.items()
    }


@pytest.fixture(scope="module")
def checked(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Checked]:
    return {
        name: one
        for group in CHOICES.values()
        for name, one in _checked(tmp_path_factory.mktemp("choices"), group).items()
    }


@pytest.fixture(scope="module")
def linted(checked: Mapping[str, Checked]) -> tuple[Finding, ...]:
    """What cfn-lint finds, each under the name of its choice.

    The first project's training stacks have all that there is of alerts. Of the others' settings one changes a training
    stack: when the endpoint stops by itself.
    """
    stacks = [
        CheckedStack(stack.path, name, stack.template)
        for name, one in checked.items()
        for stack in (one.stacks if name in CHOICES["what is left out"] or CHOICE[name].ends else one.stacks[1:])
    ]
    assert len(stacks) == 13
    return lint_findings(stacks, "us-east-1")[0]


@pytest.mark.parametrize("name", CHOICE)
def test_nothing_is_found_in_the_stacks_of_a_choice(
    checked: Mapping[str, Checked], linted: tuple[Finding, ...], name: str
) -> None:
    one, released = checked[name], CHOICE[name].released
    assert [stack.path.partition("/")[2] for stack in one.stacks] == ["training", "hosting"][: 1 + released]
    assert one.findings() == []
    assert [finding for finding in linted if finding.stack == name] == []


def test_a_choice_is_in_its_template(checked: Mapping[str, Checked]) -> None:
    """Strategy, step, the wait at the end, the largest limit of an error rate, and how many alarms notify somebody."""
    assert {name: _of(one.template) for name, one in checked.items() if CHOICE[name].released} == {
        "one instance, no alerts": ("ALL_AT_ONCE", None, 0, 0.1, 0),
        "two instances of prod": ("CANARY", ("INSTANCE_COUNT", 1), 300, 0.1, 12),
        "two at once": ("ALL_AT_ONCE", None, 60, 0.1, 12),
        "batches of one instance": ("ROLLING", ("INSTANCE_COUNT", 1), None, 0.0001, 0),
        "a canary of one instance": ("CANARY", ("INSTANCE_COUNT", 1), 0, 0.1, 12),
        "linear steps of instances": ("LINEAR", ("INSTANCE_COUNT", 2), 3600, 0.1, 0),
        "linear steps of half": ("LINEAR", ("CAPACITY_PERCENT", 50), 300, 0.99, 0),
        "batches of a twentieth": ("ROLLING", ("CAPACITY_PERCENT", 5), None, 0.1, 12),
    }


def test_what_is_captured_is_in_its_template(checked: Mapping[str, Checked]) -> None:
    """Per cent, what of a request, folder, key, and the days after which the bucket deletes it."""
    both = ["Input", "Output"]
    left_out = (100, both, "capture", None)
    assert {name: _captured(one.template) for name, one in checked.items() if CHOICE[name].released} == {
        **dict.fromkeys([name for name, one in CHOICE.items() if one.released], left_out),
        "two at once": (1, ["Output"], "capture", None),
        "batches of one instance": (100, ["Input"], "capture", None),
        "a canary of one instance": None,
        "linear steps of instances": (100, both, "capture/live", KEY),
    }
    assert {name: _days(one.stacks[0].template) for name, one in checked.items()} == {
        **dict.fromkeys(CHOICE, 90),
        "two at once": 1,
        "linear steps of instances": 3650,
    }


def _captured(template: Mapping[str, Any]) -> tuple[object, ...] | None:
    kinds = {one["Type"]: one["Properties"] for one in template["Resources"].values()}
    made = kinds["AWS::SageMaker::EndpointConfig"].get("DataCaptureConfig")
    assert (made is not None) == ("CapturedPolicyArn" in template["Outputs"])
    if made is None:
        assert "/capture/" not in json.dumps(template) and "Captured" not in json.dumps(template)
        return None
    folder, _, digest = made["DestinationS3Uri"].partition("-us-east-1/")[2].rpartition("/")
    assert (made["EnableCapture"], digest) == (True, DIGEST)
    modes = [one["CaptureMode"] for one in made["CaptureOptions"]]
    return made["InitialSamplingPercentage"], modes, folder, made.get("KmsKeyId")


def _days(template: str) -> int:
    (bucket,) = [one for one in json.loads(template)["Resources"].values() if one["Type"] == "AWS::S3::Bucket"]
    (rule,) = [one for one in bucket["Properties"]["LifecycleConfiguration"]["Rules"] if one["Id"] == "captures"]
    return int(rule["ExpirationInDays"])


def test_what_scales_is_in_its_template(checked: Mapping[str, Checked]) -> None:
    """Whether an update retains the instances, the bounds, the target, and how many times set others."""
    assert {name: _scaling_of(one.template) for name, one in checked.items() if CHOICE[name].released} == {
        "one instance, no alerts": None,
        "two instances of prod": None,
        "two at once": (True, 1, 3, ("SageMakerVariantInvocationsPerInstance", 1), 0),
        "batches of one instance": None,
        "a canary of one instance": (
            *(True, 20, 21),
            ("SageMakerVariantConcurrentRequestsPerModelHighResolution", 1),
            0,
        ),
        "linear steps of instances": None,
        "linear steps of half": (True, 2, 1000, None, 2),
        "batches of a twentieth": (True, 20, 1000, ("SageMakerVariantInvocationsPerInstance", 600000), 1),
    }


def _scaling_of(template: Mapping[str, Any]) -> tuple[object, ...] | None:
    of = {one["Type"]: one["Properties"] for one in template["Resources"].values()}
    retains = of["AWS::SageMaker::Endpoint"].get("RetainAllVariantProperties")
    target = of.get("AWS::ApplicationAutoScaling::ScalableTarget")
    if target is None:
        assert retains is None
        return None
    policy = of.get("AWS::ApplicationAutoScaling::ScalingPolicy", {}).get(
        "TargetTrackingScalingPolicyConfiguration", {}
    )
    metric = policy.get("PredefinedMetricSpecification")
    tracked = (metric["PredefinedMetricType"], policy["TargetValue"]) if metric else None
    scheduled = target.get("ScheduledActions", [])
    return retains, target["MinCapacity"], target["MaxCapacity"], tracked, len(scheduled)


@pytest.mark.contract("L07")
def test_how_an_endpoint_stops_is_in_its_template(checked: Mapping[str, Checked]) -> None:
    """Period and number of periods of the alarm of an idle endpoint; the schedules of the training stack."""
    found = {
        name: (_idle(one.stacks[-1].template), _schedules(one.stacks[0].template)) for name, one in checked.items()
    }
    assert {name: one for name, one in found.items() if one != (None, {})} == {
        "no release": (
            None,
            {
                "bikes-staging-stop-awake": ("cron(30 23 ? * SAT,SUN *)", "UTC"),
                "bikes-staging-stop-watch": ("rate(1 hour)", None),
            },
        ),
        "two at once": ((300, 6), {"bikes-dev-stop-watch": ("rate(1 hour)", None)}),
        "linear steps of instances": (
            (3600, 168),
            {
                "bikes-dev-stop-awake": ("cron(30 18 ? * MON,TUE,WED,THU,FRI *)", "Europe/Berlin"),
                "bikes-dev-stop-watch": ("rate(1 hour)", None),
            },
        ),
    }


def _idle(template: str) -> tuple[int, int] | None:
    made = [one["Properties"] for one in json.loads(template)["Resources"].values()]
    found = [one for one in made if one.get("AlarmName", "").endswith("-idle")]
    return (found[0]["Period"], found[0]["EvaluationPeriods"]) if found else None


def _schedules(template: str) -> dict[str, tuple[str, str | None]]:
    made = json.loads(template)["Resources"].values()
    schedules = [one["Properties"] for one in made if one["Type"] == "AWS::Scheduler::Schedule"]
    return {one["Name"]: (one["ScheduleExpression"], one.get("ScheduleExpressionTimezone")) for one in schedules}


def _of(template: Mapping[str, Any]) -> tuple[object, ...]:
    made = [one["Properties"] for one in template["Resources"].values() if one["Type"] == "AWS::CloudWatch::Alarm"]
    rates = [
        one["Threshold"]
        for one in made
        if one["MetricName"].startswith("Invocation") and one["MetricName"] != "Invocations"
    ]
    (endpoint,) = [one for one in template["Resources"].values() if one["Type"] == "AWS::SageMaker::Endpoint"]
    config = endpoint["Properties"]["DeploymentConfig"]
    policy = config.get("BlueGreenUpdatePolicy") or config["RollingUpdatePolicy"]
    traffic = policy.get("TrafficRoutingConfiguration", {"Type": "ROLLING"})
    size = traffic.get("CanarySize") or traffic.get("LinearStepSize") or policy.get("MaximumBatchSize")
    step = (size["Type"], size["Value"]) if size else None
    return (
        *(traffic["Type"], step, policy.get("TerminationWaitInSeconds"), max(rates)),
        sum("AlarmActions" in one for one in made),
    )


def test_the_choices_write_every_setting_and_leave_each_out(checked: Mapping[str, Checked]) -> None:
    settings = [one.settings for one in checked.values()]
    tables: list[tuple[type[Settings], list[Settings]]] = [
        (Update, [one.hosting.update for one in settings]),
        (Alarms, [one.hosting.alarms for one in settings]),
        (Capture, [one.hosting.capture for one in settings]),
        (Scaling, [one.hosting.scaling for one in settings]),
        (Alerts, [one.alerts for one in settings]),
    ]
    for model, values in tables:
        for key, field in model.model_fields.items():
            assert {getattr(one, key) == field.default for one in values} == {True, False}, f"{model.__name__}.{key}"
    for key in LIFETIME_SETTINGS:
        assert {getattr(one, key) is None for one in settings} == {True, False}, key
    assert {one.hosting.update.strategy for one in settings} == {None, *get_args(Strategy)}
    assert {one.hosting.startup_seconds for one in settings} == {60, 180, 3600}
    # What decides where nothing is written: the number of instances, the environment, a measured latency.
    assert {
        (one.hosting.instance_count > 1, one.name != "dev") for one in settings if not one.hosting.update.strategy
    } >= {
        (False, False),
        (True, True),
    }
    assert {one.gated for one in CHOICE.values()} == {one.released for one in CHOICE.values()} == {True, False}


def test_prod_of_one_instance_whose_alarms_notify_nobody_is_found(tmp_path: Path) -> None:
    (one,) = _checked(tmp_path, {"bare": Choice("prod")}).values()
    found = one.findings()
    assert {rule for rule, _ in found} == {
        "KICKSTAND-ENDPOINT-TWO-INSTANCES-IN-PROD",
        "KICKSTAND-ALARM-ACTIONS-IN-PROD",
    }
    assert [where for rule, where in found if rule == "KICKSTAND-ENDPOINT-TWO-INSTANCES-IN-PROD"] == [
        "prod/hosting/EndpointConfig/EndpointConfig"
    ]
    alarms = [where for rule, where in found if rule == "KICKSTAND-ALARM-ACTIONS-IN-PROD"]
    assert len(set(alarms)) == 13  # a training stack's alarm of failed jobs, and twelve of the hosting stack
