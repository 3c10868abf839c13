"""InvokeEndpoint through boto3 from several threads of one process: `… benchmarks.invoke_load THREADS REQUESTS`.

The client's environment says where; prints requests a second and the median latency in milliseconds as JSON.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

from benchmarks.figure import BIN, REPOSITORY, process_environment

ENDPOINT = "bench"
ROW = b"17,23.45,12.3,18.22,20.1,33.3,12.98,7.77,21.01,19.9,15.55,30.02\n"


def invoke_load(threads: int, requests: int, client: Mapping[str, str]) -> tuple[float, float]:
    """Requests a second and the median latency in milliseconds, of a process with this client environment."""
    command = [str(BIN / "python"), "-m", "benchmarks.invoke_load", str(threads), str(requests)]
    environment = process_environment(client)
    done = subprocess.run(command, cwd=REPOSITORY, env=environment, check=True, capture_output=True)
    rate, p50 = json.loads(done.stdout)
    return rate, p50


def main(threads: int, requests: int) -> tuple[float, float]:
    """Invoke from each thread in turn, after ten calls to warm up."""
    import boto3
    from botocore.config import Config

    config = Config(max_pool_connections=threads, retries={"total_max_attempts": 1})
    runtime = boto3.client("sagemaker-runtime", config=config)

    def invoke() -> float:
        began = time.perf_counter()
        runtime.invoke_endpoint(EndpointName=ENDPOINT, ContentType="text/csv", Body=ROW)["Body"].read()
        return time.perf_counter() - began

    def several(count: int) -> list[float]:
        return [invoke() for _ in range(count)]

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(several, [10] * threads))
        began = time.perf_counter()
        latencies = [took for taken in pool.map(several, [requests // threads] * threads) for took in taken]
    return len(latencies) / (time.perf_counter() - began), statistics.median(latencies) * 1e3


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(int(sys.argv[1]), int(sys.argv[2]))))
