"""Asks a running server something, over TLS and with nothing but the standard library."""

from __future__ import annotations

import http.client
import json
import ssl
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

STATUS = "/_kickstand/status"
SAVE = "/_kickstand/save"
"""Saves now, and answers as STATUS does."""
KEYS = "/_kickstand/keys/"
"""Followed by the ARN of a KMS key that is to be there."""


def ask(url: str, ca: Path, token: str, *, path: str = STATUS, timeout: float = 10.0) -> dict[str, Any]:
    """What the server answers at one of its own paths.

    Raises OSError where it cannot be reached, and ValueError where what answers is not our server.
    """
    place = urlsplit(url)
    context = ssl.create_default_context(cafile=str(ca))
    connection = http.client.HTTPSConnection(place.hostname or "", place.port, timeout=timeout, context=context)
    try:
        connection.request("GET", path, headers={"Authorization": f"Bearer {token}"})
        answer = connection.getresponse()
        body = answer.read()
    except http.client.HTTPException as error:
        raise ValueError(f"{url} does not answer as the local cloud does: {error}") from error
    finally:
        connection.close()
    if answer.status != 200:
        raise ValueError(f"{url} answered {answer.status}: it is not this folder's local cloud")
    status: dict[str, Any] = json.loads(body)
    return status


def healthy(url: str, ca: Path, token: str) -> bool:
    """Whether the server answers."""
    try:
        ask(url, ca, token)
    except (OSError, ValueError):
        return False
    return True
