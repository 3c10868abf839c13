"""A killed local cloud: its endpoints are hosted again, its jobs are closed with the truth, nothing is left running."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from killed_server import alive_after, kill, programs_of
from sagemaker_world import ACCOUNT, REGION, Client, World, make_world, wait_for

from localcloud.cloud import LocalCloud


class Killed:
    """A cloud with an endpoint and a running job, killed and started again."""

    def __init__(self, state: Path, client_of: Client) -> None:
        self.cloud = LocalCloud(state)
        self.cloud.start(port=0)
        try:
            self.world: World = make_world(lambda service, **place: client_of(self.cloud, service, **place), "restart")
            config = self.world.config("c", ("AllTraffic", self.world.model("m", self.world.artifact()), 1))
            self.world.sagemaker.create_endpoint(EndpointName="ep", EndpointConfigName=config)
            assert self.world.wait_for_endpoint("ep")["EndpointStatus"] == "InService"
            # What the endpoint needs is its own: neither of these is asked for again.
            self.world.sagemaker.delete_endpoint_config(EndpointConfigName="c")
            self.world.sagemaker.delete_model(ModelName="m")
            self.before = self.predict()
            request = self.world.training_job("interrupted", HyperParameters={"num_round": "1000000"})
            self.world.sagemaker.create_training_job(**request)
            wait_for(lambda: self.job()["SecondaryStatus"], lambda status: status == "Training", 20)
            # The model server, the job's agent, and its training program, which begins just after the status.
            self.programs = wait_for(lambda: programs_of(self.cloud), lambda found: len(found) >= 3, 20)
            kill(self.cloud)
            self.cloud.start(port=0)
        except BaseException:
            self.cloud.stop()
            raise

    def job(self) -> dict[str, Any]:
        found: dict[str, Any] = self.world.sagemaker.describe_training_job(TrainingJobName="interrupted")
        return found

    def predict(self) -> bytes:
        runtime = self.world.client("sagemaker-runtime")
        answer = runtime.invoke_endpoint(EndpointName="ep", ContentType="text/csv", Body=b"0.5,0.5\n")
        body: bytes = answer["Body"].read()
        return body


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory, client_of: Client) -> Iterator[Killed]:
    again = Killed(tmp_path_factory.mktemp("killed"), client_of)
    yield again
    again.cloud.stop()


def test_the_endpoint_answers_as_before(killed: Killed) -> None:
    assert killed.predict() == killed.before
    endpoint = killed.world.wait_for_endpoint("ep")
    assert (endpoint["EndpointStatus"], endpoint["EndpointConfigName"]) == ("InService", "c")
    assert "FailureReason" not in endpoint


def test_the_interrupted_job_has_failed_and_says_why(killed: Killed) -> None:
    job = killed.job()
    assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Failed", "Failed")
    assert job["FailureReason"] == (
        "InternalServerError: The local cloud was stopped while this training job was in status Training; "
        "its processes ended with it."
    )
    with pytest.raises(ClientError, match="in status Failed"):
        killed.world.sagemaker.stop_training_job(TrainingJobName="interrupted")


def test_no_process_outlived_the_server(killed: Killed) -> None:
    assert len(killed.programs) >= 3
    assert alive_after(killed.programs, 10) == []


def test_a_stop_leaves_no_process(tmp_path: Path, client_of: Client) -> None:
    cloud = LocalCloud(tmp_path)
    cloud.start(port=0)
    try:
        world = make_world(lambda service, **place: client_of(cloud, service, **place), "stop")
        request = world.training_job("running", HyperParameters={"num_round": "1000000"})
        world.sagemaker.create_training_job(**request)
        programs = wait_for(lambda: programs_of(cloud), bool, 10)
        folder = cloud.folder.work / "sagemaker" / "jobs" / ACCOUNT / REGION / "running"
        assert folder.is_dir()
    finally:
        cloud.stop()
    assert alive_after(programs, 10) == []
