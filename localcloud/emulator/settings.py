"""The emulator's own settings, decided before its first import: it reads the environment while it is imported."""

from __future__ import annotations

import os
from collections.abc import MutableMapping

from localcloud.emulator.served import SERVED
from localcloud.state import StateFolder


def apply_settings(environment: MutableMapping[str, str], state: StateFolder, port: int) -> None:
    """Write the settings into an environment: IAM enforced, loopback, our port, our state, no Docker.

    Credentials of a person are removed: the emulator would take them for those of the root of everything.
    """
    for name in [name for name in environment if name.startswith("AWS_")]:
        del environment[name]
    environment.update(
        AUTH="true",
        USE_SSL="1",
        BIND_HOST="127.0.0.1",
        GATEWAY_PORT=str(port),
        MINISTACK_HOST="localhost",
        MINISTACK_WORKER_THREADS="32",
        SERVICES=",".join(SERVED),
        IOT_MTLS_ENABLED="0",
        SFTP_ENABLED="0",
        # Saving is ours (localcloud/persistence.py): the emulator saves at an orderly stop alone.
        PERSIST_STATE="0",
        STATE_DIR=str(state.emulator),
        S3_PERSIST="1",
        S3_DATA_DIR=str(state.objects),
        # A socket that is not there: the emulator then never imports the Docker SDK nor sweeps containers.
        DOCKER_HOST=f"unix://{state.root}/no-docker",
        AWS_CA_BUNDLE=str(state.ca),
        AWS_EC2_METADATA_DISABLED="true",
        LOG_LEVEL=environment.get("LOG_LEVEL", "INFO"),
    )


def configure(state: StateFolder, port: int) -> None:
    """Apply the settings to this process."""
    apply_settings(os.environ, state, port)
