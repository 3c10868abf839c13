"""The process that forks the programs of `warm_programs.py`, once it has imported what they import.

python -P program_forker.py SOCKET
"""

from __future__ import annotations

import ctypes
import fcntl
import importlib
import io
import json
import os
import pkgutil
import re
import runpy
import select
import signal
import socket
import sys
import warnings
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

from warm_emulator import SERVER, enter_server, load_emulator
from warm_programs import FORKED_BY, LENGTH, exactly, warm_programs

_IDLE_SECONDS = 900.0
"""Until it ends where the run was killed; a run that ends ends it (`run_end.py`)."""


def _load() -> None:
    """Import what the programs import, most of it in functions."""
    import localcloud.container
    import localcloud.jobs
    import training

    for package in (localcloud.container, localcloud.jobs, training):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not module.name.endswith("__main__"):
                importlib.import_module(module.name)
    for name in ("localcloud.server.__main__", "boto3", "pandas", "pyarrow.compute", "uvicorn", "uvloop", "xgboost"):
        importlib.import_module(name)
    # And read what each reads of the SDK's service models, for 0.1 to 0.2 s of CPU.
    from localcloud.container.contract import image_version
    from localcloud.jobs.s3 import core_session, logs_client, s3_client

    nobody = {"AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "none", "AWS_SECRET_ACCESS_KEY": "none"}
    for client, list_all in ((logs_client(nobody), "describe_log_streams"), (s3_client(nobody), "list_objects_v2")):
        client.can_paginate(list_all)
        client.close()
    image_version()  # looks through all installed packages
    for service in ("application-autoscaling", "cloudwatch", "sagemaker"):
        core_session().get_service_model(service)
    load_emulator()


def _serve(place: str) -> dict[str, Any]:
    """Fork a process for each that asks, and say how it ended. Returns in the forked ones, with what was asked for."""
    running: dict[int, socket.socket] = {}
    woken, wake = socket.socketpair()
    woken.setblocking(False)
    wake.setblocking(False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wake.fileno())
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(f"{place}.new")
    listener.listen(256)
    Path(f"{place}.new").rename(place)  # whoever sees it is answered
    while True:
        ready, _, _ = select.select([listener, woken], [], [], _IDLE_SECONDS)
        if not ready and not running:
            sys.exit()
        if woken in ready:
            with suppress(BlockingIOError):
                woken.recv(4096)
            _tell_ends(running)
        if listener in ready:
            connection, _ = listener.accept()
            length, descriptors, _, _ = socket.recv_fds(connection, LENGTH, 16)
            asked: dict[str, Any] = json.loads(exactly(connection, int.from_bytes(length, "big")))
            pid = os.fork()
            if pid == 0:
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                for held in (listener, woken, wake, connection, *running.values()):
                    held.close()
                return {**asked, "descriptors": descriptors}
            for descriptor in descriptors:
                os.close(descriptor)
            running[pid] = connection
            with suppress(OSError):  # whoever asked is gone
                connection.sendall(pid.to_bytes(LENGTH, "big"))


def _tell_ends(running: dict[int, socket.socket]) -> None:
    while running:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if pid == 0:
            return
        with running.pop(pid) as connection, suppress(OSError):
            connection.sendall(os.waitstatus_to_exitcode(status).to_bytes(LENGTH, "big", signed=True))


def _become(asked: Mapping[str, Any]) -> None:
    """Be `python -m WORDS`."""
    if asked["session"]:
        os.setsid()
    streams, passed = asked["descriptors"][:3], asked["descriptors"][3:]
    # First away from the numbers that they are to have.
    streams, passed = ([fcntl.fcntl(one, fcntl.F_DUPFD, 100) for one in some] for some in (streams, passed))
    for number, descriptor in (*enumerate(streams), *zip(asked["passed"], passed, strict=True)):
        os.dup2(descriptor, number)
    for descriptor in {*asked["descriptors"]} - {0, 1, 2, *asked["passed"]}:
        os.close(descriptor)
    for descriptor in (*streams, *passed):
        os.close(descriptor)
    FORKED_BY.append(sys.argv[1])
    os.environ.clear()
    os.environ.update(asked["variables"])
    if threads := os.environ.get("OMP_NUM_THREADS"):
        _set_threads(int(threads))
    os.chdir(asked["folder"])
    sys.stdin = io.TextIOWrapper(io.BufferedReader(io.FileIO(0, closefd=False)), "utf-8")
    for name, number, errors in (("stdout", 1, "strict"), ("stderr", 2, "backslashreplace")):
        raw = cast("Any", io.FileIO(number, "w", closefd=False))
        setattr(sys, name, io.TextIOWrapper(raw, "utf-8", errors, write_through=True))  # as PYTHONUNBUFFERED has it
    sys.path.remove(str(Path(__file__).parent))
    paths = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    sys.path[:0] = [path for path in paths if path and path not in sys.path]
    sys.argv = [*asked["words"]]
    if SERVER in asked["words"]:
        enter_server()
    runpy.run_module(asked["words"][0], run_name="__main__", alter_sys=True)


def _set_threads(count: int) -> None:
    """What OpenMP reads from OMP_NUM_THREADS where it is loaded."""
    for library in {*re.findall(r"/\S*libgomp\S*", Path("/proc/self/maps").read_text("utf-8"))}:
        ctypes.CDLL(library).omp_set_num_threads(count)


def _main() -> None:
    import gc

    gc.disable()  # what is imported stays
    _load()
    gc.collect()
    gc.freeze()
    gc.enable()
    asked = _serve(sys.argv[1])
    # What runs as __main__ has been imported by its name.
    warnings.filterwarnings("ignore", "'.*' found in sys.modules", RuntimeWarning)
    with warm_programs():
        _become(asked)


if __name__ == "__main__":
    _main()
