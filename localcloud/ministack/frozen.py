"""Records that nobody can change: what a table holds is replaced by another record, or it is as it was.

So one look at which record it is says whether it changed; a record of ministack's, which anybody may change in depth,
has to be read for that.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, NoReturn

from localcloud.ministack.door.core import responses
from localcloud.ministack.door.names import entries


def _refuse(self: Any, *_: Any, **__: Any) -> NoReturn:
    raise TypeError("A record in a table cannot be changed: put a changed copy in its place.")


class FrozenDict(dict[str, Any]):
    """A dictionary of frozen values. Its copies (`{**it}`, `copy.deepcopy`) are ordinary dictionaries."""

    __slots__ = ()
    __setitem__ = __delitem__ = __ior__ = _refuse
    clear = pop = popitem = setdefault = update = _refuse

    def __reduce__(self) -> tuple[Callable[..., dict[str, Any]], tuple[dict[str, Any]]]:
        return dict, ({**self},)


class FrozenList(list[Any]):
    """A list of frozen values. Its copies (`[*it]`, `copy.deepcopy`) are ordinary lists."""

    __slots__ = ()
    __setitem__ = __delitem__ = __iadd__ = __imul__ = _refuse
    append = clear = extend = insert = pop = remove = reverse = sort = _refuse

    def __reduce__(self) -> tuple[Callable[..., list[Any]], tuple[list[Any]]]:
        return list, ([*self],)


def freeze(value: Any) -> Any:
    """The value, frozen in depth; what is frozen already is itself. Raises TypeError for what JSON does not have."""
    kind = type(value)
    if kind is FrozenDict or kind is FrozenList or value is None or isinstance(value, str | int | float | bytes):
        return value
    if isinstance(value, Mapping):
        return FrozenDict({key: freeze(each) for key, each in value.items()})
    if isinstance(value, list):
        return FrozenList([freeze(each) for each in value])
    if isinstance(value, tuple):
        return tuple(freeze(each) for each in value)
    raise TypeError(f"A record in a table holds JSON, not a {kind.__name__}.")


def frozen_store() -> Any:
    """A store by account, region and name (ministack's AccountRegionScopedDict) that freezes what is put into it."""
    return _store_class()()


def is_frozen(store: Any) -> bool:
    """Whether a store is one of `frozen_store`."""
    return getattr(type(store), "frozen", False)


@cache
def _store_class() -> type[Any]:
    # Not at the import: the server decides ministack's settings first.
    class FrozenStore(responses.AccountRegionScopedDict):  # type: ignore[misc,name-defined]
        """Overrides each method that puts values in; the contract test compares them with ministack's."""

        __slots__ = ()
        frozen = True

        def __setitem__(self, key: Any, value: Any) -> None:
            super().__setitem__(key, freeze(value))

        def set_scoped(self, account_id: str, region: str, key: Any, value: Any) -> None:
            super().set_scoped(account_id, region, key, freeze(value))

        def setdefault(self, key: Any, default: Any = None) -> Any:
            return super().setdefault(key, freeze(default))

        def update(self, other: Any) -> None:
            super().update(other)
            found = entries(self)
            found.update({key: freeze(value) for key, value in found.items()})

        @classmethod
        def from_dict(cls, data: Mapping[Any, Any]) -> Any:
            return super().from_dict({key: freeze(value) for key, value in data.items()})

    return FrozenStore
