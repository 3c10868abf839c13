"""An environment in memory as AWS would describe it, which a test moves: a job trains, an endpoint is updated.

`text` stands wherever AWS lets anybody write something: reasons, messages, log lines, tags, keys.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from console_world import NOW, Clients, refused
from samples import BUCKET, DIGEST

JOB = "bikes-dev-20261130-115800-abcd"
OLD, NEW = "bikes-dev-old", "bikes-dev-new"
OTHER_DIGEST = "cd" * 32
GROUP = "arn:aws:sagemaker:us-east-1:111122223333:model-package/bikes-dev/1"


def rounds(*numbers: int) -> list[str]:
    """Lines of a log, one a boosting round."""
    return [f"[{n}]#011train-rmse:{4 / (n + 1):.5f}#011validation-rmse:{5 / (n + 1):.5f}" for n in numbers]


@dataclass
class SampleCloud:
    """The state of it. step: the update's, in SageMaker's words; empty: no update. active: new instances that serve."""

    text: str = "all is well"
    step: str = ""
    active: int = 0
    log: list[str] = field(default_factory=lambda: rounds(0, 1, 2))
    training: bool = True
    expired: bool = False
    hosted: bool = True

    def clients(self) -> Clients:
        """A session over it."""
        names = (
            "sagemaker.describe_endpoint sagemaker.describe_endpoint_config sagemaker.describe_model "
            "sagemaker.list_training_jobs sagemaker.describe_training_job sagemaker.list_transform_jobs "
            "sagemaker.describe_model_package sagemaker.get_paginator logs.describe_log_streams logs.get_log_events "
            "cloudwatch.describe_alarms cloudwatch.get_metric_data cloudformation.describe_stacks "
            "cloudformation.get_template s3.list_objects_v2"
        )
        return Clients({name: self._answer(name) for name in names.split()})

    def _answer(self, name: str) -> Any:
        _, _, operation = name.partition(".")

        def answer(**sent: Any) -> Any:
            if self.expired:
                raise refused(operation, "ExpiredTokenException", f"The security token has expired {self.text}")
            return getattr(self, f"_{operation}")(**sent)

        def paginator(name: str) -> Any:
            return self

        return paginator if operation == "get_paginator" else answer

    def paginate(self, **_: Any) -> Any:
        """ListTransformJobs's one page."""
        return [{"TransformJobSummaries": []}]

    def _describe_endpoint(self, **_: Any) -> Any:
        now = datetime.now(UTC)
        if not self.hosted:
            raise refused("DescribeEndpoint", "ValidationException", "Could not find endpoint.")
        found: dict[str, Any] = {
            "EndpointStatus": "Updating" if self.step else "InService",
            "EndpointConfigName": OLD,
            "FailureReason": self.text,
            "CreationTime": now - timedelta(days=2),
            "LastModifiedTime": now,
            "ProductionVariants": [{"VariantName": "AllTraffic", "CurrentInstanceCount": 3, "DesiredInstanceCount": 3}],
        }
        if self.step:
            status = {"Status": self.step.split()[0], "StatusMessage": self.step, "StartTime": now}
            pending = {"CurrentInstanceCount": self.active, "DesiredInstanceCount": 3, "VariantStatus": [status]}
            found["PendingDeploymentSummary"] = {
                "EndpointConfigName": NEW,
                "StartTime": now - timedelta(minutes=1),
                "ProductionVariants": [{"VariantName": "AllTraffic", **pending}],
            }
        return found

    def _describe_endpoint_config(self, **sent: Any) -> Any:
        model = sent["EndpointConfigName"]
        return {
            "ProductionVariants": [{"VariantName": "AllTraffic", "ModelName": model, "InstanceType": "ml.m5.large"}]
        }

    def _describe_model(self, **sent: Any) -> Any:
        digest = OTHER_DIGEST if sent["ModelName"] == NEW else DIGEST
        return {"PrimaryContainer": {"ModelDataUrl": f"s3://{BUCKET}/models/{digest}/model.tar.gz"}}

    def _describe_alarms(self, **sent: Any) -> Any:
        alarm = {"StateValue": "OK", "StateReason": self.text, "StateUpdatedTimestamp": datetime.now(UTC)}
        limits = {"all-5xx-rate": 0.01, "all-model-errors": 0.05, "all-p99-latency": 500_000.0}
        return {
            "MetricAlarms": [
                {"AlarmName": name, "Threshold": limits.get(name.removeprefix("bikes-dev-"), 1.0), **alarm}
                for name in sent["AlarmNames"]
            ]
        }

    def _get_metric_data(self, **sent: Any) -> Any:
        times = [sent["EndTime"] - timedelta(minutes=n) for n in (3, 2, 1)]
        scale = {"ModelLatency": 20_000.0, "OverheadLatency": 2_000.0, "Invocations": 60.0}
        return {
            "MetricDataResults": [
                {
                    "Id": one["Id"],
                    "Timestamps": times,
                    "Values": [n * scale.get(one["MetricStat"]["Metric"]["MetricName"], 0.01) for n in (1, 2, 3)],
                }
                for one in sent["MetricDataQueries"]
            ]
        }

    def _describe_stacks(self, **sent: Any) -> Any:
        stack = {"StackName": sent["StackName"], "StackStatus": "UPDATE_COMPLETE", "Tags": [], "CreationTime": NOW}
        return {"Stacks": [stack]}

    def _get_template(self, **sent: Any) -> Any:
        variant = {"InitialInstanceCount": 3, "InstanceType": "ml.m5.large"}
        config = {"Type": "AWS::SageMaker::EndpointConfig", "Properties": {"ProductionVariants": [variant]}}
        endpoint = {"Type": "AWS::SageMaker::Endpoint", "Properties": {"EndpointName": "bikes-dev"}}
        hosting = {"Config": config, "Endpoint": endpoint}
        return {"TemplateBody": {"Resources": hosting if sent["StackName"].endswith("hosting") else {}}}

    def _list_training_jobs(self, **_: Any) -> Any:
        status = "InProgress" if self.training else "Failed"
        created = datetime.now(UTC) - timedelta(minutes=1)
        job = {"TrainingJobName": JOB, "TrainingJobStatus": status, "CreationTime": created}
        return {"TrainingJobSummaries": [job], "NextToken": "older"}

    def _describe_training_job(self, **sent: Any) -> Any:
        now = datetime.now(UTC)
        return {
            "TrainingJobName": sent["TrainingJobName"],
            "TrainingJobArn": f"arn:aws:sagemaker:us-east-1:111122223333:training-job/{JOB}",
            "TrainingJobStatus": "InProgress" if self.training else "Failed",
            "SecondaryStatus": "Training" if self.training else "Failed",
            "FailureReason": "" if self.training else self.text,
            "SecondaryStatusTransitions": [{"Status": "Training", "StatusMessage": self.text, "StartTime": now}],
            "HyperParameters": {"num_round": "10", "note": self.text},
            "InputDataConfig": [],
            "ResourceConfig": {"InstanceType": "ml.m5.xlarge", "InstanceCount": 1},
            "CreationTime": now - timedelta(minutes=1),
        }

    def _list_transform_jobs(self, **_: Any) -> Any:
        return {"TransformJobSummaries": []}

    def _describe_model_package(self, **_: Any) -> Any:
        return {
            "ModelPackageArn": GROUP,
            "ModelApprovalStatus": "Approved",
            "ApprovalDescription": f"arn:aws:iam::111122223333:user/ann: {self.text}",
        }

    def _describe_log_streams(self, **_: Any) -> Any:
        return {"logStreams": [{"logStreamName": f"{JOB}/algo-1-1"}]}

    def _get_log_events(self, **sent: Any) -> Any:
        lines = [self.text, *self.log]
        events = [{"timestamp": n, "message": line} for n, line in enumerate(lines)]
        return {"events": events[int(sent.get("nextToken", 0)) :], "nextForwardToken": str(len(lines))}

    def _list_objects_v2(self, **sent: Any) -> Any:
        if not self.hosted:
            raise refused("ListObjectsV2", "NoSuchBucket", "The specified bucket does not exist")
        keys = [f"{sent['Prefix']}{DIGEST}/model.tar.gz", f"{sent['Prefix']}{OTHER_DIGEST}/{self.text}"]
        keys = [key for key in keys if key > sent.get("StartAfter", "")]
        found = [{"Key": key, "Size": 95_500, "LastModified": datetime.now(UTC)} for key in keys]
        return {"Contents": found, "IsTruncated": "StartAfter" not in sent}
