"""Models that are worse than the one that serves: an alarm of the new instances alone rolls each update back.

One story in order: a project is deployed once, in a local cloud whose containers can have faults.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator

import pytest
from faulty_cloud import fault_mark, start_faulty
from fit_world import rows
from hosted_project import DENSE_PLAN, TOML, HostedProject, train
from sagemaker_world import ACCOUNT, REGION

from benchmarks.updates.cases import Watched
from localcloud.cloud import LocalCloud

UPDATES = """\
[environments.dev.hosting]
instance_count = 2
[environments.dev.hosting.update]
strategy = "canary"
step_instances = 1
wait_seconds = 600
bake_seconds = 60
[environments.dev.hosting.alarms]
max_p99_ms = 5000
max_model_error_rate = 0.01
periods_over = 1
"""
"""max_p99_ms: below the slow model's latency, and far above that of a good one beside other tests. The others: a model
that dies fails what is on its way alone, a request of six in one second of three."""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HostedProject]:
    """Deployed by `kickstand`, with two instances of a good model."""
    folder = tmp_path_factory.mktemp("project")
    cloud = LocalCloud(folder / "state")
    start_faulty(cloud, 60)
    try:
        (folder / "train.csv").write_text(rows(200, 0))
        toml = TOML.format(name=f"s{uuid.uuid4().hex[:8]}", account=ACCOUNT, region=REGION) + UPDATES
        (folder / "kickstand.toml").write_text(toml)
        made = HostedProject(folder, cloud)
        made.type("deploy", "dev", "--yes").good()
        made.release(made.serving)
        made.type("deploy", "dev", "--yes").good()
        yield made
    finally:
        cloud.stop(discard=True)


def require_rolled_back(project: HostedProject, figures: Watched, before: str) -> None:
    """All traffic is the old model's again, and no more requests failed than the canary's share."""
    assert (project.settled(), project.config()) == ("UPDATE_ROLLBACK_COMPLETE", before)
    assert project.who_answers() == {"released"}
    first, last = (end(figures.answered["failed"], default=0.0) for end in (min, max))
    meanwhile = sum(first <= at <= last for at in figures.planned)
    assert figures.failures <= meanwhile / 2 + 1


def test_errors_of_a_new_model_end_the_deployment(project: HostedProject) -> None:
    """It answers 500 to one row in ten: `kickstand deploy` ends with 1 and names the alarm of the new instances."""
    before = project.config()
    project.release(train(20, fault_mark("errors")))
    with project.traffic(DENSE_PLAN) as figures:
        typed = project.type("deploy", "dev", "--yes")
    assert typed.code == 1
    assert project.names.rollback_alarm("new", "5xx-rate") in typed.err
    assert "error: endpoint " in typed.err and "SageMaker rolled the update back: " in typed.err
    assert set(figures.errors) == {"ModelError 500"}
    require_rolled_back(project, figures, before)


@pytest.mark.parametrize(("fault", "alarm"), [("slow", "p99-latency"), ("dies", "model-errors")])
def test_a_slow_or_a_dying_model_is_rolled_back(project: HostedProject, fault: str, alarm: str) -> None:
    before = project.config()
    with project.traffic() as figures:
        status = project.update(train(20, fault_mark(fault)))
    assert status == "UPDATE_ROLLBACK_COMPLETE"
    assert project.names.rollback_alarm("new", alarm) in project.reason()
    require_rolled_back(project, figures, before)


def test_an_equal_model_passes(project: HostedProject) -> None:
    """Other bytes, the same predictions."""
    model, before = train(30, f"equal {uuid.uuid4()}"), project.config()
    with project.traffic() as figures:
        assert project.update(model) == "UPDATE_COMPLETE"
    project.serving = model
    assert project.config() != before
    assert figures.errors == {} and set(figures.answered) == {"released"}


def test_no_alarm_sees_answers_that_are_no_number_but_the_verification_does(project: HostedProject) -> None:
    with project.traffic() as figures:
        assert project.update(train(20, fault_mark("nan"))) == "UPDATE_COMPLETE"
    assert set(figures.errors) == {"answer not finite"}
    typed = project.type("verify", "dev")
    assert typed.code == 1
    assert re.search(r"golden row 1: Expected the prediction \(1\.[0-9]+,\), found \(nan,\)\.", typed.err)
