"""Where the emulator and AWS differ, the emulator is wrong: every correction of it, put in place in order.

One is here: which names are services of AWS. ministack parses the models of all services to find out, at the first
request that names an unknown one: four seconds in which nobody is answered, and some hundred megabytes.
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from botocore.loaders import create_loader

from localcloud.ministack import log_events, topics
from localcloud.ministack.cloudformation import (
    alert_drift,
    change_sets,
    completion,
    drift,
    operation,
    recovery,
    template,
)
from localcloud.ministack.cloudformation.permissions import authorization, stack_role
from localcloud.ministack.door.core import router
from localcloud.ministack.door.names import correct
from localcloud.ministack.iam import acting, policies, requests, resources, sts
from localcloud.ministack.kms import keys, log_group_key
from localcloud.ministack.s3 import bucket_resource, cross_account, encryption, objects
from localcloud.ministack.stepfunctions import execution, execution_role, integrations, state_machine

_NAMES = re.compile(rb'"(?:endpointPrefix|signingName)"\s*:\s*"([^"]+)"')
_METADATA_BYTES = 4096
"""Of a model's beginning, where its metadata is."""


@cache
def service_names() -> frozenset[str]:
    """The names of botocore's services: of their models, of their endpoints, and those that requests are signed for."""
    return frozenset(_names())


def install_service_names() -> None:
    """Answer in ministack's place."""
    correct(router.is_aws_service_name, lambda _, scope_name: scope_name in service_names())


def _names() -> Iterator[str]:
    for folder in create_loader().search_paths:
        for model in Path(folder).glob("*/*/service-2.json*"):
            yield model.parts[-3]
            with gzip.open(model) if model.suffix == ".gz" else model.open("rb") as stream:
                yield from (name.decode() for name in _NAMES.findall(stream.read(_METADATA_BYTES)))


def install() -> None:
    """Correct the emulator. Once, before it serves its first request and before it loads its state."""
    acting.install()
    authorization.install()
    operation.install()
    template.install_template()
    change_sets.install_imports()
    change_sets.install_change_sets()
    completion.install_cleanup()
    completion.install_outputs()
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
    objects.install_absent_keys()
    bucket_resource.install()
    objects.install_checksums()
    objects.install_conditions()
    encryption.install()
    cross_account.install_foreign_buckets()
    cross_account.install_foreign_copies()
    execution_role.install_execution_roles()
    execution.install()
    integrations.install_integrations()
    integrations.install()
    integrations.install_errors()
    state_machine.install_logging()
    state_machine.install_resources()
    execution_role.install_event_roles()
    topics.install()
    sts.install_sts_denials()
    sts.install_web_identity()


async def resume() -> None:
    """Settle what the end of the last process cut short. Once, when the state is loaded and the server answers."""
    execution.settle()
    await recovery.recover()
