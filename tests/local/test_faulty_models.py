"""Models that are worse than the one that serves: an alarm of the new instances alone rolls each update back.

One story in order: a project is deployed once, in a local cloud whose containers can have faults.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import tarfile
import threading
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

import boto3
import numpy as np
import pytest
import xgboost
from faulty_cloud import fault_mark, start_faulty
from fit_world import rows
from gate_world import Model
from sagemaker_world import ACCOUNT, REGION, wait_for
from samples import release
from typed_command import Typed, type_here

from benchmarks.update_cases import Watched
from kickstand.config.load import load_project
from kickstand.names import Names
from kickstand.release.file import write_release
from kickstand.release.model import Artifact, Channel, DataFile, GoldenRows
from localcloud.cloud import LocalCloud
from training.model.golden_rows import golden_digest
from training.traffic.requests import Body, Invocation
from training.traffic.runs import Traffic
from training.traffic.sender import Plan

TOML = """\
[project]
name = "{name}"
[data]
train = "train.csv"
[hyperparameters]
objective = "reg:squarederror"
num_round = 30
[environments.dev]
account = "{account}"
region = "{region}"
[environments.dev.hosting]
instance_count = 2
[environments.dev.hosting.update]
strategy = "canary"
step_instances = 1
wait_seconds = 600
bake_seconds = 60
[environments.dev.hosting.alarms]
max_p99_ms = 5000
max_model_error_rate = 0.01
periods_over = 1
"""
"""max_p99_ms: below the slow model's latency, and far above that of a good one beside other tests. The others: a model
that dies fails what is on its way alone, a request of forty in one second of five."""
PLAN = Plan(rate=80, seconds=150)
LINES = tuple(line.split(",", 1)[1] for line in rows(499, 9).splitlines())
REPOSITORY = Path(__file__).resolve().parents[2]


def train(rounds: int, mark: str = "") -> Model:
    """A model in an artifact, and its answers to two rows. mark: an attribute of it, which xgboost does not read."""
    table = np.array([line.split(",") for line in rows(200, 0).splitlines()], dtype=np.float32)
    settings = {"max_depth": 3, "nthread": 1, "verbosity": 0}
    booster = xgboost.train(settings, xgboost.DMatrix(table[:, 1:], label=table[:, 0]), rounds)
    booster.set_attr(mark=mark)
    content, out = bytes(booster.save_raw("ubj")), io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        member = tarfile.TarInfo("xgboost-model")
        member.size = len(content)
        tar.addfile(member, io.BytesIO(content))
    asked = ("0.25,0.75", "0.5,0.125")
    given = tuple(answers(booster, asked))
    return Model(out.getvalue(), GoldenRows(sha256=golden_digest(asked, given), rows=asked, predictions=given))


def answers(booster: xgboost.Booster, lines: tuple[str, ...]) -> list[float]:
    inputs = np.array([line.split(",") for line in lines], dtype=np.float32)
    found: list[float] = booster.predict(xgboost.DMatrix(inputs)).astype(float).tolist()
    return found


@dataclass
class Shop:
    """The project, its local cloud, and the model that serves."""

    folder: Path
    cloud: LocalCloud
    serving: Model = field(default_factory=lambda: train(30))

    @property
    def names(self) -> Names:
        return Names(load_project(self.folder / "kickstand.toml").environments["dev"])

    def client(self, service: str) -> Any:
        return self.cloud.client(service, ACCOUNT, REGION)

    def type(self, *words: str) -> Typed:
        variables = {**os.environ, "KICKSTAND_LOCAL_STATE": str(self.cloud.folder.root)}
        return type_here(REPOSITORY, variables, "--local", "--config", self.folder / "kickstand.toml", *words)

    def release(self, model: Model) -> None:
        """Make it what `dev` is to serve, as `fit` does."""
        bucket = self.names.bucket
        key = f"models/{model.sha256}/model.tar.gz"
        self.client("s3").put_object(Bucket=bucket, Key=key, Body=model.archive)
        size = len(model.archive)
        made = release(
            project=self.names.environment.project,
            bucket=bucket,
            target_transform="none",
            channels=(self._channel(),),
            artifact=Artifact(s3_uri=f"s3://{bucket}/{key}", sha256=model.sha256, size=size),
            golden_rows=model.golden,
        )
        write_release(self.cloud.releases_folder(self.names.environment.project) / "dev.json", made)

    def _channel(self) -> Channel:
        content = (self.folder / "train.csv").read_bytes()
        digest = hashlib.sha256(content).hexdigest()
        listing = hashlib.sha256(f"{digest}  train.csv\n".encode()).hexdigest()
        return Channel(
            name="train",
            s3_uri=f"s3://{self.names.bucket}/data/{listing}/train/",
            content_type="text/csv",
            sha256=listing,
            rows=200,
            columns=3,
            files=(DataFile(name="train.csv", sha256=digest, size=len(content), rows=200),),
        )

    def update(self, model: Model) -> str:
        """Update the hosting stack to it, as a deployment of its release would; the status that the stack ends in.

        The stack's own rollback is an update, too, which an alarm that is not over yet ends: it is continued then.
        """
        self.release(model)
        self.await_quiet()
        cloudformation, stack = self.client("cloudformation"), self.names.hosting_stack
        template = json.dumps(cloudformation.get_template(StackName=stack)["TemplateBody"])
        cloudformation.update_stack(
            StackName=stack,
            TemplateBody=template.replace(self.serving.sha256, model.sha256),
            Capabilities=["CAPABILITY_NAMED_IAM"],
        )
        if self.settled() == "UPDATE_ROLLBACK_FAILED":
            self.await_quiet()
            cloudformation.continue_update_rollback(StackName=stack)
        return self.settled()

    def await_quiet(self) -> None:
        """Wait until no alarm is in ALARM."""
        cloudwatch = self.client("cloudwatch")
        wait_for(lambda: cloudwatch.describe_alarms(StateValue="ALARM")["MetricAlarms"], lambda found: not found, 60)

    def settled(self) -> str:
        """The status of the hosting stack once nothing is in progress."""
        found: dict[str, Any] = wait_for(
            lambda: self.client("cloudformation").describe_stacks(StackName=self.names.hosting_stack)["Stacks"][0],
            lambda shown: not shown["StackStatus"].endswith("_IN_PROGRESS"),
            240,
        )
        return str(found["StackStatus"])

    def reason(self) -> str:
        """Why the newest update of the endpoint failed, as the stack's events say it; not its rollback's."""
        events = self.client("cloudformation").describe_stack_events(StackName=self.names.hosting_stack)["StackEvents"]
        reasons: list[str] = []
        for event in events:
            if event.get("ResourceStatusReason") == "User Initiated" and reasons:
                break
            if event["ResourceStatus"] == "UPDATE_FAILED" and event["ResourceType"] == "AWS::SageMaker::Endpoint":
                reasons.append(event["ResourceStatusReason"])
        return reasons[-1]

    def config(self) -> str:
        return str(self.client("sagemaker").describe_endpoint(EndpointName=self.names.endpoint)["EndpointConfigName"])

    @contextmanager
    def traffic(self, plan: Plan = PLAN) -> Iterator[Watched]:
        """Requests until the block ends, or all of the plan; whose answers they are is by the model that serves."""
        figures, ended = Watched(plan), threading.Event()
        key = self.cloud.root_key(ACCOUNT)
        session = boto3.Session(key["AccessKeyId"], key["SecretAccessKey"], region_name=REGION)
        with patch.dict(os.environ, self.cloud.environment(ACCOUNT, REGION)):
            invocation = Invocation(session, self.names.endpoint)
        sending = Traffic(invocation, self.serving_bodies(), 256)
        with ThreadPoolExecutor(1) as pool:
            done = pool.submit(sending.run, figures, stopped=ended.is_set)
            try:
                yield figures
            finally:
                ended.set()
        done.result()

    def serving_bodies(self) -> list[Body]:
        with tarfile.open(fileobj=io.BytesIO(self.serving.archive)) as archive:
            content = archive.extractfile("xgboost-model")
            assert content is not None
            booster = xgboost.Booster(model_file=bytearray(content.read()))
        return [
            Body(f"{line}\n".encode(), 1, (answer,))
            for line, answer in zip(LINES, answers(booster, LINES), strict=True)
        ]

    def who_answers(self) -> set[str]:
        """Now, by a dozen of requests: `released` is the model that serves by the test's book."""
        with self.traffic(Plan(rate=40, seconds=0.3)) as figures:
            wait_for(lambda: figures.sent, lambda sent: sent == figures.plan.count, 60)
        return set(figures.answered)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """Deployed by `kickstand`, with two instances of a good model."""
    folder = tmp_path_factory.mktemp("shop")
    cloud = LocalCloud(folder / "state")
    start_faulty(cloud, folder, 60)
    try:
        (folder / "train.csv").write_text(rows(200, 0))
        toml = TOML.format(name=f"s{uuid.uuid4().hex[:8]}", account=ACCOUNT, region=REGION)
        (folder / "kickstand.toml").write_text(toml)
        made = Shop(folder, cloud)
        made.type("deploy", "dev", "--yes").good()
        made.release(made.serving)
        made.type("deploy", "dev", "--yes").good()
        yield made
    finally:
        cloud.stop(discard=True)


