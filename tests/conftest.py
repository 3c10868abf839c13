"""What every tier shares: no test reaches the user's own AWS settings, and each reads the SDK's service models once."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import nullcontext
from functools import cache
from typing import Any

import botocore.regions
import pytest
import typer.main
from botocore.client import ClientCreator
from botocore.endpoint_provider import EndpointProvider
from botocore.hooks import EventAliaser
from cached_synthesis import COMMAND
from hypothesis import settings
from models_run_here import models_run_here
from once_a_run import FOLDER
from run_end import MARK, pytest_configure, pytest_keyboard_interrupt
from run_order import (
    pytest_cmdline_main,
    pytest_collection,
    pytest_collection_modifyitems,
    pytest_sessionstart,
)
from shared_clients import shared_clients
from shared_models import shared_models

import cli.commands

__all__ = [
    "pytest_cmdline_main",
    "pytest_collection",
    "pytest_collection_modifyitems",
    "pytest_configure",
    "pytest_keyboard_interrupt",
    "pytest_sessionstart",
]

_FOREIGN = ("AWS_", "KICKSTAND_", "CDK_")

# Read when xgboost is loaded: several test processes share few cores, where threads that spin while they wait for one
# another make a training of milliseconds one of seconds.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
# Or each of a run's many processes would compile the same modules again.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False
# Of one example, by the clock: a machine that is busy with something else would break it.
# Half of hypothesis's own number of examples: what the tests look for is in the first dozens, or in an @example.
settings.register_profile("any machine", deadline=None, max_examples=50)
settings.load_profile("any machine")


@pytest.fixture(autouse=True, scope="session")
def _own_environment() -> None:
    """Forget the caller's credentials, profiles and endpoints, once for the whole run."""
    for name in [name for name in os.environ if name.startswith(_FOREIGN) and name not in ("CDK_HOME", MARK, FOLDER)]:
        del os.environ[name]
    # The CDK checks templates in three quarters of a synthesis, 4 s of CPU: tests/infra and the main job let it.
    os.environ["CDK_VALIDATION"] = "false"
    # What is to be synthesised twice in a run is synthesised once; the main job does it each time.
    os.environ["CDK_APP"] = COMMAND
    os.environ["AWS_EC2_METADATA_DISABLED"] = "true"
    os.environ["AWS_CONFIG_FILE"] = os.environ["AWS_SHARED_CREDENTIALS_FILE"] = os.devnull


@pytest.fixture(autouse=True, scope="session")
def _service_models_are_read_once() -> Iterator[None]:
    """Share among all sessions of a process what each reads of the SDK's files, 0.1 to 0.3 s of CPU a service, and what
    each client makes of it: its methods and its endpoints' rules, 0.01 s of CPU a client.
    """
    aliases: dict[str, dict[str, str]] = {}
    make = EventAliaser.__init__

    def make_aliaser(self: Any, event_emitter: Any, event_aliases: Any = None) -> None:
        make(self, event_emitter, event_aliases)
        self._alias_name_cache = aliases.setdefault(repr(event_aliases), {})

    methods: dict[tuple[str, str], dict[str, Any]] = {}
    make_methods: Any = vars(ClientCreator)["_create_methods"]

    def make_methods_once(self: Any, service_model: Any) -> dict[str, Any]:
        key = (service_model.service_name, service_model.api_version)
        if key not in methods:
            methods[key] = make_methods(self, service_model)
        return dict(methods[key])

    rules: dict[tuple[int, int], Any] = {}

    def make_rules(**data: Any) -> Any:
        key = (id(data["ruleset_data"]), id(data["partition_data"]))  # the loader above keeps both
        if key not in rules:
            rules[key] = EndpointProvider(**data)
        return rules[key]

    with shared_models(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(EventAliaser, "__init__", make_aliaser)
        patch.setattr(ClientCreator, "_create_methods", make_methods_once)
        patch.setattr(botocore.regions, "EndpointProvider", make_rules)
        yield


@pytest.fixture(autouse=True, scope="session")
def _clients_are_made_once(_service_models_are_read_once: None) -> Iterator[None]:
    """Share the clients of a local cloud, and their connections, among the tests of a process."""
    with shared_clients():
        yield


@pytest.fixture(autouse=True, scope="session")
def _the_command_line_is_made_once() -> Iterator[None]:
    """Share the parsers of all commands among the commands of a process: making them takes 0.1 s of CPU."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(typer.main, "get_command", cache(typer.main.get_command))
        patch.setattr(cli.commands, "load_command", cache(cli.commands.load_command))
        yield


@pytest.fixture(autouse=True, scope="module")
def _sound_models_are_run_in_this_process(request: pytest.FixtureRequest) -> Iterator[None]:
    """Ask the tests' own models without a process for each.

    The tests of that process (unit/training/model/inspection) have it, as have all commands that run as programs.
    """
    with nullcontext() if request.path.parent.name == "inspection" else models_run_here():
        yield


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say aloud what was not looked at, which a quiet run would show as the letter s."""
    for reason in sorted({str(one.longrepr[2]) for one in terminalreporter.stats.get("skipped", [])}):
        if "NOT LOOKED AT" in reason:
            terminalreporter.section(reason.removeprefix("Skipped: "), sep="!", red=True, bold=True)
