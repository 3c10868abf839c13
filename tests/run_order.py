"""How a run of many tests is spread over processes: the files that take longest first, so that all end together.

Hooks, which `conftest.py` imports.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

SLOWEST = (
    "e2e/test_workflow.py",
    "e2e/test_clients_page.py",
    "e2e/test_demo_promotion.py",
    "e2e/test_acceptance.py",
    "e2e/test_main_job.py",
    "e2e/test_reviewed_deployment.py",
    "unit/test_hostile_inputs.py",
    "local/test_clients_sdk_v2.py",
    "local/test_keys.py",
    "local/test_doctor.py",
    "local/test_gates.py",
    "local/test_tampering.py",
    "local/test_clients_aws_cli.py",
    "local/test_clients_model_trainer.py",
    "local/test_transform.py",
    "local/test_training_hosts.py",
    "local/test_fit_and_adopt.py",
    "local/test_permissions.py",
    "local/test_promoter.py",
    "local/test_what_remains.py",
    "local/test_image_versions.py",
    "local/test_kills.py",
    "infra/test_app.py",
    "infra/test_policy_report.py",
    "local/test_clients_sagemaker_core.py",
    "local/test_training_by_itself.py",
    "local/test_hostile_http.py",
    "local/test_promote.py",
    "infra/test_regions.py",
    "unit/review/model/test_review_model.py",
    "unit/kickstand/test_images.py",
    "unit/test_run_end.py",
)
"""Files that take more than 5 s, the slowest first."""


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> None:
    """Run whole folders in one process more than there are cores, whose tests often wait for the local cloud.

    A file is one process's: its tests share what they set up. `-n` says another number; 0: this process alone.
    """
    options = config.option
    if not config.pluginmanager.hasplugin("xdist") or hasattr(config, "workerinput"):
        return
    folders = all(Path(argument.split("::")[0]).is_dir() for argument in config.args)
    if options.numprocesses is None and folders and not options.usepdb and not options.collectonly:
        options.numprocesses = (os.cpu_count() or 1) + 1
    if options.numprocesses and options.dist == "no":
        options.dist, options.loadscopereorder = "loadfile", False


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    place = {config.rootpath / "tests" / file: number for number, file in enumerate(SLOWEST)}
    items.sort(key=lambda item: place.get(item.path, len(place)))