def require_rolled_back(shop: Shop, figures: Watched, before: str) -> None:
    """All traffic is the old model's again, and no more requests failed than the canary's share."""
    assert (shop.settled(), shop.config()) == ("UPDATE_ROLLBACK_COMPLETE", before)
    assert shop.who_answers() == {"released"}
    first, last = (end(figures.answered["failed"], default=0.0) for end in (min, max))
    meanwhile = sum(first <= at <= last for at in figures.planned)
    assert figures.failures <= meanwhile / 2 + 1


def test_errors_of_a_new_model_end_the_deployment(shop: Shop) -> None:
    """It answers 500 to one row in ten: `kickstand deploy` ends with 1 and names the alarm of the new instances."""
    before = shop.config()
    shop.release(train(20, fault_mark("errors")))
    with shop.traffic() as figures:
        typed = shop.type("deploy", "dev", "--yes")
    assert typed.code == 1
    assert shop.names.rollback_alarm("new", "5xx-rate") in typed.err
    assert set(figures.errors) == {"ModelError 500"}
    require_rolled_back(shop, figures, before)


@pytest.mark.parametrize(("fault", "alarm"), [("slow", "p99-latency"), ("dies", "model-errors")])
def test_a_slow_or_a_dying_model_is_rolled_back(shop: Shop, fault: str, alarm: str) -> None:
    before = shop.config()
    with shop.traffic() as figures:
        status = shop.update(train(20, fault_mark(fault)))
    assert status == "UPDATE_ROLLBACK_COMPLETE"
    assert shop.names.rollback_alarm("new", alarm) in shop.reason()
    require_rolled_back(shop, figures, before)


def test_an_equal_model_passes(shop: Shop) -> None:
    """Other bytes, the same predictions."""
    model, before = train(30, f"equal {uuid.uuid4()}"), shop.config()
    with shop.traffic() as figures:
        assert shop.update(model) == "UPDATE_COMPLETE"
    shop.serving = model
    assert shop.config() != before
    assert figures.errors == {} and set(figures.answered) == {"released"}


def test_no_alarm_sees_answers_that_are_no_number_but_the_verification_does(shop: Shop) -> None:
    with shop.traffic() as figures:
        assert shop.update(train(20, fault_mark("nan"))) == "UPDATE_COMPLETE"
    assert set(figures.errors) == {"answer not finite"}
    typed = shop.type("verify", "dev")
    assert typed.code == 1
    assert re.search(r"golden row 1: Expected the prediction \(1\.[0-9]+,\), found \(nan,\)\.", typed.err)
