"""How a name of ministack is declared, used, checked and replaced.

    class S3(Names, of="ministack.services.s3"):
        buckets = Value[Table]("_buckets", "AccountScopedDict")
        head_object = Seam("_head_object", "bucket_name key headers query_params")

`S3().buckets` is what the name stands for now, and may be assigned; `S3().head_object(…)` calls the function as
ministack's own code would, corrections included; `.original()` is the function as ministack wrote it.
"""

from __future__ import annotations

import importlib
import inspect
import sys
from collections.abc import Callable, Iterator, MutableMapping
from functools import partial
from typing import Any, Generic, Protocol, TypeVar

T = TypeVar("T")

SERVICES = "ministack.services."
"""What the names of its service modules begin with."""

_MARK = "_kickstand_correction"


class SeamMovedError(RuntimeError):
    """ministack no longer has a name that is declared, or gave it another kind or other parameters."""


class Table(Protocol):
    """A dictionary of ministack that shows a request the entries of its own account, or of its account and region."""

    _data: dict[Any, Any]

    def __iter__(self) -> Iterator[Any]: ...
    def __getitem__(self, key: Any) -> Any: ...
    def __setitem__(self, key: Any, value: Any) -> None: ...
    def __delitem__(self, key: Any) -> None: ...
    def __contains__(self, key: object) -> bool: ...
    def get(self, key: Any, default: Any = None) -> Any: ...
    def pop(self, key: Any, *default: Any) -> Any: ...
    def items(self) -> Any: ...
    def values(self) -> Any: ...
    def update(self, other: Any) -> None: ...
    def all_items(self) -> Any: ...
    def all_values(self) -> Any: ...
    def get_scoped(self, account_id: str, region: str | None, key: Any, default: Any = None) -> Any: ...


def entries(table: Table) -> dict[Any, Any]:
    """The entries of every account, by (account, key) or (account, region, key): a change is one of the table."""
    return table._data


def share_entries(table: Table, other: Table) -> None:
    """Let a table hold the very entries of another."""
    table._data = other._data


class Names:
    """The names of one module of ministack, `of`."""

    module: str

    def __init_subclass__(cls, of: str) -> None:
        cls.module = of
        for touch in cls.touches():
            touch.module = of

    @classmethod
    def touches(cls) -> Iterator[Value[Any] | Seam]:
        """Every name that is declared."""
        return (each for each in vars(cls).values() if isinstance(each, Value | Seam))


class Value(Generic[T]):
    """Whatever is no function. kind: its class by name, or that of one that it is derived from."""

    module: str

    def __init__(self, name: str, kind: str) -> None:
        self.name, self.kind = name, kind

    def __get__(self, instance: Names, owner: type[Names]) -> T:
        found: T = _found(self.module, self.name)
        return found

    def __set__(self, instance: Names, value: T) -> None:
        setattr(importlib.import_module(self.module), self.name, value)

    def check(self) -> None:
        """Raises SeamMovedError where the value is gone, or of another kind."""
        found = type(_found(self.module, self.name))
        if self.kind not in [each.__name__ for each in found.__mro__]:
            raise SeamMovedError(f"{self.module}.{self.name} is {found.__name__}, not {self.kind}")


class Seam:
    """A function.

    parameters: their names, with spaces in between.
    also: modules below SERVICES that imported the function by name, likewise: each holds its own reference.
    """

    module: str

    def __init__(self, name: str, parameters: str = "", *, also: str = "") -> None:
        self.name, self.parameters = name, tuple(parameters.split())
        self.also = [f"{SERVICES}{each}" for each in also.split()]

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        return _found(self.module, self.name)(*arguments, **named)

    def original(self) -> Callable[..., Any]:
        """The function as ministack wrote it, whatever has been put around it since."""
        found = _found(self.module, self.name)
        while hasattr(found, _MARK):
            found = getattr(found, _MARK)
        return found  # type: ignore[no-any-return]

    def check(self) -> None:
        """Raises SeamMovedError where the function is gone, or takes other parameters."""
        actual = tuple(inspect.signature(self.original()).parameters)
        if actual != self.parameters:
            raise SeamMovedError(f"{self.module}.{self.name} takes {actual}, not {self.parameters}")


def _found(module: str, name: str) -> Any:
    try:
        # A look-up in place of an import: requests come here many times.
        return getattr(sys.modules.get(module) or importlib.import_module(module), name)
    except AttributeError:
        raise SeamMovedError(f"{module}.{name} is gone") from None


def correct(seam: Seam, correction: Callable[..., Any]) -> None:
    """Call `correction(current, …)` in place of the seam's function, in its own module and in those that imported it.

    Several corrections may go around the same function; each goes around the ones before it.
    """
    seam.check()
    holders = [importlib.import_module(name) for name in (seam.module, *seam.also)]
    current = getattr(holders[0], seam.name)
    for holder in holders:
        if getattr(holder, seam.name, None) is not current:
            raise SeamMovedError(f"{holder.__name__} no longer imports {seam.module}.{seam.name}")
    replacement = partial(correction, current)
    setattr(replacement, _MARK, current)
    for holder in holders:
        setattr(holder, seam.name, replacement)


def correct_entry(table: MutableMapping[str, Any], key: Any, correction: Callable[..., Any], where: str) -> None:
    """Call `correction(current, …)` in place of one entry of a table of handlers; `where` names the table in errors."""
    if key not in table:
        raise SeamMovedError(f"{where} has no {key}")
    table[key] = partial(correction, table[key])
