"""Requests that go on while something is done to an endpoint; each answer is one that a known model gives, or none."""

from __future__ import annotations

import io
import tarfile
import threading
import time
from collections import Counter
from collections.abc import Mapping
from types import TracebackType
from typing import Any

import numpy as np
import xgboost
from botocore.exceptions import BotoCoreError, ClientError
from sagemaker_world import Client, World

ROW = b"0.25,0.75\n"
VARIANT = "AllTraffic"
_PAUSE = 0.15
"""Seconds between an answer and the next request of a thread: with four, 25 requests a second, of 6 ms of CPU each."""


def put_model(world: World, name: str, slope: float, *, features: int = 2) -> str:
    """Put an artifact whose predictions follow from `slope`; its address. ROW has two features."""
    rows = np.random.default_rng(3).normal(size=(60, features))
    booster = xgboost.train({"nthread": 1}, xgboost.DMatrix(rows, label=rows[:, 0] * slope), 3)
    content, out = bytes(booster.save_raw("ubj")), io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        member = tarfile.TarInfo("xgboost-model")
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    world.client("s3").put_object(Bucket=world.bucket, Key=f"models/{name}/model.tar.gz", Body=out.getvalue())
    return f"s3://{world.bucket}/models/{name}/model.tar.gz"


def put_config(world: World, name: str, artifact: str, instances: int, **variant: Any) -> str:
    """Make a model and a configuration of so many instances of it; the configuration's name."""
    production = {
        "VariantName": VARIANT,
        "ModelName": world.model(name, artifact),
        "InstanceType": "ml.m5.large",
        "InitialInstanceCount": instances,
        **variant,
    }
    world.sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[production])
    return name


class Traffic:
    """Invokes an endpoint from several threads until it is left; what came back is counted.

    answers: body -> name of the model that gives it, for `counts`; a body that is not there is counted as "?".
    """

    def __init__(self, client: Client, endpoint: str, answers: Mapping[bytes, str], threads: int = 4) -> None:
        self._runtime = client("sagemaker-runtime")
        self._endpoint, self._answers, self._ended = endpoint, answers, threading.Event()
        self._threads = [threading.Thread(target=self._run) for _ in range(threads)]
        self._lock = threading.Lock()
        self.counts: Counter[str] = Counter()
        self.errors: list[str] = []

    def __enter__(self) -> Traffic:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join()

    def following(self, requests: int) -> Counter[str]:
        """The answers to so many requests from now on, or a few more. AssertionError where they do not come."""
        before = self._counted()
        deadline = time.monotonic() + 60
        while (following := self._counted() - before).total() < requests:
            assert time.monotonic() < deadline, (following, self.errors)
            time.sleep(0.02)
        return following

    def _counted(self) -> Counter[str]:
        with self._lock:
            return Counter(self.counts)

    def _run(self) -> None:
        while not self._ended.wait(_PAUSE):
            try:
                body = invoke(self._runtime, self._endpoint)
            except (BotoCoreError, ClientError) as error:
                with self._lock:
                    self.errors.append(str(error))
                continue
            with self._lock:
                self.counts[self._answers.get(body, "?")] += 1


def invoke(runtime: Any, endpoint: str) -> bytes:
    """The answer to one row."""
    body: bytes = runtime.invoke_endpoint(EndpointName=endpoint, ContentType="text/csv", Body=ROW)["Body"].read()
    return body
