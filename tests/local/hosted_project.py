"""A project whose releases are hosted by `kickstand deploy` in a local cloud, and requests to its endpoint."""

from __future__ import annotations

import hashlib
import io
import json
import os
import tarfile
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

import boto3
import numpy as np
import xgboost
from fit_world import rows
from gate_world import Model
from sagemaker_world import ACCOUNT, REGION, wait_for
from samples import release
from typed_command import Typed, type_here

from benchmarks.updates.cases import Watched
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
"""
"""The tables of a project file that every one here has."""
PLAN, DENSE_PLAN = Plan(rate=12, seconds=400), Plan(rate=30, seconds=400)
"""Of which a test sends what goes out until its update is over: a request takes 6 ms of CPU in all. The dense one is
for a fault that one request in ten meets: of those that a new instance answers in a second, one or two do."""
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
class HostedProject:
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
