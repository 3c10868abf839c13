"""Requests at planned instants through each kind of update, as the benchmark sends them, with shorter waits.

Every answer is compared with what xgboost itself says for its row, by one of the two models that may answer.
"""

from __future__ import annotations

from collections.abc import Iterator

import boto3
import pytest

from benchmarks.updates.cases import CASES, Run, Watched, made_site, run_case
from benchmarks.updates.site import ENDPOINT, INSTANCES, Site
from training.traffic.requests import Invocation
from training.traffic.runs import Traffic
from training.traffic.sender import Plan

PLAN = Plan(rate=30, seconds=120)
"""Not all of it is sent: a run ends with what is done to the endpoint."""
WAIT = 0.6


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with made_site(tmp_path_factory.mktemp("updates")) as made:
        yield made


def run(site: Site, case: str) -> Run:
    done = run_case(site, case, PLAN, wait=WAIT)
    assert (done.faults, done.figures.wrong, done.figures.lost) == (0, 0, 0), done.fields()
    if done.dying is None:
        assert done.figures.errors == {}
    assert done.figures.sent == sum(map(len, done.figures.answered.values())) > PLAN.rate * WAIT
    assert len(site.processes()) == INSTANCES
    return done


def who_answers(site: Site, old: str) -> set[str]:
    """Now, by a dozen of requests."""
    figures = Watched(Plan(rate=40, seconds=0.3))
    Traffic(Invocation(boto3.Session(), ENDPOINT), site.oracle.bodies, 8, site.oracle.reader(old)).run(figures)
    return set(figures.answered)


@pytest.mark.contract("G13")
@pytest.mark.parametrize("case", ["all at once", "canary", "linear", "rolling"])
def test_a_new_model_takes_over_without_a_failed_request(site: Site, case: str) -> None:
    """In steps both models answer at the same time; the exact shares are held by test_deployment_course.py."""
    old = site.serving
    done = run(site, case)
    assert site.serving != old
    assert who_answers(site, old) == {"new"}
    answered = done.figures.answered
    assert answered["old"] and answered["new"]
    if case != "all at once":
        assert min(answered["new"]) < max(answered["old"])
        assert any(" capacity of 1 instance" in text for _, text in done.marks)


def test_instances_come_and_go_without_a_failed_request(site: Site) -> None:
    assert set(run(site, "2 to 4 to 2 instances").figures.answered) == {"old"}


def test_a_rollback_by_an_alarm_fails_no_request(site: Site) -> None:
    old = site.serving
    done = run(site, "rollback")
    assert site.serving == old
    assert who_answers(site, old) == {"old"}
    assert 0 < len(done.figures.answered["new"]) <= len(done.figures.answered["old"])


def test_a_killed_process_fails_requests_on_their_way_to_it_alone(site: Site) -> None:
    done = run(site, "kill -9 of a process")
    assert all(kind.startswith("ModelError") for kind in done.figures.errors)
    assert set(done.figures.answered) <= {"old", "failed"}


def test_each_case_of_the_benchmark_is_tested() -> None:
    assert set(CASES) == {
        *("all at once", "canary", "linear", "rolling"),
        *("2 to 4 to 2 instances", "rollback", "kill -9 of a process"),
    }
