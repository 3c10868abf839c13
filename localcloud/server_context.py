"""What a service of the local cloud is told about the server that it lives in."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from localcloud.client_environment import client_environment
from localcloud.state import StateFolder


@dataclass(frozen=True, slots=True)
class ServerContext:
    """Given to `install` and `resume` of a service."""

    state: StateFolder
    url: str
    """`https://127.0.0.1:PORT`"""
    port: int
    ca: Path
    loop: Callable[[], asyncio.AbstractEventLoop]
    """The loop that serves requests. Raises RuntimeError before it runs (in `install`)."""

    def process_environment(
        self, region: str, *, access_key_id: str, secret_access_key: str, session_token: str
    ) -> Mapping[str, str]:
        """The AWS_* variables that point a child process at this server with temporary credentials."""
        environment = client_environment(
            self.url, self.ca, access_key_id=access_key_id, secret_access_key=secret_access_key, region=region
        )
        environment["AWS_SESSION_TOKEN"] = session_token
        return environment
