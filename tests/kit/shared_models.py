"""The SDK's service models, read once in a process: each session would read its own, 0.1 to 0.3 s of CPU a service."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

import botocore.session
from botocore.loaders import create_loader

_SERVICES = ("cloudformation", "iam", "logs", "s3", "sagemaker", "sagemaker-runtime", "stepfunctions", "sts")
_PRELOADED = ExitStack()


@contextmanager
def shared_models() -> Iterator[None]:
    """Share what is read of the SDK's files among all sessions of this process."""
    read: dict[str | None, dict[Any, Any]] = {}

    def create(search_path_string: str | None = None) -> Any:
        made: Any = create_loader(search_path_string)
        made._cache = read.setdefault(search_path_string, {})
        return made

    with patch.object(botocore.session, "create_loader", create):
        yield


def preload() -> None:
    """Share them from here on, and read what most programs need: for a process that others are forked from."""
    _PRELOADED.enter_context(shared_models())
    session = botocore.session.get_session()
    for service in _SERVICES:
        session.create_client(
            service, region_name="us-east-1", aws_access_key_id="none", aws_secret_access_key="none"
        ).close()
