"""How a correction takes the place of a function of ministack: checked first, named when it has moved.

Every touch of the emulator's inside goes through `wrap` or `entry`, so the list of touches is complete and a
release of ministack that renames or reshapes one of them fails by name instead of quietly undoing a correction.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, MutableMapping
from dataclasses import dataclass
from typing import Any

_MARK = "_kickstand_correction"


class SeamMovedError(RuntimeError):
    """ministack no longer has the function that a correction takes the place of, or gave it another shape."""


@dataclass(frozen=True, slots=True)
class Seam:
    """One function of ministack that is replaced: its module, its name, and the parameters it must have."""

    module: str
    name: str
    parameters: tuple[str, ...]
    also: tuple[str, ...] = ()
    """Modules that imported the function by name and so hold their own reference to it."""

    def original(self) -> Callable[..., Any]:
        """The function as ministack wrote it, whatever has been put around it since; SeamMovedError if it moved."""
        found = getattr(importlib.import_module(self.module), self.name, None)
        if found is None:
            raise SeamMovedError(f"{self.module}.{self.name} is gone")
        while hasattr(found, _MARK):
            found = getattr(found, _MARK)
        actual = tuple(inspect.signature(found).parameters)
        if actual != self.parameters:
            raise SeamMovedError(f"{self.module}.{self.name} takes {actual}, not {self.parameters}")
        return found  # type: ignore[no-any-return]


SEAMS: dict[tuple[str, str], Seam] = {}
"""Every function that was replaced, by module and name: what the contract test walks through."""


def wrap(seam: Seam, make: Callable[[Callable[..., Any]], Callable[..., Any]]) -> None:
    """Put `make(current)` in the place of the seam's function, in its own module and in those that imported it.

    Several corrections may wrap the same function; each goes around the ones before it.
    """
    seam.original()
    module = importlib.import_module(seam.module)
    current = getattr(module, seam.name)
    for name in seam.also:
        if getattr(importlib.import_module(name), seam.name, None) is not current:
            raise SeamMovedError(f"{name} no longer imports {seam.module}.{seam.name}")
    replacement = make(current)
    setattr(replacement, _MARK, current)
    setattr(module, seam.name, replacement)
    for name in seam.also:
        setattr(importlib.import_module(name), seam.name, replacement)
    SEAMS[seam.module, seam.name] = seam


def entry(
    table: MutableMapping[str, Any], key: str, make: Callable[[Callable[..., Any]], Callable[..., Any]], where: str
) -> None:
    """Put `make(current)` in the place of one entry of a table of handlers; `where` names the table in errors."""
    if key not in table:
        raise SeamMovedError(f"{where} has no {key}")
    table[key] = make(table[key])


def attribute(module: str, name: str, kind: type) -> Any:
    """A value of one of ministack's modules, checked to be there and of that kind."""
    found = getattr(importlib.import_module(module), name, None)
    if not isinstance(found, kind):
        raise SeamMovedError(f"{module}.{name} is {type(found).__name__}, not {kind.__name__}")
    return found
