"""The state folder keeps which faults of AWS's image the projects accept, and hands them to their training jobs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from localcloud.sagemaker.processes import JobOrder, Programs
from localcloud.state import StateFolder

ACCEPTED = {"bikes-dev": {"class-metrics": "A dashboard reads it."}}


def state(folder: Path, accepted: Mapping[str, Mapping[str, str]] = ACCEPTED) -> StateFolder:
    made = StateFolder(folder)
    made.accept_faults(accepted)
    return made


def test_a_job_has_what_its_own_environment_accepts(tmp_path: Path) -> None:
    made = state(tmp_path, {**ACCEPTED, "bikes": {}, "bikes-dev-2": {"fold-classes": "Two."}})
    assert made.faults_accepted_for("bikes-dev-20261129-101112-abcd") == ACCEPTED["bikes-dev"]
    assert made.faults_accepted_for("bikes-dev-2-20261129-101112-abcd") == {"fold-classes": "Two."}
    assert made.faults_accepted_for("bikes-prod-20261129-101112-abcd") == {}
    assert made.faults_accepted_for("bikes-development") == {}


def test_other_projects_stay_and_what_is_no_longer_accepted_goes(tmp_path: Path) -> None:
    made = state(tmp_path)
    made.accept_faults({"boats-dev": {"fold-classes": "Two."}, "boats-prod": {}})
    made.accept_faults({"bikes-dev": {}})
    assert json.loads(made.known_faults.read_text()) == {"boats-dev": {"fold-classes": "Two."}}


def test_nothing_is_written_where_nothing_changes(tmp_path: Path) -> None:
    made = state(tmp_path, {"bikes-dev": {}})
    assert not made.known_faults.exists()
    assert made.faults_accepted_for("bikes-dev-1") == {}


class Recorded:
    """In place of a run: keeps the request that it would start with."""

    def __init__(self, agent: str, request: Mapping[str, Any], **_more: Any) -> None:
        self.request = request


@pytest.mark.parametrize(
    ("request_", "environment"),
    [
        ({"TrainingJobName": "bikes-dev-1"}, {"KICKSTAND_KNOWN_FAULTS": json.dumps(ACCEPTED["bikes-dev"])}),
        (
            {"TrainingJobName": "bikes-dev-1", "Environment": {"KICKSTAND_KNOWN_FAULTS": "{}"}},
            {"KICKSTAND_KNOWN_FAULTS": "{}"},
        ),
        ({"TrainingJobName": "boats-dev-1"}, None),
        ({"TransformJobName": "bikes-dev-1"}, None),
    ],
)
def test_the_program_that_trains_gets_them_and_the_jobs_own_word_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request_: dict[str, Any], environment: dict[str, str] | None
) -> None:
    monkeypatch.setattr("localcloud.sagemaker.processes.JobRun", Recorded)
    given = dict(request_)
    programs = Programs(state(tmp_path).faults_accepted_for)
    run: Any = programs.job("training", JobOrder(request_, "role", 3600), tmp_path, {}, lambda event: None)
    assert run.request.get("Environment") == environment
    assert request_ == given
