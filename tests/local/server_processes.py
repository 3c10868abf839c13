"""The processes of a local cloud as Linux shows them: model servers, ports that they listen on."""

from __future__ import annotations

import contextlib
from pathlib import Path

from warm_programs import MARK


def model_servers(mark: str) -> list[int]:
    """Process ids of the model servers whose environment has SAGEMAKER_MARK with this value."""
    wanted, found = f"{MARK}={mark}".encode(), []
    for process in Path("/proc").iterdir():
        try:
            if process.name.isdecimal() and wanted in (process / "environ").read_bytes().split(b"\0"):
                found.append(int(process.name))
        except OSError:
            pass  # another's, or gone
    return found


def listening(pid: int) -> list[tuple[str, int]]:
    """Addresses and ports on which a process listens over TCP, IPv4 and IPv6, as the kernel shows them."""
    sockets = {f"socket:[{line.split()[9]}]": line.split()[1] for line in _tcp(pid) if line.split()[3] == "0A"}
    held = []
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(OSError):
            held.append(str(descriptor.readlink()))
    places = [sockets[name].split(":") for name in held if name in sockets]
    return [(address, int(port, 16)) for address, port in places]


def _tcp(pid: int) -> list[str]:
    return [
        line
        for name in ("tcp", "tcp6")
        for line in Path(f"/proc/{pid}/net/{name}").read_text().splitlines()[1:]
        if line
    ]
