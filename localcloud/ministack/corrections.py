"""Where the emulator and AWS differ, the emulator is wrong: every correction of it, put in place in order.

Two are here, about what is read of botocore's models. To find out which names are services of AWS, ministack parses the
models of all, at the first request that names an unknown one: four seconds in which nobody is answered, and some
hundred megabytes. To find out the content type of a service's answers, it parses that service's model, 20 ms at the
first answer of each.
"""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

from botocore.loaders import create_loader

from localcloud.clock import Clock
from localcloud.ministack import log_events, topics
from localcloud.ministack.cloudformation import (
    alert_drift,
    change_sets,
    completion,
    drift,
    operation,
    recovery,
    rollback_requests,
    rollback_triggers,
    template,
)
from localcloud.ministack.cloudformation.permissions import authorization, stack_role
from localcloud.ministack.door.core import responses, router
from localcloud.ministack.door.names import correct
from localcloud.ministack.iam import acting, linked_roles, policies, requests, resources, sts
from localcloud.ministack.kms import keys, log_group_key
from localcloud.ministack.s3 import bucket_resource, cross_account, encryption, objects
from localcloud.ministack.scheduler.calls import Calls
from localcloud.ministack.stepfunctions import course, execution, execution_role, integrations, sdk, state_machine

_NAMES = re.compile(rb'"(?:endpointPrefix|signingName)"\s*:\s*"([^"]+)"')
_METADATA = re.compile(r'"metadata"\s*:\s*')
_METADATA_BYTES = 4096
"""Of a model's beginning, where its metadata is."""


@cache
def service_names() -> frozenset[str]:
    """The names of botocore's services: of their models, of their endpoints, and those that requests are signed for."""
    return frozenset(_names())


def install_service_names() -> None:
    """Answer in ministack's place."""
    correct(router.is_aws_service_name, lambda _, scope_name: scope_name in service_names())


class ServiceModel:
    """A service's model of which the metadata is read, and the whole only where anything else of it is needed."""

    def __init__(self, metadata: dict[str, Any], whole: Callable[[], Any]) -> None:
        self.metadata, self._whole = metadata, whole

    def __getattr__(self, name: str) -> Any:
        return getattr(self._whole(), name)


def install_metadata() -> None:
    """Find out the content types of answers from the metadata alone."""

    @cache
    def service_model(original: Callable[[str], Any], service: str) -> Any:
        metadata = _metadata(responses.BOTOCORE_NAME.get(service, service))
        return original(service) if metadata is None else ServiceModel(metadata, lambda: original(service))

    correct(responses.service_model, service_model)


def _names() -> Iterator[str]:
    for folder in create_loader().search_paths:
        for model in Path(folder).glob("*/*/service-2.json*"):
            yield model.parts[-3]
            yield from (name.decode() for name in _NAMES.findall(_beginning(model)))


def _metadata(name: str) -> dict[str, Any] | None:
    """The metadata of a service's latest model; None where it has none, or none at its beginning."""
    folders = [Path(folder, name) for folder in create_loader().search_paths]
    models = [model for folder in folders for model in folder.glob("*/service-2.json*")]
    if not models:
        return None
    text = _beginning(max(models, key=lambda model: model.parts[-2])).decode(errors="replace")
    found = _METADATA.search(text)
    try:
        metadata: dict[str, Any] | None = json.JSONDecoder().raw_decode(text, found.end())[0] if found else None
    except ValueError:
        return None
    return metadata


def _beginning(model: Path) -> bytes:
    with gzip.open(model) if model.suffix == ".gz" else model.open("rb") as stream:
        return stream.read(_METADATA_BYTES)


def install(clock: Clock) -> None:
    """Correct the emulator. Once, before it serves its first request and before it loads its state."""
    acting.install()
    linked_roles.install()
    authorization.install()
    rollback_triggers.install_operation()
    operation.install()
    template.install_template()
    change_sets.install_imports()
    change_sets.install_change_sets()
    completion.install_cleanup()
    completion.install_outputs()
    rollback_triggers.install_wait()
    rollback_requests.install()
    change_sets.install_states()
    stack_role.install()
    template.install_threads()
    template.install_sending_back()
    drift.install()
    alert_drift.install()
    template.install_types()
    policies.install_managed_policies()
    resources.install_oidc_providers()
    requests.install_principals()
    requests.install_requests()
    resources.install_roles()
    policies.install_simulation()
    keys.install()
    log_events.install()
    log_events.install_filters()
    log_group_key.install()
    install_service_names()
    install_metadata()
    objects.install_absent_keys()
    bucket_resource.install()
    objects.install_checksums()
    objects.install_conditions()
    encryption.install()
    cross_account.install_foreign_buckets()
    cross_account.install_foreign_copies()
    execution_role.install_execution_roles()
    execution.install()
    course.install(clock)
    integrations.install_integrations()
    sdk.install()
    state_machine.install_logging()
    state_machine.install_resources()
    execution_role.install_event_roles()
    topics.install()
    sts.install_sts_denials()
    sts.install_web_identity()

    _calls.append(Calls(clock))
    _calls[0].install()


_calls: list[Calls] = []


async def resume() -> None:
    """Settle what the end of the last process cut short. Once, when the state is loaded and the server answers."""
    course.settle()
    await recovery.recover()
    for calls in _calls:
        calls.start()
