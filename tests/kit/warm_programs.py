"""The local cloud's server, and the programs of its jobs and endpoints, forked from a process that has imported them.

Each takes half a second to a second of CPU to import what it needs, and a test run starts hundreds. A test that kills
such processes, or looks at them from outside (their parents, `/proc/PID/environ`), starts them: `cold_programs`. The
main job (tests/e2e) has none of this.

    python -P warm_programs.py SOCKET       the process that forks; `warm_programs` starts it, once a test run
"""

from __future__ import annotations

import ctypes
import fcntl
import importlib
import io
import json
import logging
import os
import pkgutil
import re
import runpy
import select
import signal
import socket
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, redirect_stderr, suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from unittest.mock import patch

from once_a_run import FOLDER

_LENGTH = 4
_IDLE_SECONDS = 900.0
"""Until it ends where the run was killed; a run that ends ends it (`run_end.py`)."""
_ROOT = Path(__file__).resolve().parents[2]
MARK = "SAGEMAKER_MARK"
"""A variable of containers: one that has it is not forked, as a test looks for it from outside."""
_FORKED_BY: list[str] = []
"""In a forked process: the socket of the one that forks."""
_PRELOADED = ExitStack()
_SERVER = "localcloud.server"
_NO_FOLDER, _NO_PORT = "/no-folder-of-a-local-cloud", "64999"
_EMULATOR_SETTINGS: list[tuple[Any, str, str]] = []
"""Module, name and value."""
_EMULATOR_LOGS: list[logging.Handler] = []
"""What the emulator set up for the log: for servers alone."""
_READ = (
    "cloudformation",
    "events",
    "iam",
    "kms",
    "logs",
    "monitoring",
    "s3",
    "sagemaker",
    "scheduler",
    "sns",
    "sqs",
    "ssm",
    "states",
    "sts",
)
"""Services that the tests use, by its names."""
_PYTHON = sys.executable
_PIPE, _DEVNULL = subprocess.PIPE, subprocess.DEVNULL


class WarmProcess:
    """As much of `subprocess.Popen` as the local cloud uses, for a process that another one has forked."""

    def __init__(self, place: str, words: Sequence[str], passed: Sequence[int], **how: Any) -> None:
        self.args, self.returncode = words, cast("int | None", None)
        self.stdin, given_in = self._stream(how["stdin"], 0)
        self.stdout, given_out = self._stream(how["stdout"], 1)
        same = how["stderr"] == subprocess.STDOUT
        _, given_error = (None, given_out) if same else self._stream(how["stderr"], 1)
        streams = (given_in, given_out, given_error)
        request = json.dumps(
            {
                "words": words,
                "folder": str(how["cwd"]),
                "variables": dict(how["env"]),
                "passed": list(passed),
                "session": how.get("start_new_session", False),
            }
        ).encode()
        self._connection = socket.socket(socket.AF_UNIX)
        try:
            self._connection.connect(place)
            socket.send_fds(self._connection, [len(request).to_bytes(_LENGTH, "big")], [*streams, *passed])
            self._connection.sendall(request)
            self.pid = int.from_bytes(_exactly(self._connection, _LENGTH), "big")
        finally:
            for stream in {*streams}:
                if stream not in self._borrowed:
                    os.close(stream)

    _borrowed: tuple[int, ...] = ()

    def _stream(self, wanted: Any, way: int) -> tuple[Any, int]:
        """This side of a stream and the other's; way: 0 for one that the program reads."""
        if wanted == _PIPE:
            ends = os.pipe()
            return os.fdopen(ends[1 - way], "rb" if way else "wb"), ends[way]
        if wanted == _DEVNULL:
            return None, os.open(os.devnull, os.O_RDWR)
        number = wanted if isinstance(wanted, int) else wanted.fileno()
        self._borrowed = (*self._borrowed, number)
        return None, number

    def __del__(self) -> None:
        self._connection.close()

    def poll(self) -> int | None:
        return self._ended(0)

    def wait(self, timeout: float | None = None) -> int:
        code = self._ended(timeout)
        if code is None:
            raise subprocess.TimeoutExpired(self.args, timeout or 0)
        return code

    def _ended(self, timeout: float | None) -> int | None:
        while self.returncode is None:
            poll = select.poll()  # of any number of descriptors
            poll.register(self._connection, select.POLLIN)
            if not poll.poll(None if timeout is None else timeout * 1000):
                return None
            try:
                told = self._connection.recv(_LENGTH, socket.MSG_PEEK)  # other threads may wait too
            except OSError:
                told = b""
            # Without an answer the one that forks is gone, and with it whoever could say how this one ended.
            self.returncode = int.from_bytes(told, "big", signed=True) if len(told) == _LENGTH else -signal.SIGKILL
        return self.returncode

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


@contextmanager
def warm_programs() -> Iterator[None]:
    """Servers and jobs that this process starts are forked; outside a test run they are started as ever."""
    if FOLDER not in os.environ:
        yield
        return
    import localcloud.jobs.process.program
    import localcloud.server.process

    with (
        patch.object(localcloud.server.process, "subprocess", forking()),
        patch.object(localcloud.jobs.process.program, "subprocess", forking()),
    ):
        yield


def preload() -> None:
    """From here on: for a process that others are forked from (`warm_python.py`), which start servers.

    What forks them is started here: it would keep open the streams of the first that needs it.
    """
    _PRELOADED.enter_context(warm_programs())
    if FOLDER in os.environ:
        forking_place()


