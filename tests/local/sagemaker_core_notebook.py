"""A notebook with SageMaker's Python SDK, as its user writes it; what it saw goes to a JSON file.

python sagemaker_core_notebook.py '{"name": …, "bucket": …, "role": …, "image": …}' FOLDER-OF-CSVS FOUND.json
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import ClientError
from sagemaker.core import image_uris
from sagemaker.core.resources import Endpoint, EndpointConfig, Model, ModelPackage, Tag, TrainingJob, TransformJob
from sagemaker.core.shapes import (
    AlgorithmSpecification,
    Channel,
    ContainerDefinition,
    DataSource,
    OutputDataConfig,
    ProductionVariant,
    ResourceConfig,
    S3DataSource,
    StoppingCondition,
    TransformDataSource,
    TransformInput,
    TransformOutput,
    TransformResources,
    TransformS3DataSource,
)
from sagemaker.core.utils.exceptions import FailedStatusError
from sagemaker.core.utils.utils import configure_logging

given = json.loads(sys.argv[1])
name, bucket = given["name"], given["bucket"]
found: dict[str, Any] = {"image": image_uris.retrieve("xgboost", "us-east-1", version="3.2-0")}
configure_logging("INFO")


def channel(of: str) -> Channel:
    """Send a file, and describe it."""
    boto3.client("s3").upload_file(f"{sys.argv[2]}/{of}.csv", bucket, f"data/notebook/{of}/{of}.csv")
    source = S3DataSource(s3_data_type="S3Prefix", s3_uri=f"s3://{bucket}/data/notebook/{of}/")
    return Channel(channel_name=of, content_type="text/csv", data_source=DataSource(s3_data_source=source))


def train(job_name: str, **hyperparameters: str) -> Any:
    return TrainingJob.create(
        training_job_name=job_name,
        role_arn=given["role"],
        algorithm_specification=AlgorithmSpecification(training_image=found["image"], training_input_mode="File"),
        hyper_parameters={"objective": "reg:squarederror", "num_round": "5", **hyperparameters},
        input_data_config=channels,
        output_data_config=OutputDataConfig(s3_output_path=f"s3://{bucket}/training"),
        resource_config=ResourceConfig(instance_type="ml.m5.large", instance_count=1, volume_size_in_gb=10),
        stopping_condition=StoppingCondition(max_runtime_in_seconds=600),
    )


def config(config_name: str, instances: int) -> Any:
    variant = ProductionVariant(
        variant_name="AllTraffic", model_name=name, instance_type="ml.m5.large", initial_instance_count=instances
    )
    return EndpointConfig.create(endpoint_config_name=config_name, production_variants=[variant])


channels = [channel("train"), channel("validation")]
job = train(name)
job.wait(poll=1, logs=True)
artifact = job.model_artifacts.s3_model_artifacts
found["job"] = {
    "name": job.training_job_name,
    "status": job.training_job_status,
    "artifact": artifact,
    "metrics": {metric.metric_name: metric.value for metric in job.final_metric_data_list},
    "listed": [one.training_job_name for one in TrainingJob.get_all(name_contains=name)],
}

try:
    train(f"{name}-failing", max_dept="3").wait(poll=1)
except FailedStatusError as error:
    found["failed"] = str(error)
endless = train(f"{name}-endless", num_round="1000000")
time.sleep(1)
endless.stop()
endless.wait(poll=1)
found["stopped"] = endless.training_job_status

model = Model.create(
    model_name=name,
    execution_role_arn=given["role"],
    primary_container=ContainerDefinition(image=found["image"], model_data_url=artifact),
)
boto3.client("s3").put_object(Bucket=bucket, Key="transform/rows.csv", Body=b"0.5,0.5\n0.1,0.9\n")
rows = TransformS3DataSource(s3_data_type="S3Prefix", s3_uri=f"s3://{bucket}/transform/rows.csv")
transform = TransformJob.create(
    transform_job_name=name,
    model_name=name,
    transform_input=TransformInput(
        data_source=TransformDataSource(s3_data_source=rows), content_type="text/csv", split_type="Line"
    ),
    transform_output=TransformOutput(
        s3_output_path=f"s3://{bucket}/transformed", accept="text/csv", assemble_with="Line"
    ),
    transform_resources=TransformResources(instance_type="ml.m5.large", instance_count=1),
)
configs = [config(f"{name}-1", 1), config(f"{name}-2", 2)]
endpoint = Endpoint.create(endpoint_name=name, endpoint_config_name=configs[0])
endpoint.wait_for_status("InService", poll=1)
answer = endpoint.invoke(body="0.5,0.5\n0.1,0.9\n", content_type="text/csv", accept="text/csv")
seen: dict[str, Any] = {
    "predicted": [float(line) for line in answer.body.read().decode().splitlines()],
    "variant": answer.invoked_production_variant,
}
try:
    endpoint.invoke(body="{}", content_type="application/json")
except ClientError as error:
    seen["refusal"] = error.response["Error"]["Message"]
transform.wait(poll=1)
transform.refresh()
body = boto3.client("s3").get_object(Bucket=bucket, Key="transformed/rows.csv.out")["Body"].read()
found["transform"] = [transform.transform_job_status, [float(line) for line in body.split()]]
endpoint.endpoint_config_name = configs[1].endpoint_config_name
endpoint.update()
endpoint.wait_for_status("InService", poll=1)
seen["updated"] = [endpoint.endpoint_config_name, endpoint.production_variants[0].current_instance_count]
Tag.add_tags(resource_arn=endpoint.endpoint_arn, tags=[{"key": "team", "value": "a"}])
seen["tags"] = {tag.key: tag.value for tag in Tag.get_all(resource_arn=endpoint.endpoint_arn)}
endpoint.delete()
endpoint.wait_for_delete(poll=1)
for one in (*configs, model):
    one.delete()
try:
    Endpoint.get(endpoint_name=name)
except ClientError as error:
    seen["gone"] = error.response["Error"]["Message"]
found["endpoint"] = seen

group = f"{name}-dev"
# Not ModelPackage.create: it looks for a name in the answer, which has none.
boto3.client("sagemaker").create_model_package(
    ModelPackageGroupName=group,
    InferenceSpecification={
        "Containers": [{"Image": found["image"], "ModelDataUrl": artifact}],
        "SupportedContentTypes": ["text/csv"],
        "SupportedResponseMIMETypes": ["text/csv"],
    },
)
packages = list(ModelPackage.get_all(model_package_group_name=group))
found["packages"] = [[one.model_package_arn, one.model_approval_status] for one in packages]
packages[0].update(model_approval_status="Approved")
packages[0].refresh()
found["approved"] = packages[0].model_approval_status

Path(sys.argv[3]).write_text(json.dumps(found))
