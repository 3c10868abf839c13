"""Which of the emulator's services are served, and its settings.

The other services cost start-up time, and some open ports or look for Docker. The settings are decided before the first
import of the emulator: it reads the environment while it is imported.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import os
import sys
import threading
from collections.abc import Callable, MutableMapping, Sequence
from types import ModuleType
from typing import Any

from localcloud.ministack.door.cloudformation import provisioners
from localcloud.ministack.door.core import emulator, iam_actions
from localcloud.ministack.door.names import SERVICES, correct
from localcloud.ministack.door.services import eventbridge, sns
from localcloud.ministack.requests.authentication import OPEN_PATH
from localcloud.state import StateFolder

SERVED = (
    "account",
    "cloudformation",
    "cloudtrail",
    "ec2",
    "ecr",
    "events",
    "iam",
    "kms",
    "logs",
    "monitoring",
    "resource-groups",
    "s3",
    "scheduler",
    "secretsmanager",
    "sns",
    "sqs",
    "ssm",
    "states",
    "sts",
    "tagging",
)
"""By the emulator's names: what the stacks and the CDK use, and what a team's own additions to them are likely to."""

_RESOURCE_TYPES = (
    "AWS::CDK::",
    "AWS::CloudFormation::",
    "AWS::CloudTrail::",
    "AWS::CloudWatch::",
    "AWS::EC2::",
    "AWS::ECR::",
    "AWS::Events::",
    "AWS::IAM::",
    "AWS::KMS::",
    "AWS::Logs::",
    "AWS::ResourceGroups::",
    "AWS::S3::",
    "AWS::SNS::",
    "AWS::SQS::",
    "AWS::SSM::",
    "AWS::Scheduler::",
    "AWS::SecretsManager::",
    "AWS::StepFunctions::",
)


_CODE = "__kickstand_code__"


class _LazyModule(ModuleType):
    """A module whose code runs when somebody asks for something in it.

    importlib's own lazy modules run as soon as a second `import` statement names them, and are not safe with threads.
    """

    _running = threading.RLock()

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        with self._running:
            waiting = vars(self).pop(_CODE, None)
            if waiting is not None:
                waiting.exec_module(self)
        try:
            return vars(self)[name]
        except KeyError:
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}") from None


class _LazyLoader(importlib.abc.Loader):
    def __init__(self, loader: importlib.abc.Loader) -> None:
        self._loader = loader

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType:
        return _LazyModule(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        vars(module)[_CODE] = self._loader


class _LazyServices(importlib.abc.MetaPathFinder):
    """Puts off the import of services that are not served until something of theirs is used: as a rule, for ever.

    CloudFormation's provisioners import some forty service modules, most of a second, at their first line.
    """

    def __init__(self, eager: frozenset[str]) -> None:
        self._eager = eager

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        short = name.removeprefix(SERVICES)
        if short == name or "." in short or short in self._eager:
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path, target)
        if spec is None or spec.loader is None or spec.submodule_search_locations is not None:
            return None
        spec.loader = _LazyLoader(spec.loader)
        return spec


def put_off_other_services() -> None:
    """Import the served services and no others. Before the first import of CloudFormation."""
    sys.meta_path.insert(0, _LazyServices(frozenset(served_modules().values())))


def refuse_other_resource_types() -> None:
    """Let CloudFormation refuse the resource types of services that are not there, as types that it does not know.

    Otherwise their records would be made where no client can see them and no save keeps them.
    """
    for name in [name for name in provisioners.RESOURCE_HANDLERS if not name.startswith(_RESOURCE_TYPES)]:
        del provisioners.RESOURCE_HANDLERS[name]


def refuse_other_services() -> None:
    """Answer a client of a service that is not there in the service's own protocol, so that it shows the reason."""
    handlers = _Handlers(emulator.SERVICE_HANDLERS)
    emulator.SERVICE_HANDLERS = handlers


def refuse_other_routes() -> None:
    """Shut the paths and hosts that ministack answers before it asks which service is meant.

    Health, downloads, certificates, data planes and consoles of services that are not here; of all of them S3's own
    hosts and its control plane, and the signals of wait conditions, are left.
    """

    async def before_body(
        _: Callable[..., Any], method: str, path: str, headers: Any, query_params: Any, request_id: str
    ) -> None:
        return None

    async def after_body(
        original: Callable[..., Any],
        method: str,
        path: str,
        headers: Any,
        body: bytes,
        query_params: Any,
        request_id: str,
    ) -> Any:
        known = path.startswith(OPEN_PATH)
        return await original(method, path, headers, body, query_params, request_id) if known else None

    async def special(
        _: Callable[..., Any],
        method: str,
        path: str,
        headers: Any,
        body: bytes,
        query_params: Any,
        request_id: str,
        **_more: Any,
    ) -> Any:
        answer = await emulator.handle_s3_control_request(path, method, body, query_params, request_id, headers)
        if answer:
            return answer
        host = headers.get("host", "")
        answer = await emulator.handle_s3_vhost_request(host, path, method, headers, body, query_params)
        return emulator.with_data_plane_headers(answer, request_id, include_s3_id=True, wildcard_cors=False)

    correct(emulator.handle_pre_body_request, before_body)
    correct(emulator.handle_post_body_shortcuts, after_body)
    correct(emulator.handle_special_data_plane_request, special)


def refuse_outgoing_requests() -> None:
    """Let no subscription and no API destination make this process call a port of this machine."""

    def refused(*_: Any, **__: Any) -> Any:
        raise OSError("The local cloud makes no HTTP requests to others.")

    correct(sns.http_post_sync, refused)
    correct(eventbridge.http_open, refused)


class _Handlers(dict[str, Any]):
    """The emulator's table of handlers, with one for the services that it does not have."""

    def get(self, service: str, default: Any = None) -> Any:
        return super().get(service) or _refusal(service)


def _refusal(service: str) -> Any:

    async def handle(method: str, path: str, headers: dict[str, str], body: bytes, query: Any) -> Any:
        message = f"The local cloud does not have the service {service}."
        answer = iam_actions.access_denied_response(
            service, "", "", "", error_code="UnknownOperationException", message=message, headers=headers
        )
        return 400, *answer[1:]

    return handle


def served_modules() -> dict[str, str]:
    """The service modules that are served, ours included: name of the saved state -> module name."""
    modules: dict[str, str] = {}
    for service in emulator.SERVICE_HANDLERS:
        entry = emulator.SERVICE_REGISTRY[service]
        modules[entry.get("state_key", entry["module"])] = entry["module"]
        modules.update({name: name for name in entry.get("sub_modules", ())})
    return modules


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
        # Saving is ours (localcloud/server/persistence.py): the emulator saves at an orderly stop alone.
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
