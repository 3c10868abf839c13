"""How the local cloud behaves where nobody outside AWS knows what AWS does, or where AWS does now one, now the other.

Each switch stands at its first value, at which less succeeds, until somebody sets it: `kickstand local switch`. It is
kept in the state folder, so it outlives a restart and can be set before a start.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from kickstand.atomic_file import atomic_file
from kickstand.errors import InputError, Problem
from localcloud.state import StateFolder


@dataclass(frozen=True, slots=True)
class Switch:
    """values: what it can be set to, the default first. meaning: a sentence for people."""

    name: str
    values: tuple[str, ...]
    meaning: str


STOPPED_JOB = Switch(
    "stopped-job",
    ("fails", "completes"),
    "What a state machine's `.sync` task makes of a job that ends as Stopped: AWS does not say.",
)
MODEL_ROLE = Switch(
    "model-role",
    ("at-once", "late"),
    "late: the next CreateModel is refused once, as where a new role's policy is not in force yet.",
)
MACHINE_ROLE = Switch(
    "machine-role",
    ("at-once", "late"),
    "late: the next state machine that logs is refused once, as where a new role's policy is not in force yet.",
)
SWITCHES = (STOPPED_JOB, MODEL_ROLE, MACHINE_ROLE)


class Switches:
    """The switches of one local cloud; whoever sets them and the server share a file."""

    def __init__(self, folder: StateFolder) -> None:
        self._file = folder.switches

    def value(self, switch: Switch) -> str:
        """What it stands at; its default where nobody set it, or to what is no longer known."""
        found = self._read().get(switch.name)
        return found if found in switch.values else switch.values[0]

    def set(self, name: str, value: str) -> None:
        """Set a switch by name. Raises InputError for a name or a value that there is not."""
        switch = next((one for one in SWITCHES if one.name == name), None)
        if switch is None:
            names = ", ".join(one.name for one in SWITCHES)
            raise InputError(Problem(f"There is no switch {name}.", "kickstand local switch", f"Known ones: {names}."))
        if value not in switch.values:
            fix = f"It takes: {', '.join(switch.values)}."
            raise InputError(Problem(f"The switch {name} cannot be set to {value}.", "kickstand local switch", fix))
        self._write({**self._read(), name: value})

    def take(self, switch: Switch) -> bool:
        """Whether a switch stands at another value than its default; it is put back, so this happens once."""
        if self.value(switch) == switch.values[0]:
            return False
        self._write({name: value for name, value in self._read().items() if name != switch.name})
        return True

    def _read(self) -> Mapping[str, str]:
        try:
            found = json.loads(self._file.read_bytes())
        except (FileNotFoundError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def _write(self, values: Mapping[str, str]) -> None:
        with atomic_file(self._file) as out:
            out.write(json.dumps(values, sort_keys=True, indent=2).encode() + b"\n")


_serving: Switches | None = None


def serve(folder: StateFolder) -> None:
    """Make the switches of a folder those of this process, which is its server."""
    global _serving
    _serving = Switches(folder)


def stands_at(switch: Switch) -> str:
    """What a switch of this process's server stands at; its default in a process that serves nothing."""
    return switch.values[0] if _serving is None else _serving.value(switch)


def taken(switch: Switch) -> bool:
    """`Switches.take` of this process's server; False in a process that serves nothing."""
    return _serving is not None and _serving.take(switch)