@contextmanager
def cold_programs() -> Iterator[None]:
    """Servers and jobs that this process starts begin as on a user's machine, and with them all that they start."""
    import localcloud.jobs.process.program
    import localcloud.server.process

    with (
        patch.object(localcloud.server.process, "subprocess", subprocess),
        patch.object(localcloud.jobs.process.program, "subprocess", subprocess),
    ):
        yield


def forking(**more: Any) -> Any:
    """What stands for `subprocess` in a module whose programs are forked; more: what else the module uses of it."""
    return SimpleNamespace(Popen=_start, PIPE=_PIPE, STDOUT=subprocess.STDOUT, DEVNULL=_DEVNULL, **more)


def _start(line: Sequence[str], **how: Any) -> Any:
    """`subprocess.Popen`, forked where it is this Python that runs a module."""
    words = [*line[2:]] if line[1] == "-P" else [*line[1:]]
    if line[0] != _PYTHON or words[0] != "-m" or MARK in how["env"] or not _alike(how["env"]):
        return subprocess.Popen(line, **how)
    return WarmProcess(forking_place(), words[1:], how.pop("pass_fds", ()), **how)


def _alike(variables: Mapping[str, str]) -> bool:
    """Whether OpenMP was loaded with these variables; the number of threads can be said later."""
    names = {name for name in (*variables, *os.environ) if name.startswith(("OMP_", "GOMP_"))} - {"OMP_NUM_THREADS"}
    return all(variables.get(name) == os.environ.get(name) for name in names)


def forking_place() -> str:
    """The socket of the run's process that forks; it is started where it is not there."""
    if _FORKED_BY:
        return _FORKED_BY[0]
    place = Path(os.environ[FOLDER], "programs")
    with place.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not place.exists():
            server = subprocess.Popen(
                [_PYTHON, "-P", str(Path(__file__).resolve()), str(place)],
                env={
                    **os.environ,
                    "PYTHONPATH": os.pathsep.join((str(_ROOT), str(Path(__file__).parent))),
                    "OPENBLAS_NUM_THREADS": "1",
                },
                stdin=_DEVNULL,
                stdout=_DEVNULL,
                start_new_session=True,
            )
            while not place.exists():
                if server.poll() is not None:
                    raise RuntimeError(f"the programs cannot be loaded: exit code {server.returncode}")
                time.sleep(0.02)
            server.returncode = 0  # it outlives this process
    return str(place)


def _exactly(connection: socket.socket, count: int) -> bytes:
    read = b""
    while len(read) < count:
        part = connection.recv(count - len(read))
        if not part:
            raise OSError("the process that forks is gone")
        read += part
    return read


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
    _load_emulator()


def _load_emulator() -> None:
    """Import the emulator's served services, and let it read of the SDK's models what it does at a first request.

    Of its settings a few strings of its modules keep a state folder and a port: here those of no server, and each
    server puts its own in their place. What it does to this process besides, a server does again or takes over.
    """
    from localcloud.ministack import door, served
    from localcloud.sagemaker.api.service_model import service_model
    from localcloud.state import StateFolder

    root, variables, finders = logging.root, dict(os.environ), [*sys.meta_path]
    logs = root.handlers[:], root.level
    with redirect_stderr(io.StringIO()):
        served.configure(StateFolder(Path(_NO_FOLDER)), int(_NO_PORT))
        served.put_off_other_services()
        door.check()
    for module in [module for name, module in sys.modules.items() if name.startswith("ministack")]:
        for name, value in vars(module).items():
            if isinstance(value, str) and (_NO_FOLDER in value or _NO_PORT in value):
                _EMULATOR_SETTINGS.append((module, name, value))
    _EMULATOR_LOGS[:] = [handler for handler in root.handlers if handler not in logs[0]]
    root.handlers[:], root.level = logs
    os.environ.clear()
    os.environ.update(variables)
    sys.meta_path[:] = finders
    for service in ("iam", "sagemaker"):
        service_model(service)
    actions = sys.modules["ministack.core.iam_actions"]
    for service in _READ:
        actions._get_routes_for_service(service)
        actions._tag_operations(service)
        actions.unsigned_operations(service)


def _enter_server() -> None:
    """Be a process that has imported the emulator with the settings of this server, as soon as it has any."""
    from localcloud.ministack import served

    configure = served.configure

    def configure_again(state: Any, port: int) -> None:
        configure(state, port)
        for handler in _EMULATOR_LOGS:
            cast("logging.StreamHandler[Any]", handler).setStream(sys.stderr)
            logging.root.addHandler(handler)
        logging.root.setLevel(os.environ["LOG_LEVEL"].upper())
        for module, name, value in _EMULATOR_SETTINGS:
            setattr(module, name, value.replace(_NO_FOLDER, str(state.root)).replace(_NO_PORT, str(port)))
        # What it does with them while it is imported.
        s3 = sys.modules["ministack.services.s3"]
        s3._load_persisted_data()
        s3._reschedule_restores()

    served.configure = configure_again


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
            length, descriptors, _, _ = socket.recv_fds(connection, _LENGTH, 16)
            asked: dict[str, Any] = json.loads(_exactly(connection, int.from_bytes(length, "big")))
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
                connection.sendall(pid.to_bytes(_LENGTH, "big"))


def _tell_ends(running: dict[int, socket.socket]) -> None:
    while running:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if pid == 0:
            return
        with running.pop(pid) as connection, suppress(OSError):
            connection.sendall(os.waitstatus_to_exitcode(status).to_bytes(_LENGTH, "big", signed=True))


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
    _FORKED_BY.append(sys.argv[1])
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
    if _SERVER in asked["words"]:
        _enter_server()
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
