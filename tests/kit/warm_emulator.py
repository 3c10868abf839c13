"""The local cloud's emulator in the process that its servers are forked from (`program_forker.py`): imported once.

Each server would import its services and read of the SDK's models what it needs, for 0.2 s of CPU.
"""

from __future__ import annotations

import io
import logging
import os
import sys
from contextlib import redirect_stderr
from pathlib import Path
from typing import Any, cast

from localcloud.ministack import door, served
from localcloud.sagemaker.api.service_model import service_model
from localcloud.state import StateFolder

SERVER = "localcloud.server"
"""The module that a server of the local cloud is."""
_NO_FOLDER, _NO_PORT = "/no-folder-of-a-local-cloud", "64999"
_EMULATOR_SETTINGS: list[tuple[Any, str, str]] = []
"""Module, name and value."""
_EMULATOR_LOGS: list[logging.Handler] = []
"""What the emulator set up for the log: for servers alone."""
_READ = (
    "cloudformation",
    "events",
    "iam",
    "kms",
    "logs",
    "monitoring",
    "s3",
    "sagemaker",
    "scheduler",
    "sns",
    "sqs",
    "ssm",
    "states",
    "sts",
)
"""Services that the tests use, by its names."""


def load_emulator() -> None:
    """Import the emulator's served services, and let it read of the SDK's models what it does at a first request.

    Of its settings a few strings of its modules keep a state folder and a port: here those of no server, and each
    server puts its own in their place. What it does to this process besides, a server does again or takes over.
    """
    root, variables, finders = logging.root, dict(os.environ), [*sys.meta_path]
    logs = root.handlers[:], root.level
    with redirect_stderr(io.StringIO()):
        served.configure(StateFolder(Path(_NO_FOLDER)), int(_NO_PORT))
        served.put_off_other_services()
        door.check()
    for module in [module for name, module in sys.modules.items() if name.startswith("ministack")]:
        for name, value in vars(module).items():
            if isinstance(value, str) and (_NO_FOLDER in value or _NO_PORT in value):
                _EMULATOR_SETTINGS.append((module, name, value))
    _EMULATOR_LOGS[:] = [handler for handler in root.handlers if handler not in logs[0]]
    root.handlers[:], root.level = logs
    os.environ.clear()
    os.environ.update(variables)
    sys.meta_path[:] = finders
    for service in ("iam", "sagemaker"):
        service_model(service)
    actions = sys.modules["ministack.core.iam_actions"]
    for service in _READ:
        actions._get_routes_for_service(service)
        actions._tag_operations(service)
        actions.unsigned_operations(service)


def enter_server() -> None:
    """Be a process that has imported the emulator with the settings of this server, as soon as it has any."""
    configure = served.configure

    def configure_again(state: Any, port: int) -> None:
        configure(state, port)
        for handler in _EMULATOR_LOGS:
            cast("logging.StreamHandler[Any]", handler).setStream(sys.stderr)
            logging.root.addHandler(handler)
        logging.root.setLevel(os.environ["LOG_LEVEL"].upper())
        for module, name, value in _EMULATOR_SETTINGS:
            setattr(module, name, value.replace(_NO_FOLDER, str(state.root)).replace(_NO_PORT, str(port)))
        # What it does with them while it is imported.
        s3 = sys.modules["ministack.services.s3"]
        s3._load_persisted_data()
        s3._reschedule_restores()

    served.configure = configure_again
