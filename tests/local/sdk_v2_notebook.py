"""A notebook with SageMaker's Python SDK v2, as its user writes it; what it saw goes to a JSON file.

python sdk_v2_notebook.py '{"name": …, "bucket": …, "role": …}' FOLDER-OF-CSVS FOUND.json
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import boto3
import jsonschema  # type: ignore[import-untyped]
import numpy
import sagemaker
from botocore.exceptions import ClientError
from sagemaker.amazon.common import RecordSerializer
from sagemaker.deserializers import BytesDeserializer, CSVDeserializer, JSONDeserializer, StringDeserializer
from sagemaker.estimator import Estimator
from sagemaker.inputs import TrainingInput
from sagemaker.serializers import (
    CSVSerializer,
    DataSerializer,
    IdentitySerializer,
    JSONSerializer,
    LibSVMSerializer,
    NumpySerializer,
    StringSerializer,
)

# Each time that the SDK reads a setting it also checks the schema of its settings file, 0.2 s of CPU: once is enough.
jsonschema.Draft202012Validator.check_schema(sagemaker.config.config.SAGEMAKER_PYTHON_SDK_CONFIG_SCHEMA)
jsonschema.Draft202012Validator.check_schema = lambda *_, **__: None

given = json.loads(sys.argv[1])
name, bucket, role, data = given["name"], given["bucket"], given["role"], Path(sys.argv[2])
retrieved = sagemaker.image_uris.retrieve("xgboost", "us-east-1", "3.0-5")
image = retrieved.replace("3.0-5", "3.2-0")
found: dict[str, Any] = {"image": retrieved}
session = sagemaker.Session()
rows = numpy.array([[0.5, 0.5], [0.1, 0.9]])


def endpoint(of: str = name, **converters: Any) -> Any:
    return sagemaker.predictor.Predictor(of, session, **converters)


def in_service(of: str) -> None:
    """Wait by the second: the SDK's own wait looks every 30 seconds (docs/clients.md shows it)."""
    boto3.client("sagemaker").get_waiter("endpoint_in_service").wait(EndpointName=of, WaiterConfig={"Delay": 1})


# fit
channels = {}
for of in ("train", "validation"):
    uri = session.upload_data(str(data / f"{of}.csv"), bucket=bucket, key_prefix=f"data/v2/{of}")
    channels[of] = TrainingInput(uri.rpartition("/")[0] + "/", content_type="text/csv")
estimator = Estimator(
    image,
    role,
    instance_count=1,
    instance_type="ml.m5.large",
    volume_size=10,
    max_run=600,
    output_path=f"s3://{bucket}/training",
    base_job_name=name,
    sagemaker_session=session,  # one for all: each that the SDK makes for itself costs a second
    hyperparameters={"objective": "reg:squarederror", "num_round": 5, "eta": 0.5},
)
estimator.fit(channels)
job = estimator.latest_training_job.name
found["job"] = {"name": job, "artifact": estimator.model_data, "status": estimator.latest_training_job.describe()}
found["job"]["status"] = found["job"]["status"]["TrainingJobStatus"]

# attach
attached = Estimator.attach(job, sagemaker_session=session)
found["attached"] = {
    "artifact": attached.model_data,
    "hyperparameters": attached.hyperparameters(),
    "settings": [attached.instance_type, attached.instance_count, attached.max_run, attached.output_kms_key],
}

# deploy
predictor = attached.deploy(1, "ml.m5.large", endpoint_name=name, serializer=CSVSerializer(), wait=False)
in_service(name)
first = predictor._get_model_names()
found["config"] = predictor._get_endpoint_config_name()

# predict, with each serializer
found["csv"] = predictor.predict(rows).decode()
found["text"] = endpoint(serializer=CSVSerializer(), deserializer=StringDeserializer()).predict("0.5,0.5\n0.1,0.9")
found["cells"] = endpoint(serializer=CSVSerializer(), deserializer=CSVDeserializer()).predict([[0.5, 0.5], [0.1, 0.9]])
body = b"0.5,0.5\n0.1,0.9\n"
found["identity"] = endpoint(
    serializer=IdentitySerializer(content_type="text/csv"), deserializer=JSONDeserializer()
).predict(body)
found["data"] = endpoint(serializer=DataSerializer(content_type="text/csv")).predict(body).decode()
found["string"] = endpoint(serializer=StringSerializer(content_type="text/csv")).predict(body.decode()).decode()
# libsvm counts from 1, and image 3.2-0 takes one off when it serves: these are the rows above.
found["libsvm"] = endpoint(serializer=LibSVMSerializer()).predict("0 1:0.5 2:0.5\n0 1:0.1 2:0.9\n").decode()
records = endpoint(serializer=RecordSerializer(), deserializer=BytesDeserializer())
found["records"] = records.predict(rows.astype("float32")).decode()
for serializer in (JSONSerializer(), NumpySerializer()):
    try:
        endpoint(serializer=serializer).predict(rows.tolist())
    except ClientError as error:
        found[type(serializer).__name__] = error.response["Error"]["Message"]

# update_endpoint, with a second model
second = sagemaker.model.Model(image, estimator.model_data, role, name=f"{name}-second", sagemaker_session=session)
second.create(instance_type="ml.m5.large")
predictor.update_endpoint(initial_instance_count=1, instance_type="ml.m5.large", model_name=second.name, wait=False)
in_service(name)
found["updated"] = {
    "config changed": predictor._get_endpoint_config_name() != found["config"],
    "models": [first != predictor._get_model_names(), endpoint()._get_model_names()],
    "csv": predictor.predict(rows).decode(),
}

# transform
(data / "rows.csv").write_bytes(body)
uploaded = session.upload_data(str(data / "rows.csv"), bucket=bucket, key_prefix="data/v2/rows")
transformer = estimator.transformer(
    1, "ml.m5.large", output_path=f"s3://{bucket}/transformed", assemble_with="Line", accept="text/csv"
)
transformer.transform(uploaded, content_type="text/csv", split_type="Line", wait=True, logs=True)
found["transformed"] = sagemaker.s3.S3Downloader.read_file(
    f"{transformer.output_path}/rows.csv.out", sagemaker_session=session
)
reattached = sagemaker.transformer.Transformer.attach(transformer.latest_transform_job.name, session)
found["transformer"] = [reattached.model_name, reattached.output_path, reattached.assemble_with]

# register
package = second.register(
    ["text/csv"],
    ["text/csv"],
    inference_instances=["ml.m5.large"],
    transform_instances=["ml.m5.large"],
    model_package_group_name=name,
    approval_status="PendingManualApproval",
)
client = boto3.client("sagemaker")
client.update_model_package(ModelPackageArn=package.model_package_arn, ModelApprovalStatus="Approved")
described = client.describe_model_package(ModelPackageName=package.model_package_arn)
found["package"] = [package.model_package_arn, described["ModelApprovalStatus"]]
registered = sagemaker.ModelPackage(role, model_package_arn=package.model_package_arn, sagemaker_session=session)
registered.deploy(1, "ml.m5.large", endpoint_name=f"{name}-registered", wait=False)
in_service(f"{name}-registered")
found["registered"] = endpoint(f"{name}-registered", serializer=CSVSerializer()).predict(rows).decode()

for made in (name, f"{name}-registered"):
    endpoint(made).delete_endpoint(delete_endpoint_config=True)
second.delete_model()
Path(sys.argv[3]).write_text(json.dumps(found))
