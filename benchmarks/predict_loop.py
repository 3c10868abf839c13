"""The peer of `kickstand predict`: one thread, the same batches, one after the other, answers to a file."""

from __future__ import annotations

import sys
from pathlib import Path

import boto3

from training.prediction.batches import batches


def main(endpoint: str, rows: Path, answers: Path) -> None:
    """Send every batch of `rows` to the endpoint and write what comes back."""
    client = boto3.client("sagemaker-runtime")
    with rows.open("rb") as source, answers.open("wb") as sink:
        for batch in batches(source, rows.name):
            answer = client.invoke_endpoint(EndpointName=endpoint, ContentType="text/csv", Body=batch.body)
            sink.write(answer["Body"].read())


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
