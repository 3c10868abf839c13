"""A model on its way from dev to staging, with AWS as the test wants it, and test rows on disk."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError
from memory_s3 import MemoryS3
from samples import BUCKET, DIGEST, environment, release
from workspaces import workspace

from kickstand.config.model import Data, Project
from kickstand.config.promotion import Gates
from kickstand.release.model import Channel, DataFile, Release
from promotion.gates.context import GateContext

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
STAGING = "444455556666"
STAGING_BUCKET = f"bikes-staging-{STAGING}-us-east-1"
DEV_MODEL = f"s3://{BUCKET}/models/{DIGEST}/model.tar.gz"
OLD_MODEL = f"s3://{STAGING_BUCKET}/models/{'12' * 32}/model.tar.gz"


@dataclass
class Account(MemoryS3):
    """The clients of one account, all in one: its endpoint, its objects, its model package, its caller.

    answers: what the endpoint gives for each row of features; 1.0 for any other.
    """

    model: str | None = DEV_MODEL
    status: str = "InService"
    age_hours: float = 48.0
    answers: Mapping[str, str] = field(default_factory=dict)
    package: dict[str, Any] = field(default_factory=dict)
    caller: str = "arn:aws:iam::111122223333:user/ana"
    endpoint_denied: bool = False
    invocations: int = 0

    def client(self, _service: str, **_: Any) -> Account:
        return self

    def describe_endpoint(self, EndpointName: str) -> dict[str, Any]:  # noqa: N803
        if self.endpoint_denied:
            words = "User: x is not authorized to perform: sagemaker:DescribeEndpoint on resource: y"
            raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": words}}, "DescribeEndpoint")
        if self.model is None:
            words = f'Could not find endpoint "{EndpointName}".'
            raise ClientError({"Error": {"Code": "ValidationException", "Message": words}}, "DescribeEndpoint")
        made = NOW - timedelta(hours=self.age_hours + 100)
        return {"EndpointStatus": self.status, "EndpointConfigName": "config-7", "CreationTime": made}

    def describe_endpoint_config(self, EndpointConfigName: str) -> dict[str, Any]:  # noqa: N803
        made = NOW - timedelta(hours=self.age_hours)
        return {"ProductionVariants": [{"ModelName": "model-7"}], "CreationTime": made}

    def describe_model(self, ModelName: str) -> dict[str, Any]:  # noqa: N803
        return {"PrimaryContainer": {"ModelDataUrl": self.model}}

    def describe_model_package(self, ModelPackageName: str) -> dict[str, Any]:  # noqa: N803
        return {"ModelPackageArn": ModelPackageName, **self.package}

    def get_caller_identity(self) -> dict[str, str]:
        return {"Arn": self.caller}

    def invoke_endpoint(self, *, Body: bytes, **_: Any) -> dict[str, Any]:  # noqa: N803
        self.invocations += 1
        lines = [self.answers.get(row, "1.0") for row in Body.decode().splitlines()]
        return {"Body": io.BytesIO(("\n".join(lines) + "\n").encode())}


def channel_of(rows: Sequence[str], name: str = "test.csv") -> Channel:
    """The test channel of one file of these lines."""
    content = "".join(f"{row}\n" for row in rows).encode()
    digest = hashlib.sha256(content).hexdigest()
    listing = hashlib.sha256(f"{digest}  {name}\n".encode()).hexdigest()
    return Channel(
        name="test",
        s3_uri=f"s3://{BUCKET}/data/{listing}/test/",
        content_type="text/csv",
        sha256=listing,
        rows=len(rows),
        columns=rows[0].count(",") + 1,
        files=(DataFile(name=name, sha256=digest, size=len(content), rows=len(rows)),),
    )


def gate_context(
    folder: Path,
    *,
    source: Account | None = None,
    target: Account | None = None,
    gates: Gates | None = None,
    rows: Sequence[str] = ("1,0.5,1", "2,1.5,1", "3,2.5,2"),
    columns: Sequence[str] = ("label", "x", "kind"),
    released: Release | None = None,
    **more: Any,
) -> GateContext:
    """dev's release on its way to staging. rows: of the test channel, the label first; they are on disk."""
    file = folder / "test.csv"
    if not file.exists():
        file.write_text("".join(f"{row}\n" for row in rows))
    data = Data(train=folder / "train.csv", test=file, columns=tuple(columns))
    dev = environment(data=data)
    staging = environment(
        name="staging", account=STAGING, promotes_from="dev", data=data, gates=gates or Gates(), lines=dev.lines
    )
    made = released or release(channels=(channel_of(rows),), target_transform="none")
    releases = folder / "releases"
    project = Project(name="bikes", file=folder / "kickstand.toml", environments={"dev": dev, "staging": staging})
    return GateContext(
        source=workspace(source or Account(), releases, of=dev, project=project),
        target=workspace(target or Account(model=OLD_MODEL), releases, of=staging, project=project),
        release=made,
        candidate=made,
        now=NOW,
        **more,
    )
