"""Python programs whose libraries are loaded already: each is a process of its own, forked from one that imported them.

A process that imports boto3, SageMaker's SDK or the `aws` command takes one to five seconds of CPU before it does
anything, and what a user types on a page is dozens of such processes.

    python warm_python.py SOCKET WORD...            `python WORD...` by the server of a socket, with this process's
                                                    folder, variables, streams and exit code
    python warm_python.py --serve SOCKET MODULE...  the server; `warm_python` starts and ends it. Of MODULE:FUNCTION
                                                    the function is called too
"""

from __future__ import annotations

import json
import os
import socket
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:  # and nothing else: this is a program that must begin in no time
    from collections.abc import Sequence

LENGTH = 4
"""Bytes before a request that say how long it is."""
IDLE_SECONDS = 900.0
"""Until the server ends where whoever started it was killed."""


def main(place: str, words: Sequence[str]) -> int:
    """Have a program run by the server of a socket; its exit code."""
    request = json.dumps({"words": words, "folder": os.getcwd(), "variables": dict(os.environ)}).encode()  # noqa: PTH109
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(place)
        socket.send_fds(connection, [len(request).to_bytes(LENGTH, "big")], [0, 1, 2])
        connection.sendall(request)
        code = connection.recv(1)
    return code[0] if code else 1


def serve(place: str, modules: Sequence[str]) -> None:
    """Import modules; then run what is asked for, until this process is ended."""
    import gc
    import importlib

    before = dict(os.environ)
    gc.disable()  # what is imported stays
    for one in modules:
        module, _, function = one.partition(":")
        imported = importlib.import_module(module)
        if function:
            getattr(imported, function)()
    added = {name: value for name, value in os.environ.items() if before.get(name) != value}
    gc.freeze()
    gc.enable()
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(f"{place}.new")
        server.listen(64)
        os.rename(f"{place}.new", place)  # noqa: PTH104 - whoever sees it is answered
        server.settimeout(IDLE_SECONDS)
        while True:
            connection, _ = server.accept()
            if os.fork() == 0:
                server.close()
                _attend(connection, added)
            connection.close()
            _reap()


def _reap() -> None:
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return


def _attend(connection: socket.socket, added: dict[str, str]) -> None:
    """Run one program in a process of its own, and answer how it ended. Returns in neither process.

    added: the variables that the imported modules have set.
    """
    length, streams, _, _ = socket.recv_fds(connection, LENGTH, 3)
    request = b""
    while len(request) < int.from_bytes(length, "big"):
        request += connection.recv(1 << 20)
    program = os.fork()
    if program == 0:
        connection.close()
        for number, stream in enumerate(streams):
            os.dup2(stream, number)
            os.close(stream)
        asked = json.loads(request)
        _become(asked["words"], asked["folder"], {**asked["variables"], **added})
    for stream in streams:
        os.close(stream)
    _, status = os.waitpid(program, 0)
    code = os.waitstatus_to_exitcode(status)
    connection.sendall(bytes([code if code >= 0 else 128 - code]))
    os._exit(0)


def _become(words: list[str], folder: str, variables: dict[str, str]) -> None:
    """Be `python WORDS`: `-m MODULE …`, `-c CODE …`, `-` (standard input) or a file. Ends this process."""
    import runpy
    import types

    os.environ.clear()
    os.environ.update(variables)
    os.chdir(folder)
    sys.stdin, sys.stdout, sys.stderr = (open(n, "r" if n == 0 else "w", closefd=False) for n in range(3))  # noqa: SIM115
    sys.path[:0] = [one for one in variables.get("PYTHONPATH", "").split(os.pathsep) if one]
    first, *rest = words
    if first == "-m":
        sys.argv = rest
        runpy.run_module(rest[0], run_name="__main__", alter_sys=True)
    elif first in ("-", "-c"):
        code, sys.argv = (sys.stdin.read(), words) if first == "-" else (rest[0], ["-c", *rest[1:]])
        sys.path.insert(0, "")
        sys.modules["__main__"] = types.ModuleType("__main__")
        exec(compile(code, "<string>", "exec"), sys.modules["__main__"].__dict__)  # noqa: S102
    else:
        sys.argv = words
        sys.path.insert(0, os.path.dirname(os.path.realpath(first)))  # noqa: PTH120
        runpy.run_path(first, run_name="__main__")
    sys.exit()


if __name__ == "__main__":
    if sys.argv[1] == "--serve":
        serve(sys.argv[2], sys.argv[3:])
    raise SystemExit(main(sys.argv[1], sys.argv[2:]))
