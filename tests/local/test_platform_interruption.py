"""Training jobs as processes that end before they are done: stopped, killed, interrupted, orphaned."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from training_jobs import Job, children, programs_in, wait_until_gone
from training_place import Client, Place, training_place, training_request

from localcloud.cloud import LocalCloud


@pytest.fixture
def place(cloud: LocalCloud, client: Client) -> Place:
    return training_place(cloud, client)


@pytest.mark.contract("T66", "T67")
@pytest.mark.parametrize("keep", [True, False])
def test_stopping_keeps_the_model_only_when_asked(tmp_path: Path, place: Place, keep: bool) -> None:
    name, environment = place
    hyperparameters = {"num_round": "200000", "save_model_on_termination": str(keep).lower()}
    job = Job(training_request(name, hyperparameters=hyperparameters), tmp_path, environment)
    job.wait_for("[5]#011")
    job.run.stop(final_status="MaxRuntimeExceeded")
    job.run.stop()
    end = job.end()
    assert (end.outcome, end.failure_reason, bool(end.artifact)) == ("Stopped", "", keep)
    assert job.statuses()[-2:] == ["Stopping", "MaxRuntimeExceeded"]


def test_a_job_stopped_before_training_ends_stopped(tmp_path: Path, place: Place) -> None:
    name, environment = place
    job = Job(training_request(name), tmp_path, environment)
    job.run.stop()
    end = job.end()
    assert (end.outcome, end.artifact) == ("Stopped", "")
    assert "Training" not in job.statuses()


@pytest.mark.contract("T64")
def test_a_killed_program_fails_the_job_with_its_exit_code(tmp_path: Path, place: Place) -> None:
    name, environment = place
    job = Job(training_request(name, hyperparameters={"num_round": "200000"}), tmp_path, environment)
    job.wait_for("[3]#011")
    (program,) = programs_in(tmp_path, job.run.pid)
    os.kill(program, signal.SIGKILL)
    assert job.end().failure_reason == "AlgorithmError: Exit Code: 137"


@pytest.mark.contract("T73")
def test_an_interrupted_spot_job_starts_over_and_the_log_says_so(tmp_path: Path, client: Client, place: Place) -> None:
    name, environment = place
    quick = {"num_round": "2000", "max_depth": "1", "nthread": "1"}
    request = training_request(name, hyperparameters=quick, channels={"train": "data/train"})
    job = Job(request, tmp_path, environment)
    job.wait_for("[3]#011")
    job.run.interrupt()
    assert job.end().outcome == "Completed"
    attempt = ["Starting", "Downloading", "Training"]
    assert job.statuses() == [*attempt, "Interrupted", *attempt, "Uploading", "Completed"]
    lines = [event.message for event in job.events if event.kind == "log"]
    (over,) = [place for place, line in enumerate(lines) if "The managed spot training instances were" in line]
    assert lines[over].endswith("The job starts over: training begins at round 0.")
    rounds = [int(line[1 : line.index("]")]) for line in lines[over:] if "#011train-rmse" in line]
    assert rounds == list(range(2000))


@pytest.mark.parametrize("victim", ["parent", "agent"])
def test_no_process_outlives_its_parent(tmp_path: Path, place: Place, victim: str) -> None:
    name, environment = place
    request = training_request(name, hyperparameters={"num_round": "10000000"})
    script = (
        "import json, sys, time\n"
        "from pathlib import Path\n"
        "from localcloud.jobs.runs import JobRun\n"
        "order = json.loads(sys.stdin.readline())\n"
        "def told(event):\n"
        "    print(event.message, flush=True)\n"
        "run = JobRun('training', order['request'], folder=Path(order['folder']), environment=order['environment'],\n"
        "    on_event=told)\n"
        "run.start()\n"
        "print('agent', run.pid, flush=True)\n"
        "time.sleep(600)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert parent.stdin is not None
    assert parent.stdout is not None
    order = {"request": request, "folder": str(tmp_path), "environment": environment}
    parent.stdin.write(json.dumps(order) + "\n")
    parent.stdin.flush()
    agent = 0
    for line in parent.stdout:
        if line.startswith("agent "):
            agent = int(line.split()[1])
        if line.startswith("[3]#011"):
            break
    (program,) = children(agent)
    os.kill(parent.pid if victim == "parent" else agent, signal.SIGKILL)
    try:
        wait_until_gone(agent, program)
    finally:
        parent.kill()
        parent.communicate()
