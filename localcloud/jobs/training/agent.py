"""`python -m localcloud.jobs.training.agent`: plays SageMaker around one training container, on one host or several."""

from __future__ import annotations

import math
import shutil
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from localcloud.jobs.agent import JobAgent, main, report
from localcloud.jobs.events import JobEvent, JobFailure, JobStopped, Outcome, shortened
from localcloud.jobs.logs import LogStream, cloudwatch_line
from localcloud.jobs.process.namespace import host_network
from localcloud.jobs.process.program import ForeignVariablesError, program_python, require_own_variables
from localcloud.jobs.s3 import s3_client
from localcloud.jobs.training.artifacts import Checkpoints, checkpoint_folder, upload_artifact, upload_output
from localcloud.jobs.training.channel_download import download_channel
from localcloud.jobs.training.hosts import HostPrograms, gather, job_hosts, share_channel
from localcloud.jobs.training.request import MetricReader, container_configuration, program_variables, write_layout

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

TRAINING_LOG_GROUP = "/aws/sagemaker/TrainingJobs"


class TrainingAgent(JobAgent):
    """One training job."""

    def __init__(self, order: Mapping[str, Any], environment: Mapping[str, str]) -> None:
        super().__init__(order, environment)
        self._hosts = job_hosts(self._request, self._folder)
        self._kill_after = float(order["kill_after"])
        self._stop_status = ""
        self._interrupted = False
        self._programs: HostPrograms | None = None
        self._python: Path | None = None
        self._lock = threading.Lock()
        self._billed_from: float | None = None

    def stop(self, final_status: str) -> None:
        """SIGTERM to the program, SIGKILL later; before it runs, the end of the job."""
        with self._lock:
            if self._stop_status:
                return
            self._stop_status = final_status
            self._status("Stopping", "Stopping the training job")
            if self._programs is not None:
                self._programs.stop()

    def interrupt(self) -> None:
        """Take the spot instances away: the job starts over, on others. Nothing where it is ending already."""
        with self._lock:
            if self._stop_status:
                return
            self._interrupted = True
            if self._programs is not None:
                self._programs.kill()

    def abandon(self) -> None:
        programs = self._programs
        if programs is not None:
            programs.kill()
        super().abandon()

    def _steps(self) -> tuple[Outcome, dict[str, Any]]:
        self._status("Starting", "Preparing the instances for training")
        try:
            require_own_variables(self._request.get("Environment") or {})
        except ForeignVariablesError as error:
            raise JobFailure(shortened(f"ClientError: {error}")) from None
        metrics = _metric_reader(self._request)
        s3 = s3_client(self._environment)
        # Fetched first, as the image is: a job that waits for it is not billed.
        self._python = program_python(self._request.get("AlgorithmSpecification", {}).get("TrainingImage", ""))
        again = False
        while not self._train(s3, metrics, again=again):
            self._start_over()
            again = True
        if not self._stop_status:
            self._status("Uploading", "Uploading generated training model")
        made = gather(self._hosts).base
        uploaded = {
            "artifact": upload_artifact(s3, self._request, made / "model", self._folder, whole=not self._stop_status),
            "output": upload_output(s3, self._request, made / "output" / "data", self._folder),
        }
        return ("Stopped" if self._stop_status else "Completed"), uploaded

    def _train(self, s3: S3Client, metrics: MetricReader, *, again: bool) -> bool:
        """Download and train; False where the instances were taken away. Raises JobFailure and JobStopped."""
        for host in self._hosts:
            write_layout(host.base, container_configuration(self._request, host.name))
        checkpoints = self._checkpoints(s3)
        with host_network(len(self._hosts)) as network:
            self._billed_from = self._billed_from or time.monotonic()
            self._status("Downloading", "Downloading input data")
            for channel in self._request.get("InputDataConfig", []):
                self._download(s3, channel)
            if checkpoints is not None:
                checkpoints.start()
            try:
                failure = self._run_programs(metrics, network, again=again)
            finally:
                if checkpoints is not None:
                    checkpoints.finish()
        with self._lock:
            self._programs = None
            if self._interrupted and failure and not self._stop_status:
                self._interrupted = False
                return False
            self._interrupted = False
        if failure and not self._stop_status:
            raise JobFailure(failure)
        return True

    def _checkpoints(self, s3: S3Client) -> Checkpoints | None:
        folders = [folder for host in self._hosts if (folder := checkpoint_folder(self._request, host.base))]
        return Checkpoints(s3, self._request["CheckpointConfig"]["S3Uri"], folders) if folders else None

    def _start_over(self) -> None:
        """As on other instances: nothing of the last ones is left."""
        self._status("Interrupted", "The managed spot training instances were interrupted")
        for host in self._hosts:
            shutil.rmtree(host.folder / "opt", ignore_errors=True)
        self._status("Starting", "Preparing the instances for training")

    def _download(self, s3: S3Client, channel: Mapping[str, Any]) -> None:
        """Bring a channel to the hosts: once from S3, however many they are."""
        several = len(self._hosts) > 1
        name = channel["ChannelName"]
        folder = self._folder / "channels" / name if several else self._hosts[0].channel(name)
        download_channel(
            s3,
            channel,
            folder,
            region=self._region,
            role=str(self._request.get("RoleArn", "")),
            stopped=lambda: bool(self._stop_status),
        )
        if several:
            share_channel(folder, self._hosts, channel)

    def _run_programs(self, metrics: MetricReader, network: Sequence[int], *, again: bool) -> str:
        """Run the hosts' training programs to their end; the FailureReason where one failed, else ""."""
        job, now = self._request["TrainingJobName"], int(time.time())
        logs: dict[str, LogStream] = {}

        def on_line(host: str, text: str) -> None:
            line = cloudwatch_line(text)
            logs[host].write(line)
            report(JobEvent(time.time(), "log", message=line))
            for metric in metrics.read(line):
                report(JobEvent(time.time(), "metric", metric=metric))

        with self._lock:
            if self._stop_status:
                raise JobStopped
            if self._interrupted:
                return _INTERRUPTED
            self._status("Training", "Training image download completed. Training in progress.")
            for host in self._hosts:
                logs[host.name] = LogStream(TRAINING_LOG_GROUP, f"{job}/{host.name}-{now}", lambda: self._environment)
                if again:
                    on_line(host.name, f"[{time.strftime('%Y-%m-%d:%H:%M:%S')}:INFO] {_STARTS_OVER}")
            self._programs = HostPrograms(
                self._hosts,
                program_variables(self._request, self._region),
                descriptors=network,
                python=self._python,
                on_line=on_line,
                kill_after=self._kill_after,
            )
            self._programs.start()
        failure = self._programs.wait()
        for log in logs.values():
            log.close()
        return failure

    def _finish(self, outcome: Outcome, **fields: Any) -> None:
        seconds = 0 if self._billed_from is None else max(1, math.ceil(time.monotonic() - self._billed_from))
        final = (self._stop_status or "Stopped") if outcome == "Stopped" else outcome
        self._status(final, _LAST_WORDS.get(final, f"Training job {final.lower()}"))
        super()._finish(outcome, training_seconds=seconds, **fields)


_INTERRUPTED = "the spot instances were interrupted"
_STARTS_OVER = "The managed spot training instances were interrupted. The job starts over: training begins at round 0."
_LAST_WORDS = {
    "MaxRuntimeExceeded": "Training job runtime exceeded MaxRuntimeInSeconds provided",
    "MaxWaitTimeExceeded": "Training job wait time exceeded MaxWaitTimeInSeconds provided",
}


def _metric_reader(request: Mapping[str, Any]) -> MetricReader:
    try:
        return MetricReader(request.get("AlgorithmSpecification", {}).get("MetricDefinitions", ()))
    except ValueError as error:
        raise JobFailure(f"ClientError: {error}") from None


if __name__ == "__main__":
    main(TrainingAgent)
