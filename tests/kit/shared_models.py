"""The SDK's service models, read before processes are forked from one (`warm_python.py`): each would read its own."""

from __future__ import annotations

from typing import Any

_SERVICES = ("cloudformation", "iam", "logs", "s3", "sagemaker", "sagemaker-runtime", "stepfunctions", "sts")


def preload() -> None:
    """Share what is read among all sessions of this process, and of those that are forked from it."""
    import botocore.session

    read: dict[Any, dict[Any, Any]] = {}
    make = botocore.session.create_loader

    def create(search_path_string: Any = None) -> Any:
        loader: Any = make(search_path_string)
        loader._cache = read.setdefault(search_path_string, {})
        return loader

    botocore.session.create_loader = create
    session = botocore.session.get_session()
    for service in _SERVICES:
        session.create_client(
            service, region_name="us-east-1", aws_access_key_id="none", aws_secret_access_key="none"
        ).close()
