"""Which training job `kickstand local interrupt` means, and what it says of those that it cannot."""

from __future__ import annotations

import pytest

from kickstand.errors import InputError
from localcloud.resources import SpotJob, chosen


def job(name: str, created: float, *, spot: bool = True, status: str = "InProgress", account: str = "1") -> SpotJob:
    return SpotJob(name, f"arn:{account}:{name}", spot, status, created)


JOBS = [
    job("first", 1),
    job("second", 2),
    job("plain", 3, spot=False),
    job("done", 4, status="Completed"),
    job("first", 0, status="Failed", account="2"),
]
RUNNING = "Spot jobs that run: first, second."


def test_the_latest_is_the_newest_spot_job_that_runs() -> None:
    assert chosen(JOBS, None) == JOBS[1]


def test_of_two_accounts_the_job_that_runs_is_meant() -> None:
    assert chosen(list(reversed(JOBS)), "first") == JOBS[0]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("other", "There is no training job of this name in the local cloud."),
        ("plain", "It is not a managed spot training job: nothing interrupts it."),
        ("done", "It does not run: it is Completed."),
    ],
)
def test_each_refusal_names_the_jobs_that_could_be(name: str, message: str) -> None:
    with pytest.raises(InputError) as refused:
        chosen(JOBS, name)
    (problem,) = refused.value.problems
    assert (problem.message, problem.where, problem.fix) == (message, name, RUNNING)


def test_where_none_runs_it_says_what_makes_one() -> None:
    with pytest.raises(InputError, match="There is no spot training job to interrupt") as refused:
        chosen(JOBS[2:], None)
    (problem,) = refused.value.problems
    assert problem.fix == "No spot job runs: [training] spot = true makes fit start one."
