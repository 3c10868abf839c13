"""`python -m localcloud.platform.training_agent`: plays SageMaker around one training container.

Standard input: one JSON line with the order (`request`, `folder`, `kill_after`), then commands (`{"stop": STATUS}`);
its end means that the parent is gone, and ends program and agent at once. Standard output: one TrainingEvent a line.
The environment holds AWS_* with the execution role's temporary credentials.
"""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from localcloud.platform.artifact_upload import upload_artifact, upload_output
from localcloud.platform.channel_download import download_channel
from localcloud.platform.clients import s3_client
from localcloud.platform.failure import JobFailure, JobStopped, program_failure, shortened
from localcloud.platform.job_request import container_configuration, program_variables, write_layout
from localcloud.platform.lifeline import ORPHANED
from localcloud.platform.log_stream import LogStream, cloudwatch_line
from localcloud.platform.metric_definitions import MetricReader
from localcloud.platform.program import program_environment, start_program
from localcloud.platform.training_event import Outcome, TrainingEvent

LOG_GROUP = "/aws/sagemaker/TrainingJobs"


class TrainingAgent:
    """One training job, from the first byte downloaded to the last one uploaded."""

    def __init__(self, order: Mapping[str, Any], environment: Mapping[str, str]) -> None:
        self._request: Mapping[str, Any] = order["request"]
        self._base = Path(order["folder"]) / "opt" / "ml"
        self._folder = Path(order["folder"])
        self._kill_after = float(order["kill_after"])
        self._environment = environment
        self._stop_status = ""
        self._program: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()
        self._billed_from: float | None = None

    def run(self) -> None:
        """Do the whole job and report how it ended. Raises nothing."""
        self._status("Starting", "Preparing the instances for training")
        try:
            outcome, uploaded = self._steps()
            self._finish(outcome, **uploaded)
        except JobStopped:
            self._finish("Stopped")
        except JobFailure as failure:
            self._finish("Failed", failure_reason=failure.reason)
        except Exception as error:
            traceback.print_exc()
            self._finish("Failed", failure_reason=shortened(f"InternalServerError: {type(error).__name__}: {error}"))

    def stop(self, final_status: str) -> None:
        """SIGTERM to the program, SIGKILL later; before it runs, the end of the job."""
        with self._lock:
            if self._stop_status:
                return
            self._stop_status = final_status
            self._status("Stopping", "Stopping the training job")
            if self._program is not None:
                self._end(self._program)

    def abandon(self) -> None:
        """The parent is gone: end everything now."""
        program = self._program
        if program is not None:
            program.kill()
        os._exit(ORPHANED)

    def _steps(self) -> tuple[Outcome, dict[str, str]]:
        metrics = _metric_reader(self._request)
        write_layout(self._base, container_configuration(self._request))
        s3 = s3_client(self._environment)
        self._billed_from = time.monotonic()
        self._status("Downloading", "Downloading input data")
        for channel in self._request.get("InputDataConfig", []):
            download_channel(
                s3,
                channel,
                self._base / "input" / "data" / channel["ChannelName"],
                region=self._region,
                role=str(self._request.get("RoleArn", "")),
                stopped=lambda: bool(self._stop_status),
            )
        code = self._run_program(metrics)
        if code != 0 and not self._stop_status:
            failure = self._base / "output" / "failure"
            text = failure.read_text(encoding="utf-8", errors="replace") if failure.is_file() else ""
            raise JobFailure(program_failure(text, code))
        if not self._stop_status:
            self._status("Uploading", "Uploading generated training model")
        uploaded = {
            "artifact": upload_artifact(
                s3, self._request, self._base / "model", self._folder, whole=not self._stop_status
            ),
            "output": upload_output(s3, self._request, self._base / "output" / "data", self._folder),
        }
        return ("Stopped" if self._stop_status else "Completed"), uploaded

    def _run_program(self, metrics: MetricReader) -> int:
        """Run the training program to its end and return its exit code."""
        with self._lock:
            if self._stop_status:
                raise JobStopped
            self._status("Training", "Training image download completed. Training in progress.")
            variables = program_variables(self._request, self._region)
            variables["SAGEMAKER_BASE_DIR"] = str(self._base)
            program = self._program = start_program(
                "localcloud.container.train", environment=program_environment(variables), folder=self._folder
            )
        name = f"{self._request['TrainingJobName']}/algo-1-{int(time.time())}"
        logs = LogStream(LOG_GROUP, name, lambda: self._environment)
        assert program.stdout is not None
        for raw in program.stdout:
            line = cloudwatch_line(raw.decode("utf-8", errors="replace").rstrip("\r\n"))
            logs.write(line)
            now = time.time()
            _report(TrainingEvent(now, "log", message=line))
            for metric in metrics.read(line):
                _report(TrainingEvent(now, "metric", metric=metric))
        code = program.wait()
        logs.close()
        return code

    def _end(self, program: subprocess.Popen[bytes]) -> None:
        program.terminate()
        timer = threading.Timer(self._kill_after, program.kill)
        timer.daemon = True
        timer.start()

    @property
    def _region(self) -> str:
        return self._environment.get("AWS_REGION") or self._environment.get("AWS_DEFAULT_REGION", "")

    def _status(self, status: str, message: str) -> None:
        _report(TrainingEvent(time.time(), "status", status, message))

    def _finish(self, outcome: Outcome, *, failure_reason: str = "", artifact: str = "", output: str = "") -> None:
        seconds = 0 if self._billed_from is None else max(1, math.ceil(time.monotonic() - self._billed_from))
        final = (self._stop_status or "Stopped") if outcome == "Stopped" else outcome
        self._status(final, _LAST_WORDS.get(final, f"Training job {final.lower()}"))
        _report(
            TrainingEvent(
                time.time(),
                "finished",
                outcome=outcome,
                failure_reason=failure_reason,
                artifact=artifact,
                output=output,
                training_seconds=seconds,
            )
        )


_LAST_WORDS = {
    "MaxRuntimeExceeded": "Training job runtime exceeded MaxRuntimeInSeconds provided",
    "MaxWaitTimeExceeded": "Training job wait time exceeded MaxWaitTimeInSeconds provided",
}
_report_lock = threading.Lock()


def _report(event: TrainingEvent) -> None:
    with _report_lock:
        sys.stdout.write(event.to_line())
        sys.stdout.flush()


def _metric_reader(request: Mapping[str, Any]) -> MetricReader:
    try:
        return MetricReader(request.get("AlgorithmSpecification", {}).get("MetricDefinitions", ()))
    except ValueError as error:
        raise JobFailure(f"ClientError: {error}") from None


def _obey(agent: TrainingAgent) -> None:
    """Read commands until the parent is gone."""
    for line in sys.stdin:
        agent.stop(json.loads(line)["stop"])
    agent.abandon()


def main() -> None:
    """Take the order, watch the parent, do the job."""
    order = sys.stdin.readline()
    if not order:
        sys.exit(ORPHANED)
    agent = TrainingAgent(json.loads(order), os.environ)
    threading.Thread(target=_obey, args=(agent,), name="commands", daemon=True).start()
    agent.run()
    sys.stdout.flush()
    os._exit(0)  # the thread on standard input would hold an orderly exit up


if __name__ == "__main__":
    main()
