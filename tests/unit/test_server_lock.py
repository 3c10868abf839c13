"""One server a state folder."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from localcloud.server_lock import ServerLock, holder


def test_second_is_refused_and_the_holder_is_told(tmp_path: Path) -> None:
    path = tmp_path / "server.lock"
    assert holder(path) is None
    with ServerLock(path) as first, ServerLock(path) as second:
        assert first.acquire()
        assert not second.acquire()
        assert holder(path) == os.getpid()
    assert holder(path) is None


def test_a_killed_holder_holds_nothing(tmp_path: Path) -> None:
    path = tmp_path / "server.lock"
    program = f"""
from pathlib import Path
from localcloud.server_lock import ServerLock
lock = ServerLock(Path({str(path)!r}))
print(lock.acquire(), flush=True)
input()
"""
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "True\n"
        assert holder(path) == process.pid
        process.kill()
    assert holder(path) is None
    assert path.read_text() == f"{process.pid}\n"
    with ServerLock(path) as next_one:
        assert next_one.acquire()
