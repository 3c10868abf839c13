"""Templates of the environments that the tests look at, each synthesised once a test run."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

import aws_cdk as cdk
from aws_cdk.assertions import Template
from once_a_run import once_a_run
from samples import BUCKET, IMAGE, environment, release

from infra.stacks.environment_stage import EnvironmentStage
from kickstand.config.model import Algorithm, Bootstrap, Environment, Hosting, Logs, Roles, Storage, Training
from kickstand.config.operation import Alarms, Alerts, Scaling, Update
from kickstand.config.promotion import Signing
from kickstand.images import image_uri
from kickstand.names import Names
from kickstand.release.model import Release
from kickstand.xgboost_container import OWN_IMAGE, XGBOOST

ROOT = Path(__file__).parents[2]
KEY = "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
BOUNDARY = "arn:aws:iam::111122223333:policy/boundary"
ROLE = "arn:aws:iam::111122223333:role/"
STAGING = environment(name="staging", account="444455556666", promotes_from="dev")
PROD = environment(name="prod", account="777788889999", promotes_from="staging")
STAGING_KEY = "arn:aws:kms:us-east-1:444455556666:key/2234abcd-12ab-34cd-56ef-1234567890ab"
STAGING_ROLE = "arn:aws:iam::444455556666:role/people/Promoters"
SIGNING_KEY = "arn:aws:kms:us-east-1:444455556666:key/3234abcd-12ab-34cd-56ef-1234567890ab"


@dataclass(frozen=True)
class Synthesised:
    """The templates of one environment, as JSON. hosting is empty where there is no such stack."""

    training: Mapping[str, Any]
    hosting: Mapping[str, Any]
    manifest: Mapping[str, Any]

    def template(self, stack: str) -> Template:
        """`training` or `hosting`, for assertions."""
        return Template.from_json(dict(getattr(self, stack)))

    def resources(self, kind: str) -> list[dict[str, Any]]:
        """The resources of a type, of both stacks."""
        return [r for t in (self.training, self.hosting) for r in t.get("Resources", {}).values() if r["Type"] == kind]

    def all_resources(self) -> list[dict[str, Any]]:
        return [r for t in (self.training, self.hosting) for r in t.get("Resources", {}).values()]


def image_version(version: str) -> str:
    """The variant in which the environment and its release are of another version of the image."""
    return f"image {version}"


def _image_version(version: str) -> tuple[Environment, Release]:
    uri = IMAGE.replace(f":{OWN_IMAGE}", f":{version}")
    trained = release().algorithm.model_copy(update={"version": version, "image_uri": uri})
    return environment(algorithm=Algorithm(version=version)), release(algorithm=trained)


def _release_of(settings: Environment) -> Release:
    """A release that an environment of any name, account and region may serve."""
    bucket = Names(settings).bucket
    trained = release().algorithm.model_copy(update={"image_uri": image_uri(settings.region, OWN_IMAGE)})
    artifact = release().artifact
    return release(
        project=settings.project,
        environment=settings.name,
        account=settings.account,
        region=settings.region,
        bucket=bucket,
        algorithm=trained,
        artifact=artifact.model_copy(update={"s3_uri": f"s3://{bucket}/models/{artifact.sha256}/model.tar.gz"}),
    )


GOVCLOUD = environment(region="us-gov-west-1")
LONGEST_NAMES = environment(
    # A training job's name leaves this many characters (kickstand/names.py).
    project="p" * 31,
    name="staging",
    region="ap-northeast-1",
    storage=Storage(kms_key_arn=KEY),
    logs=Logs(kms_key_arn=STAGING_KEY),
    signing=Signing(kms_key_arn=SIGNING_KEY),
    roles=Roles(
        training=ROLE + "t" * 64,
        hosting=ROLE + "h" * 64,
        trigger=ROLE + "k" * 64,
        permissions_boundary=BOUNDARY,
    ),
    training=Training(schedule="rate(7 days)", on_new_data=True),
    alerts=Alerts(emails=("team@example.com",)),
    expires_after="8h",
    awake="Mon-Fri 08:00-19:00 Europe/Berlin",
    idle_after="2h",
)

VARIANTS: Mapping[str, tuple[Environment, Release | None]] = {
    "plain": (environment(), release()),
    "next release": (
        environment(),
        release(
            artifact=release().artifact.model_copy(
                update={"sha256": "cd" * 32, "s3_uri": f"s3://{BUCKET}/models/{'cd' * 32}/model.tar.gz"}
            )
        ),
    ),
    "other hyperparameters": (environment(hyperparameters={"num_round": "200"}), None),
    "unreleased": (environment(), None),
    **{image_version(version): _image_version(version) for version in XGBOOST if version != OWN_IMAGE},
    "prod": (
        environment(name="prod", hosting=Hosting(instance_count=2), alerts=Alerts(emails=("team@example.com",))),
        release(environment="prod"),
    ),
    "scaled prod": (
        environment(
            name="prod",
            hosting=Hosting(scaling=Scaling(minimum=2, maximum=6, concurrent_requests=4)),
            alerts=Alerts(emails=("team@example.com",)),
        ),
        release(environment="prod"),
    ),
    "second project": (environment(project="boats"), release(project="boats")),
    "everything": (
        environment(
            training=Training(
                instance_type="ml.m5d.xlarge",
                instance_count=2,
                volume_size_gb=30,
                max_runtime_seconds=600,
                spot=True,
                max_wait_seconds=1200,
                schedule="cron(0 6 ? * MON *)",
                on_new_data=True,
                encrypt_inter_container_traffic=True,
                subnets=("subnet-1", "subnet-2"),
                security_group_ids=("sg-1",),
            ),
            hosting=Hosting(
                dashboard=True,
                instance_type="ml.c5.large",
                instance_count=3,
                subnets=("subnet-3",),
                security_group_ids=("sg-2",),
                update=Update(strategy="linear", step_percent=34, wait_seconds=120, bake_seconds=60),
                alarms=Alarms(max_p99_ms=250, period_seconds=120, periods=5, periods_over=3),
                scaling=Scaling(
                    minimum=2,
                    maximum=8,
                    invocations_per_minute=3000,
                    scale_in_cooldown_seconds=600,
                    scale_out_cooldown_seconds=60,
                    scale_in=False,
                    schedule=("cron(0 7 ? * MON-FRI *): 4 to 8", "rate(1 day): 2 to 8"),
                    timezone="Europe/Berlin",
                ),
            ),
            alerts=Alerts(emails=("team@example.com", "night@example.com")),
            storage=Storage(kms_key_arn=KEY),
            roles=Roles(permissions_boundary=BOUNDARY),
            logs=Logs(retention_days=30, kms_key_arn=KEY),
            bootstrap=Bootstrap(qualifier="ourown"),
            tags={"team": "rides", "cost": "42"},
        ),
        release(),
    ),
    "stops": (
        environment(
            expires_after="8h",
            awake="Mon-Fri 08:00-19:00 Europe/Berlin",
            idle_after="2h",
            alerts=Alerts(emails=("team@example.com",)),
            roles=Roles(permissions_boundary=BOUNDARY),
            tags={"team": "rides"},
        ),
        release(),
    ),
    "brought along": (
        environment(
            storage=Storage(existing_bucket="our-own-bucket"),
            roles=Roles(training=f"{ROLE}train", hosting=f"{ROLE}host", trigger=f"{ROLE}trigger"),
            alerts=Alerts(topic_arn="arn:aws:sns:us-east-1:111122223333:on-call"),
            training=Training(schedule="rate(7 days)", on_new_data=True),
        ),
        release(
            bucket="our-own-bucket",
            artifact=release().artifact.model_copy(update={"s3_uri": "s3://our-own-bucket/models/x/model.tar.gz"}),
        ),
    ),
    "govcloud": (GOVCLOUD, _release_of(GOVCLOUD)),
    "source": (environment(), None),
    "staging": (STAGING, None),
    "staging with keys": (
        STAGING.model_copy(
            update={
                "storage": Storage(kms_key_arn=STAGING_KEY),
                "roles": Roles(permissions_boundary=BOUNDARY),
                "role_arn": STAGING_ROLE,
                "signing": Signing(kms_key_arn=SIGNING_KEY),
            }
        ),
        None,
    ),
    "longest names": (LONGEST_NAMES, _release_of(LONGEST_NAMES)),
}

NEIGHBOURS: Mapping[str, tuple[Environment | None, tuple[Environment, ...]]] = {
    "source": (None, (STAGING,)),
    "staging": (environment(), (PROD,)),
    "staging with keys": (environment(storage=Storage(kms_key_arn=KEY)), (PROD,)),
    "everything": (environment(name="staging"), (PROD,)),
    "longest names": (environment(project="p" * 31), ()),
}
"""Where a variant's models come from, and where they go."""


@cache
def synthesised(variant: str) -> Synthesised:
    """The templates of a variant."""
    made = once_a_run(f"variant {variant}", lambda: json.dumps(asdict(_synthesise(variant))).encode())
    return Synthesised(**json.loads(made))


def _synthesise(variant: str) -> Synthesised:
    settings, released = VARIANTS[variant]
    app = cdk.App(
        analytics_reporting=False, stack_traces=False, context=json.loads((ROOT / "cdk.json").read_text())["context"]
    )
    source, targets = NEIGHBOURS.get(variant, (None, ()))
    stage = EnvironmentStage(app, environment=settings, release=released, promotes_from=source, promotes_to=targets)
    assembly = stage.synth()
    folder = Path(assembly.directory)

    def read(name: str) -> dict[str, Any]:
        parsed: dict[str, Any] = json.loads((folder / name).read_text())
        return parsed

    hosting = read(stage.hosting.template_file) if stage.hosting is not None else {}
    return Synthesised(read(stage.training.template_file), hosting, read("manifest.json"))
