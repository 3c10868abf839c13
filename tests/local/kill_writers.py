"""Clients that write to a local cloud until it is killed, and know what it acknowledged."""

from __future__ import annotations

import contextlib
import itertools
import json
import random
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from kill_ledger import GONE, Ledger, Place
from sagemaker_world import ACCOUNT, REGION, World, make_world, wait_for

from localcloud.cloud import LocalCloud


class Writers:
    """Threads that write what a project writes. `begin` and `end` are around a kill, `missing` is after the start."""

    def __init__(self, cloud: LocalCloud) -> None:
        self._cloud, self._ledger = cloud, Ledger()
        self._clients: dict[str, Any] = {}
        self._threads: list[threading.Thread] = []
        self._round: list[Place] = []
        self._errors: list[str] = []
        self._open = 0
        world: World = make_world(lambda service, **_: self._client(service), "kills")
        self._world, sagemaker = world, world.sagemaker
        config = world.config("c", ("AllTraffic", world.model("m", world.artifact()), 1))
        sagemaker.create_endpoint(EndpointName="ep", EndpointConfigName=config)
        assert world.wait_for_endpoint("ep")["EndpointStatus"] == "InService"
        self._client("logs").create_log_group(logGroupName="kills")
        self._prediction = self._predict()

    def begin(self, number: int) -> None:
        """Start writing."""
        self._round, self._ending = [], threading.Event()
        works = (self._objects, self._parameters, self._records, self._log, self._stack, self._job)
        for work in works:
            thread = threading.Thread(target=self._work, args=(work, number), daemon=True)
            self._threads.append(thread)
            thread.start()

    def wait_for_answers(self, count: int, *, seconds: float) -> None:
        """Wait until that many writes of this round were acknowledged, so that every kill has something to lose."""
        least = self._ledger.acknowledged + count
        deadline = time.monotonic() + seconds
        while self._ledger.acknowledged < least and time.monotonic() < deadline:
            time.sleep(0.01)

    def end(self) -> None:
        """Wait for the threads, whose server is gone."""
        self._ending.set()
        for thread in self._threads:
            thread.join(60)
        self._threads = []
        self._open += sum(bool(values) for values in self._ledger.sent.values())

    def wait_saved(self, seconds: float = 30) -> str:
        """Why something is still not saved after that time."""
        return str(wait_for(lambda: self._cloud.status().unsaved, lambda unsaved: not unsaved, seconds))

    def missing(self, *, everything: bool) -> list[str]:
        """What is not as it was acknowledged: of the last round, or of all."""
        places = [*self._ledger.sent] if everything else self._round
        value_of = {
            kind: self._listed(kind) for kind in ("object", "parameter", "role", "group", "log", "stack", "job")
        }
        faults = [self._ledger.fault((kind, name), value_of[kind](name)) for kind, name in dict.fromkeys(places)]
        errors, self._errors = self._errors, []
        answer = wait_for(self._predict, lambda found: found == self._prediction, 60)
        return [*errors, *filter(None, faults)] + (
            [] if answer == self._prediction else ["the endpoint answers otherwise"]
        )

    def figures(self) -> dict[str, int]:
        return {"acknowledged": self._ledger.acknowledged, "refused": self._ledger.refused, "open": self._open}

    def _client(self, service: str) -> Any:
        if service not in self._clients:
            import boto3

            key = self._cloud.root_key(ACCOUNT)
            self._clients[service] = boto3.session.Session().client(
                service,
                region_name=REGION,
                endpoint_url=self._cloud.url,
                verify=str(self._cloud.folder.ca),
                aws_access_key_id=key["AccessKeyId"],
                aws_secret_access_key=key["SecretAccessKey"],
                config=Config(retries={"total_max_attempts": 1}, read_timeout=30),
            )
        return self._clients[service]

    def _work(self, work: Callable[[int], None], number: int) -> None:
        try:
            with contextlib.suppress(BotoCoreError):
                work(number)
        except Exception as error:
            self._errors.append(f"{work.__name__}: {type(error).__name__}: {error}")

    def _write(self, kind: str, name: str, value: str, request: Callable[[], Any]) -> bool:
        self._round.append((kind, name))
        return self._ledger.write((kind, name), value, request) and not self._ending.is_set()

    def _objects(self, number: int) -> None:
        s3, draw, bucket = self._client("s3"), random.Random(number), self._world.bucket
        for count in itertools.count():
            key = f"hot/{count % 5}" if draw.random() < 0.4 else f"kills/{number}/{count}"
            body = f"{number} {count} " + "x" * draw.choice((10, 1000, 20_000))
            if not self._write("object", key, body, partial(s3.put_object, Bucket=bucket, Key=key, Body=body)):
                return
            if draw.random() < 0.6 and not self._write(
                "object", key, GONE, partial(s3.delete_object, Bucket=bucket, Key=key)
            ):
                return

    def _parameters(self, number: int) -> None:
        ssm = self._client("ssm")
        for count in itertools.count():
            name = f"/kills/{count % 10}"
            put = {"Name": name, "Value": f"{number}-{count}", "Type": "String", "Overwrite": True}
            if not self._write("parameter", name, f"{number}-{count}", partial(ssm.put_parameter, **put)):
                return

    def _records(self, number: int) -> None:
        iam, sagemaker = self._client("iam"), self._client("sagemaker")
        trust = '{"Version": "2012-10-17", "Statement": []}'
        for count in itertools.count():
            name = f"k-{number}-{count}"
            make_role = {"RoleName": name, "AssumeRolePolicyDocument": trust}
            if not self._write("role", name, "there", partial(iam.create_role, **make_role)):
                return
            group = {"ModelPackageGroupName": name}
            if not self._write("group", name, "there", partial(sagemaker.create_model_package_group, **group)):
                return
            time.sleep(0.1)

    def _log(self, number: int) -> None:
        logs, stream = self._client("logs"), f"s-{number}"
        if not self._write(
            "log", stream, "0", lambda: logs.create_log_stream(logGroupName="kills", logStreamName=stream)
        ):
            return
        for count in itertools.count(1):
            event = [{"timestamp": int(time.time() * 1000), "message": str(count)}]
            put = {"logGroupName": "kills", "logStreamName": stream, "logEvents": event}
            if not self._write("log", stream, str(count), partial(logs.put_log_events, **put)):
                return

    def _stack(self, number: int) -> None:
        """A stack to its end: once its completion was seen, it is complete for good."""
        stacks, name = self._client("cloudformation"), f"k-{number}"
        value = {"Type": "AWS::SSM::Parameter", "Properties": {"Type": "String", "Value": "1"}}
        template = {"Resources": {"Bucket": {"Type": "AWS::S3::Bucket"}, **{f"P{each}": value for each in range(8)}}}
        body = json.dumps(template)
        place = ("stack", name)
        if not self._write(*place, "settled", lambda: stacks.create_stack(StackName=name, TemplateBody=body)):
            return
        while not self._ending.is_set():
            if stacks.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"] == "CREATE_COMPLETE":
                self._see(place, "CREATE_COMPLETE")
                return
            time.sleep(0.05)

    def _job(self, number: int) -> None:
        """A training job to its end: once its end was seen, it has ended so for good."""
        sagemaker, name = self._client("sagemaker"), f"k-{number}"
        request = self._world.training_job(name)
        if not self._write("job", name, "ended", lambda: sagemaker.create_training_job(**request)):
            return
        while not self._ending.is_set():
            status = sagemaker.describe_training_job(TrainingJobName=name)["TrainingJobStatus"]
            if status == "Completed":
                self._see(("job", name), status)
                return
            time.sleep(0.1)

    def _see(self, place: tuple[str, str], value: str) -> None:
        """What a read showed is kept once a write after it is answered: on a full disk, where reads go on, none is."""
        ssm, name = self._client("ssm"), f"/kills/seen-{place[0]}-{place[1]}"
        self._write("parameter", name, value, lambda: ssm.put_parameter(Name=name, Value=value, Type="String"))
        if self._ledger.known.get(("parameter", name)) == value:
            self._ledger.acknowledge(place, value)

    def _predict(self) -> bytes | None:
        runtime = self._client("sagemaker-runtime")
        try:
            answer = runtime.invoke_endpoint(EndpointName="ep", ContentType="text/csv", Body=b"0.5,0.5\n")
        except ClientError:
            return None  # it is hosted again when there is room
        body: bytes = answer["Body"].read()
        return body

    def _object(self, key: str) -> str:
        s3 = self._client("s3")
        try:
            return str(s3.get_object(Bucket=self._world.bucket, Key=key)["Body"].read().decode())
        except s3.exceptions.NoSuchKey:
            return GONE

    def _pages(self, service: str, operation: str, member: str, **request: Any) -> list[dict[str, Any]]:
        pages = self._client(service).get_paginator(operation).paginate(**request)
        return [each for page in pages for each in page[member]]

    def _listed(self, kind: str) -> Callable[[str], str]:
        """The values of all places of a kind now."""
        if kind == "parameter":
            found = self._pages("ssm", "get_parameters_by_path", "Parameters", Path="/kills")
            values = {each["Name"]: each["Value"] for each in found}
            return lambda name: values.get(name, GONE)
        if kind == "role":
            names = {each["RoleName"] for each in self._pages("iam", "list_roles", "Roles")}
            return lambda name: "there" if name in names else GONE
        if kind == "group":
            request = ("sagemaker", "list_model_package_groups", "ModelPackageGroupSummaryList")
            groups = {each["ModelPackageGroupName"] for each in self._pages(*request)}
            return lambda name: "there" if name in groups else GONE
        if kind in ("log", "object"):
            return {"log": self._last_message, "object": self._object}[kind]
        if kind == "stack":
            stacks = {each["StackName"]: each for each in self._pages("cloudformation", "describe_stacks", "Stacks")}
            return lambda name: self._settled(name, stacks[name]["StackStatus"]) if name in stacks else GONE
        jobs = self._pages("sagemaker", "list_training_jobs", "TrainingJobSummaries")
        ends = {each["TrainingJobName"]: each["TrainingJobStatus"] for each in jobs}
        return lambda name: self._ended(name, ends[name]) if name in ends else GONE

    def _settled(self, name: str, status: str) -> str:
        """`settled` for a stack whose completion nobody saw, whatever end it came to."""
        if self._ledger.known.get(("stack", name)) == "CREATE_COMPLETE" or status.endswith("_IN_PROGRESS"):
            return status
        return "settled"

    def _ended(self, name: str, status: str) -> str:
        """`ended` for a job whose end nobody saw; a job that goes on after a restart is a fault."""
        if self._ledger.known.get(("job", name)) == "Completed" or status == "InProgress":
            return status
        return "ended"

    def _last_message(self, stream: str) -> str:
        logs = self._client("logs")
        known = logs.describe_log_streams(logGroupName="kills", logStreamNamePrefix=stream)["logStreams"]
        if stream not in [each["logStreamName"] for each in known]:
            return GONE
        events = self._pages("logs", "filter_log_events", "events", logGroupName="kills", logStreamNames=[stream])
        numbers = sorted(int(event["message"]) for event in events)
        if numbers != list(range(1, len(numbers) + 1)):
            return f"events {numbers[:5]} … with a gap or twice"
        return str(numbers[-1]) if numbers else "0"
