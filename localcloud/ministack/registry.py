"""How a service of ours becomes one of the emulator's: routing, access control, state kept by account and region."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable, Iterator, Mapping, MutableMapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any, Generic, TypeVar, cast

from localcloud.ministack.door.core import emulator, iam_actions, responses, router
from localcloud.ministack.door.names import SERVICES, correct
from localcloud.ministack.frozen import frozen_store

Value = TypeVar("Value")


def account_id() -> str:
    """The account of the current request (12 digits)."""
    return cast(str, responses.get_account_id())


def region() -> str:
    """The region of the current request."""
    return cast(str, responses.get_region())


def request_scope(account: str, region: str) -> AbstractContextManager[None]:
    """Run a block for an account and a region: what a thread or a timer needs, which has no request."""
    return cast("AbstractContextManager[None]", responses.request_scope(account, region))


class RegionalStore(MutableMapping[str, Value], Generic[Value]):
    """Records by name; the current request sees those of its own account and region alone.

    What is kept must be JSON (dictionaries with string keys, lists, strings, numbers, booleans, None): it is saved
    within a second of a change and is there after a restart. It is frozen: a change is a changed copy that is put in
    its place.
    """

    def __init__(self) -> None:
        self.scoped: Any = frozen_store()

    def __getitem__(self, name: str) -> Value:
        return cast(Value, self.scoped[name])

    def __setitem__(self, name: str, value: Value) -> None:
        self.scoped[name] = value

    def __delitem__(self, name: str) -> None:
        del self.scoped[name]

    def __contains__(self, name: object) -> bool:
        return name in self.scoped

    def __iter__(self) -> Iterator[str]:
        return iter(self.scoped.keys())

    def __len__(self) -> int:
        return len(self.scoped)

    def everywhere(self) -> list[tuple[str, str, str, Value]]:
        """Every record as (account, region, name, value): for what runs outside a request."""
        return [(account, region, name, value) for (account, region, name), value in self.scoped.all_items()]


@dataclass(frozen=True, slots=True)
class Request:
    """An HTTP request, authenticated already and in the scope of its account and region."""

    method: str
    path: str
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes
    query: Mapping[str, list[str]]

    @property
    def operation(self) -> str:
        """The operation of an AWS JSON request: `CreateModel` of `X-Amz-Target: SageMaker.CreateModel`."""
        return self.headers.get("x-amz-target", "").rpartition(".")[2]


@dataclass(frozen=True, slots=True)
class Response:
    """What a handler answers."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    verbatim: bool = False
    """True: the content type is the answer's own (a model's) and not AWS's envelope; it arrives as it is."""


Handler = Callable[[Request], Awaitable[Response]]
ActionOf = Callable[[Request], str | None]
"""The IAM action of a request (`sagemaker:CreateModel`); None leaves it to the X-Amz-Target header."""
ResourceOf = Callable[[Request], str]
"""The ARN (or `*`) that IAM policies are asked about for a request."""


class _OwnContentType(str):
    """Marks a content type that the emulator's envelope correction has to leave alone."""

    __slots__ = ()


def register_service(
    name: str,
    *,
    target_prefix: str,
    handler: Handler,
    stores: Mapping[str, RegionalStore[Any]],
    action: ActionOf = lambda request: None,
    resource: ResourceOf = lambda request: "*",
) -> None:
    """Serve a service: requests signed for `name`, or whose X-Amz-Target begins with `target_prefix`.

    name:   the signing name in the credential scope (`sagemaker` is also sagemaker-runtime's), the IAM namespace,
            and the name of the saved state.
    stores: saved within a second of a change and restored before the server answers.

    A handler runs on the event loop: what blocks belongs into `asyncio.to_thread`, which keeps account and region.
    """
    module = ModuleType(f"{SERVICES}{name.replace('-', '_')}")

    async def handle_request(
        method: str, path: str, headers: dict[str, str], body: bytes, query_params: dict[str, list[str]]
    ) -> tuple[int, dict[str, str], bytes]:
        answer = await handler(Request(method, path, headers, body, query_params))
        sent = dict(answer.headers)
        if answer.verbatim:
            sent = {
                key: _OwnContentType(value) if key.lower() == "content-type" else value for key, value in sent.items()
            }
            sent = {("Content-Type" if key.lower() == "content-type" else key): value for key, value in sent.items()}
        return answer.status, sent, answer.body

    def get_state() -> dict[str, Any]:
        return {key: store.scoped for key, store in stores.items()}

    def load_persisted_state(data: Mapping[str, Any]) -> None:
        for key, saved in data.items():
            if key in stores:
                stores[key].scoped.update(saved)

    def reset() -> None:
        for store in stores.values():
            store.scoped.clear()

    vars(module).update(
        handle_request=handle_request, get_state=get_state, load_persisted_state=load_persisted_state, reset=reset
    )
    short = module.__name__.rpartition(".")[2]
    sys.modules[module.__name__] = module
    emulator.loaded_modules[short] = module
    emulator.SERVICE_REGISTRY[name] = {"module": short}
    emulator.SERVICE_HANDLERS[name] = emulator.lazy_handler(short)
    emulator.state_map[short] = short
    router.SERVICE_PATTERNS[name] = {"target_prefixes": [target_prefix]}
    iam_actions.SERVICE_TO_IAM_NAMESPACE[name] = name
    _accesses[name] = (action, resource)


_accesses: dict[str, tuple[ActionOf, ResourceOf]] = {}


def install() -> None:
    """Put our access control and the content types of `verbatim` answers into the emulator. Once, before it starts."""
    correct(iam_actions.extract_iam_action, _action)
    correct(iam_actions.extract_resource_arn, _resource)
    correct(emulator.fix_success_content_type, _content_type)


def _action(
    derived: Callable[..., Any],
    service: str,
    method: str,
    path: str,
    headers: dict[str, str],
    body: bytes,
    query_params: Any,
) -> Any:
    known = _accesses.get(service)
    found = known and known[0](Request(method, path, headers, body, query_params or {}))
    return found or derived(service, method, path, headers, body, query_params)


def _resource(
    derived: Callable[..., Any],
    service: str,
    method: str,
    path: str,
    headers: dict[str, str],
    body: bytes,
    query_params: Any,
    *place: str,
) -> Any:
    known = _accesses.get(service)
    if known is None:
        return derived(service, method, path, headers, body, query_params, *place)
    return known[1](Request(method, path, headers, body, query_params or {}))


def _content_type(correct: Callable[..., Any], service: str, status: int, headers: dict[str, str]) -> None:
    if not isinstance(headers.get("Content-Type"), _OwnContentType):
        correct(service, status, headers)
