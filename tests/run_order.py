"""How a run of many tests is spread over processes: the files that take longest first, so that all end together.

Hooks, which `conftest.py` imports.
"""

from __future__ import annotations

import gc
import importlib
import os
import sys
from collections.abc import Callable, Generator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

SLOWEST = (
    "e2e/test_demo_promotion.py",
    "local/test_faulty_models.py",
    "e2e/test_workflow.py",
    "e2e/test_acceptance.py",
    "local/test_stopping_endpoint.py",
    "unit/test_hostile_inputs.py",
    "e2e/test_main_job.py",
    "browser/test_console_page.py",
    "local/test_endpoint_updates.py",
    "e2e/test_clients_page.py",
    "local/test_clients_sdk_v2.py",
    "local/test_autoscaling.py",
    "local/test_traffic.py",
    "local/test_scaled_project.py",
    "local/test_serving_program.py",
    "infra/test_regions.py",
    "local/test_endpoint_stack_updates.py",
    "local/test_package_data.py",
    "local/test_permissions.py",
    "e2e/test_reviewed_deployment.py",
    "infra/test_endpoint_choices.py",
    "local/test_updates_under_traffic.py",
    "local/test_training_hosts.py",
    "local/test_clients_sagemaker_core.py",
    "local/test_platform_hosting.py",
    "local/test_captured_requests.py",
    "local/test_image_versions.py",
    "local/test_kills.py",
    "local/test_triggered_deployment.py",
    "infra/test_policy_rules.py",
    "local/test_clients_model_trainer.py",
    "infra/test_policy_checks.py",
    "local/test_cloudwatch.py",
    "local/test_clients_aws_cli.py",
    "local/test_training_by_itself.py",
    "infra/test_policy_report.py",
    "local/test_tampering.py",
    "unit/review/model/test_review_model.py",
    "local/test_hostile_http.py",
    "local/test_stepfunctions_execution.py",
    "local/test_gates.py",
    "infra/test_app.py",
    "browser/test_review_page.py",
    "infra/test_cached_synthesis.py",
    "local/test_transform.py",
    "local/test_sagemaker_transform.py",
    "local/test_rollback_triggers.py",
    "local/test_cloudformation_drift.py",
    "local/test_platform_training.py",
    "local/test_acceptance_leftovers.py",
)
"""Files that take more than 6 s, the slowest first."""


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> None:
    """Run whole folders in two processes more than there are cores: the tests often wait for the local cloud.

    A file is one process's: its tests share what they set up. `-n` says another number; 0: this process alone.
    """
    options = config.option
    if not config.pluginmanager.hasplugin("xdist") or hasattr(config, "workerinput"):
        return
    folders = all(Path(argument.split("::")[0]).is_dir() for argument in config.args)
    if options.numprocesses is None and folders and not options.usepdb and not options.collectonly:
        options.numprocesses = (os.cpu_count() or 1) + 2
    if options.numprocesses and options.dist == "no":
        options.dist, options.loadscopereorder = "loadfile", False


@pytest.hookimpl(wrapper=True)
def pytest_collection(session: pytest.Session) -> Generator[None, object, object]:
    """Collect without Python's garbage collector: what is made here stays, and looking through it takes 1 s of CPU."""
    gc.disable()
    try:
        _import_share(session.config)
        return (yield)
    finally:
        gc.enable()


def _import_share(config: pytest.Config) -> None:
    """Import this worker's share of the test modules before all of them.

    pytest compiles each in 0.03 s of CPU where nobody has before, and workers that all begin with the same one would
    do so at the same time. One that cannot be imported is reported where it is collected.
    """
    worker, count = os.environ.get("PYTEST_XDIST_WORKER", ""), os.environ.get("PYTEST_XDIST_WORKER_COUNT", "")
    if not worker or not count:
        return
    folders = [Path(argument.split("::")[0]) for argument in config.args]
    files = sorted({file for folder in folders for file in folder.rglob("test_*.py")})
    for file in files[int(worker.removeprefix("gw")) :: int(count)]:
        if str(file.parent) not in sys.path:
            sys.path.insert(0, str(file.parent))
        with suppress(Exception, pytest.skip.Exception):
            importlib.import_module(file.stem)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    place = {config.rootpath / "tests" / file: number for number, file in enumerate(SLOWEST)}
    items.sort(key=lambda item: place.get(item.path, len(place)))
    # What is there by now stays until the end: tests and modules are not looked through again by each collection, nor
    # now for the little that could go (0.5 s of CPU).
    gc.freeze()
    gc.set_threshold(5000, 20, 20)  # what tests make anew is looked through less often too


def pytest_sessionstart(session: pytest.Session) -> None:
    """Send from a worker of xdist only what somebody reads.

    The first process takes 0.1 to 0.5 ms of CPU for each message, and gets six of each test: its start, the reports of
    setup, call and teardown, its end, and that it is complete. The start is for verbose runs; reports of setup and
    teardown say nothing where they have passed, except how long they took; and the names by which `-k` finds a test
    have chosen it before.
    """
    option = session.config.option
    if option.durations is not None or option.xmlpath:
        return
    for plugin in session.config.pluginmanager.get_plugins():
        if hasattr(session.config, "workerinput") and type(plugin).__name__ == "WorkerInteractor":
            plugin.sendevent = without_idle_messages(plugin.sendevent, verbose=option.verbose >= 0)


def without_idle_messages(send: Callable[..., None], *, verbose: bool = False) -> Callable[..., None]:
    """`send` of a worker of xdist, which leaves out what `pytest_sessionstart` names."""

    def send_event(name: str, **fields: Any) -> None:
        if name == "logstart" and not verbose:
            return
        if name == "testreport":
            report = fields["data"]
            silent = report["outcome"] == "passed" and not report["sections"]
            if silent and report["when"] != "call":
                return
            if silent:
                fields["data"] = {**report, "keywords": {}}
        send(name, **fields)

    return send_event
