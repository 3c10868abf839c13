"""In whose name and in which region a request runs, and stores that keep accounts and regions apart."""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from contextlib import AbstractContextManager
from typing import Any, Generic, TypeVar, cast

from ministack.core import responses

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
    within a second of a change and is there after a restart.
    """

    def __init__(self) -> None:
        self.scoped: Any = responses.AccountRegionScopedDict()

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
