"""An endpoint of two instances in a local cloud, and two models that answer every row otherwise."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from benchmarks.cloud import ACCOUNT, BUCKET, REGION, make_role
from benchmarks.measure import working_in
from benchmarks.serving.servers import COLUMNS, packed
from kickstand.images import image_uri
from localcloud.cloud import LocalCloud
from training.traffic.connections import HttpAnswer
from training.traffic.requests import Body, outcome_of
from training.traffic.sender import Outcome

ENDPOINT, VARIANT, INSTANCES = "updates", "AllTraffic", 2
WRONG = "answer of no model"
Mark = Callable[[str], None]
"""Gets what the endpoint shows that it does, once each."""
_MODELS = ("a", "b")
_ROWS = 500
_LOOK_SECONDS = 0.1
_LONGEST_SECONDS = 300.0
"""Until something that was begun must have ended."""
ONE = {"Type": "INSTANCE_COUNT", "Value": 1}


class Oracle:
    """Rows to send, two models as SageMaker's artifacts, and what each says for each row by xgboost alone."""

    def __init__(self) -> None:
        import numpy as np
        import xgboost

        features = np.random.default_rng(5).normal(20, 8, (5_000, COLUMNS)).astype(np.float32)
        lines = [",".join(f"{cell:.3f}" for cell in row) for row in features[:_ROWS]]
        rows = xgboost.DMatrix(np.array([line.split(",") for line in lines], dtype=np.float32))
        self.bodies = [Body(f"{line}\n".encode(), 1) for line in lines]
        self.artifacts: dict[str, bytes] = {}
        self._answers: dict[bytes, dict[float, str]] = {body.content: {} for body in self.bodies}
        for name, labels in zip(_MODELS, (features.sum(axis=1), features.max(axis=1)), strict=True):
            booster = xgboost.train({"max_depth": 4, "nthread": 1}, xgboost.DMatrix(features, label=labels), 40)
            self.artifacts[name] = packed(booster)
            for body, answer in zip(self.bodies, booster.predict(rows).tolist(), strict=True):
                self._answers[body.content][answer] = name
        if any(len(models) < len(_MODELS) for models in self._answers.values()):
            raise SystemExit("error: the two models give a row the same answer: they cannot be told apart")

    def reader(self, old: str) -> Callable[[HttpAnswer, Body], Outcome]:
        """Says of an answer whether it is the `old` model's or the `new` one's, to the last bit of a float32."""
        import numpy as np

        def read(answer: HttpAnswer, body: Body) -> Outcome:
            outcome = outcome_of(answer, body)
            if outcome.error:
                return outcome
            model = self._answers[body.content].get(float(np.float32(answer.body)))
            if model is None:
                return Outcome(WRONG, outcome.variant)
            return Outcome("", outcome.variant, "old" if model == old else "new")

        return read


class Site:
    """The endpoint. serving: the model whose configuration it has. time_factor: the cloud's."""

    def __init__(self, cloud: LocalCloud, oracle: Oracle, time_factor: float) -> None:
        self.cloud, self.oracle, self.time_factor = cloud, oracle, time_factor
        self.serving, self._configs = _MODELS[0], 0
        self.sagemaker = cloud.client("sagemaker", ACCOUNT, REGION)
        self.cloudwatch = cloud.client("cloudwatch", ACCOUNT, REGION)
        s3 = cloud.client("s3", ACCOUNT, REGION)
        s3.create_bucket(Bucket=BUCKET)
        role = make_role(cloud, "s3:GetObject", "s3:ListBucket", "logs:*", "cloudwatch:DescribeAlarms")
        for name, artifact in oracle.artifacts.items():
            key = f"models/{name}/model.tar.gz"
            s3.put_object(Bucket=BUCKET, Key=key, Body=artifact)
            container = {"Image": image_uri(REGION, "3.2-0"), "ModelDataUrl": f"s3://{BUCKET}/{key}"}
            self.sagemaker.create_model(ModelName=name, ExecutionRoleArn=role, PrimaryContainer=container)
        self.sagemaker.create_endpoint(EndpointName=ENDPOINT, EndpointConfigName=self.config(self.serving))
        self._settle(lambda text: None)

    @property
    def other(self) -> str:
        """The model that does not serve."""
        return next(name for name in _MODELS if name != self.serving)

    def config(self, model: str) -> str:
        """A new configuration of a model; its name."""
        self._configs += 1
        name = f"{model}-{self._configs}"
        variant = {
            "VariantName": VARIANT,
            "ModelName": model,
            "InstanceType": "ml.m5.large",
            "InitialInstanceCount": INSTANCES,
            "RoutingConfig": {"RoutingStrategy": "LEAST_OUTSTANDING_REQUESTS"},
        }
        self.sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])
        return name

    def update(self, mark: Mark, course: Mapping[str, Any], config: str = "") -> None:
        """Update the endpoint to a configuration, by default of the other model; return once it has ended, somehow."""
        name = config or self.config(self.other)
        self.sagemaker.update_endpoint(EndpointName=ENDPOINT, EndpointConfigName=name, DeploymentConfig=course)
        self.serving = self._settle(mark)["EndpointConfigName"].partition("-")[0]

    def scale(self, mark: Mark, instances: int) -> None:
        """Bring the endpoint to so many instances."""
        wanted = [{"VariantName": VARIANT, "DesiredInstanceCount": instances}]
        self.sagemaker.update_endpoint_weights_and_capacities(EndpointName=ENDPOINT, DesiredWeightsAndCapacities=wanted)
        (variant,) = self._settle(mark)["ProductionVariants"]
        if variant["CurrentInstanceCount"] != instances or len(self.processes()) != instances:
            raise SystemExit(f"error: expected {instances} instances, found {variant['CurrentInstanceCount']}")

    def processes(self) -> list[int]:
        """The processes of the endpoint's instances: each works in its instance's own folder."""
        return [pid for pid, place in working_in(self.cloud.folder.root).items() if ENDPOINT in place.parts]

    def await_processes(self, wanted: Callable[[list[int]], bool]) -> None:
        """Wait until the processes are as wanted."""
        end = time.monotonic() + _LONGEST_SECONDS
        while not wanted(found := self.processes()):
            if time.monotonic() > end:
                raise SystemExit(f"error: the endpoint has the processes {found} and no others")
            time.sleep(_LOOK_SECONDS)

    def _settle(self, mark: Mark) -> dict[str, Any]:
        """DescribeEndpoint once nothing is in progress. Raises SystemExit where the endpoint fails."""
        end, before = time.monotonic() + _LONGEST_SECONDS, ""
        while True:
            shown: dict[str, Any] = self.sagemaker.describe_endpoint(EndpointName=ENDPOINT)
            status = shown["EndpointStatus"]
            if status == "InService":
                return shown
            if status not in ("Creating", "Updating", "RollingBack") or time.monotonic() > end:
                raise SystemExit(f"error: the endpoint is {status}. {shown.get('FailureReason', '')}")
            if (text := _step(shown)) and text != before:
                mark(text)
                before = text
            time.sleep(_LOOK_SECONDS)


def _step(shown: Mapping[str, Any]) -> str:
    """What an update does now, as DescribeEndpoint says it; empty where it says nothing."""
    pending = shown.get("PendingDeploymentSummary") or {}
    variants = [*(shown.get("ProductionVariants") or ()), *(pending.get("ProductionVariants") or ())]
    statuses = [status for variant in variants for status in variant.get("VariantStatus") or ()]
    return str(statuses[0].get("StatusMessage") or statuses[0]["Status"]) if statuses else ""
