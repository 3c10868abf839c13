"""A notebook with SageMaker's ModelTrainer, as its user writes it; what it saw goes to a JSON file.

python model_trainer_notebook.py '{"name": …, "bucket": …, "role": …, "narrow": …}' FOLDER-OF-CSVS FOUND.json
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import ClientError
from sagemaker.core import image_uris
from sagemaker.core.helper.iam_role_resolver import RoleValidationError
from sagemaker.core.resources import Endpoint, EndpointConfig, Model, TrainingJob
from sagemaker.core.shapes import ContainerDefinition, ProductionVariant
from sagemaker.core.utils.utils import configure_logging
from sagemaker.train.configs import Compute, InputData, OutputDataConfig, StoppingCondition
from sagemaker.train.model_trainer import ModelTrainer

given = json.loads(sys.argv[1])
name, bucket = given["name"], given["bucket"]
image = image_uris.retrieve("xgboost", "us-east-1", version="3.2-0")
found: dict[str, Any] = {"image": image}
configure_logging("INFO")


def trainer(role: str, base: str = name, **hyperparameters: Any) -> Any:
    """base: a job's name is that with the time to the second."""
    return ModelTrainer(
        training_image=image,
        role=role,
        base_job_name=base,
        compute=Compute(instance_type="ml.m5.large", instance_count=1, volume_size_in_gb=10),
        hyperparameters={"objective": "reg:squarederror", "num_round": 5, "eta": 0.5, **hyperparameters},
        output_data_config=OutputDataConfig(s3_output_path=f"s3://{bucket}/training"),
        stopping_condition=StoppingCondition(max_runtime_in_seconds=600),
    )


def describe(job: Any) -> dict[str, Any]:
    return {
        "name": job.training_job_name,
        "status": job.training_job_status,
        "artifact": job.model_artifacts.s3_model_artifacts,
        "metrics": {metric.metric_name: metric.value for metric in job.final_metric_data_list},
        "hyperparameters": dict(job.hyper_parameters),
        "data": [one.data_source.s3_data_source.s3_uri for one in job.input_data_config],
    }


# The constructor asks IAM whether the role may do what the SDK holds to be needed.
try:
    trainer(given["narrow"])
except RoleValidationError as error:
    found["narrow"] = str(error)
try:
    trainer(f"{given['narrow']}-absent")
except RoleValidationError as error:
    found["absent"] = str(error).splitlines()[0]

# The narrow role trains as well, once the SDK does not ask; here with files of this machine, which go to where the
# role may read, and the job is waited for later.
os.environ["SAGEMAKER_VALIDATE_ROLE"] = "false"
files = [
    InputData(channel_name=of, data_source=f"{sys.argv[2]}/{of}.csv", content_type="text/csv")
    for of in ("train", "validation")
]
local = trainer(given["narrow"], f"{name}-files")
local.train(input_data_config=files, wait=False, logs=False)
del os.environ["SAGEMAKER_VALIDATE_ROLE"]

made = trainer(given["role"])
for of in ("train", "validation"):
    boto3.client("s3").upload_file(f"{sys.argv[2]}/{of}.csv", bucket, f"data/notebook/{of}/{of}.csv")
channels = [
    InputData(channel_name=of, data_source=f"s3://{bucket}/data/notebook/{of}/", content_type="text/csv")
    for of in ("train", "validation")
]
made.train(input_data_config=channels, wait=True, logs=True)
job = made._latest_training_job
found["job"] = describe(job)
found["again"] = describe(TrainingJob.get(training_job_name=job.training_job_name))

sent = local._latest_training_job
sent.wait(poll=1)
found["sent"] = describe(sent)

model = Model.create(
    model_name=name,
    execution_role_arn=given["role"],
    primary_container=ContainerDefinition(image=image, model_data_url=job.model_artifacts.s3_model_artifacts),
)
variant = ProductionVariant(
    variant_name="AllTraffic", model_name=name, instance_type="ml.m5.large", initial_instance_count=1
)
config = EndpointConfig.create(endpoint_config_name=name, production_variants=[variant])
Endpoint.create(endpoint_name=name, endpoint_config_name=name).wait_for_status("InService", poll=1)
endpoint = Endpoint.get(endpoint_name=name)
answer = endpoint.invoke(body="0.5,0.5\n0.1,0.9\n", content_type="text/csv", accept="application/json")
found["predicted"] = [one["score"] for one in json.loads(answer.body.read())["predictions"]]
endpoint.delete()
endpoint.wait_for_delete(poll=1)
config.delete()
model.delete()
try:
    Endpoint.get(endpoint_name=name)
except ClientError as error:
    found["gone"] = error.response["Error"]["Message"]

Path(sys.argv[3]).write_text(json.dumps(found))
