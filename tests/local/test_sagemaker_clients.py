"""The `aws` command and sagemaker-core drive the local cloud unchanged."""

from __future__ import annotations

import json
import subprocess
import sys
import uuid
from pathlib import Path
from typing import Any

import pytest
from sagemaker_world import ACCOUNT, IMAGE, REGION, Client, World, make_world

from localcloud.cloud import LocalCloud

PYTHON_HOME = Path(sys.executable).parent

CORE = """
import json, sys
from sagemaker.core.resources import Endpoint, EndpointConfig, Model, TrainingJob
from sagemaker.core.shapes import (
    AlgorithmSpecification, Channel, ContainerDefinition, DataSource, OutputDataConfig, ProductionVariant,
    ResourceConfig, S3DataSource, StoppingCondition,
)

given = json.loads(sys.argv[1])
name, bucket, role, image = given["name"], given["bucket"], given["role"], given["image"]
source = S3DataSource(s3_data_type="S3Prefix", s3_uri=f"s3://{bucket}/data/train/")
job = TrainingJob.create(
    training_job_name=name,
    algorithm_specification=AlgorithmSpecification(training_image=image, training_input_mode="File"),
    role_arn=role,
    hyper_parameters={"num_round": "3"},
    input_data_config=[
        Channel(channel_name="train", content_type="text/csv", data_source=DataSource(s3_data_source=source))
    ],
    output_data_config=OutputDataConfig(s3_output_path=f"s3://{bucket}/training"),
    resource_config=ResourceConfig(instance_type="ml.m5.large", instance_count=1, volume_size_in_gb=10),
    stopping_condition=StoppingCondition(max_runtime_in_seconds=600),
)
job.wait(poll=1, logs=True)
job = TrainingJob.get(training_job_name=name)
artifact = job.model_artifacts.s3_model_artifacts
Model.create(
    model_name=name,
    primary_container=ContainerDefinition(image=image, model_data_url=artifact),
    execution_role_arn=role,
)
EndpointConfig.create(
    endpoint_config_name=name,
    production_variants=[
        ProductionVariant(
            variant_name="AllTraffic", model_name=name, instance_type="ml.m5.large", initial_instance_count=1
        )
    ],
)
endpoint = Endpoint.create(endpoint_name=name, endpoint_config_name=name)
endpoint.wait_for_status("InService", poll=1)
answer = endpoint.invoke(body="0.5,0.5\\n", content_type="text/csv", accept="text/csv")
body = answer.body if isinstance(answer.body, bytes | str) else answer.body.read()
endpoint.delete()
endpoint.wait_for_delete(poll=1)
print("RESULT " + json.dumps([job.training_job_status, artifact, float(body)]))
"""


@pytest.fixture(scope="module")
def world(client: Client) -> World:
    return make_world(client, f"clients-{uuid.uuid4().hex[:8]}")


def program(cloud: LocalCloud, *arguments: str) -> str:
    environment = {"PATH": f"{PYTHON_HOME}:/usr/bin:/bin", **cloud.environment(account=ACCOUNT, region=REGION)}
    done = subprocess.run(arguments, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr + done.stdout
    return done.stdout


def aws(cloud: LocalCloud, *arguments: str) -> Any:
    text = program(cloud, "aws", *arguments, "--output", "json")
    return json.loads(text) if text.strip() else None


def test_the_aws_command(cloud: LocalCloud, world: World, tmp_path: Path) -> None:
    name = f"cli-{uuid.uuid4().hex[:8]}"
    request = world.training_job(name)
    del request["TrainingJobName"]
    (tmp_path / "job.json").write_text(json.dumps(request))
    made = aws(
        cloud,
        *("sagemaker", "create-training-job", "--training-job-name", name),
        *("--cli-input-json", f"file://{tmp_path / 'job.json'}"),
    )
    assert made == {"TrainingJobArn": f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:training-job/{name}"}
    world.wait_for_job(name)  # the command's own waiter looks once a minute
    program(cloud, "aws", "sagemaker", "wait", "training-job-completed-or-stopped", "--training-job-name", name)
    job = aws(cloud, "sagemaker", "describe-training-job", "--training-job-name", name)
    assert job["TrainingJobStatus"] == "Completed"
    listed = aws(cloud, "sagemaker", "list-training-jobs", "--name-contains", name)["TrainingJobSummaries"]
    assert [found["TrainingJobName"] for found in listed] == [name]


def test_sagemaker_core(cloud: LocalCloud, world: World) -> None:
    """TrainingJob.create, wait and get; Model, EndpointConfig, Endpoint.create, invoke and delete."""
    name = f"core-{uuid.uuid4().hex[:8]}"
    given = {"name": name, "bucket": world.bucket, "role": world.role, "image": IMAGE}
    output = program(cloud, sys.executable, "-c", CORE, json.dumps(given))
    # sagemaker-core draws its progress on the same line.
    status, artifact, predicted = json.loads(output.rpartition("RESULT ")[2])
    assert status == "Completed"
    assert artifact == f"s3://{world.bucket}/training/{name}/output/model.tar.gz"
    assert predicted == pytest.approx(2.0, abs=0.6)
