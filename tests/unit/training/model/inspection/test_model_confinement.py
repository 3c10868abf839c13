"""A process that opens a stranger's model: what it may take, and what of the user it sees."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from kickstand.errors import KickstandError
from training.model.inspection.limits import Limits, bare_environment, leave_network, memory_for
from training.model.inspection.model_run import run_isolated

linux = pytest.mark.skipif(sys.platform != "linux", reason="bounds of memory and network are Linux's")
LIMITS = Limits(megabytes=200, seconds=2, file_megabytes=1)


def run(code: str, folder: Path, limits: Limits = LIMITS) -> tuple[int, str]:
    """Exit code and last line of a statement within the limits."""
    command = limits.command(sys.executable, "timeit", "-n", "1", "-r", "1", code)
    done = subprocess.run(command, cwd=folder, env=bare_environment(), capture_output=True, text=True, check=False)
    return done.returncode, (done.stderr.strip().splitlines() or [""])[-1]


@pytest.mark.contract("H77")
@linux
def test_memory_files_and_time_are_bounded(tmp_path: Path) -> None:
    assert run("bytearray(100 << 20)", tmp_path) == (0, "")
    assert run("bytearray(300 << 20)", tmp_path) == (1, "MemoryError")
    code, said = run("open('x', 'wb').write(bytes(2 << 20))", tmp_path)
    assert (code, said) == (1, "OSError: [Errno 27] File too large")
    assert (tmp_path / "x").stat().st_size <= 1 << 20
    assert run("while True: pass", tmp_path, Limits(200, 1))[0] == -signal.SIGKILL


def _has_namespaces() -> bool:
    child = os.fork()
    if child == 0:
        try:
            leave_network()
        except BaseException:
            os._exit(1)
        os._exit(0)
    return os.waitpid(child, 0)[1] == 0


@linux
def test_there_is_no_network_where_the_machine_has_namespaces(tmp_path: Path) -> None:
    if not _has_namespaces():
        pytest.skip("NOT LOOKED AT: this machine gives users no namespaces")
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        code, said = run(f"import socket; socket.create_connection(('127.0.0.1', {port}), 2)", tmp_path)
    assert (code, said) == (1, "OSError: [Errno 101] Network is unreachable")


def test_nothing_of_the_user_is_in_its_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = {"LANG": "C", "OMP_WAIT_POLICY": "passive"}
    own = {"HOME": "/home/anna", "PATH": "/home/anna/bin", "AWS_SECRET_ACCESS_KEY": "s", "GH_TOKEN": "t"}
    owner = {**own, **kept, "OMP_TOOL_LIBRARIES": "/home/anna/tool.so"}
    monkeypatch.setattr(os, "environ", owner)
    root = str(Path(__file__).resolve().parents[5])
    assert bare_environment() == {**kept, "PATH": os.defpath, "PYTHONPATH": root}


def test_memory_follows_the_size_of_the_models(tmp_path: Path) -> None:
    for name, begin in (("ubj", b"{L"), ("json", b'{"')):
        (tmp_path / name).write_bytes(begin)
        os.truncate(tmp_path / name, 500 << 20)
    assert memory_for([]) == 640
    assert memory_for([tmp_path / "ubj"]) == 640 + 8 * 500
    assert memory_for([tmp_path / "ubj", tmp_path / "json"], more=100) == 740 + 8 * 500 + 20 * 500


@linux
@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("bytearray(2 << 30)", "it needs more than the 640 MB of memory that a model of its size is given"),
        ("import os; os.abort()", "it ended with code -6"),
        ("print('{' * 9)", "its answer is no JSON"),
    ],
)
def test_a_model_that_takes_too_much_is_one_message(
    code: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "xgboost-model").write_bytes(b"{L")
    monkeypatch.setattr(
        Limits, "command", lambda self, python, module: LINE(self, python, "timeit", "-n1", "-r1", code)
    )
    with pytest.raises(KickstandError) as error:
        run_isolated("any", {}, [tmp_path / "xgboost-model"], "s3://m")
    assert error.value.problems[0].message == f"xgboost-model cannot be loaded. xgboost says: {said}"


LINE = Limits.command


def test_the_probes_do_run_within_limits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    def started(command: list[str], **settings: object) -> subprocess.CompletedProcess[bytes]:
        seen.append((command, settings["env"]))
        settings["stdout"].write(json.dumps({"features": 1}).encode())  # type: ignore[attr-defined]
        return subprocess.CompletedProcess(command, 0)

    (tmp_path / "xgboost-model").write_bytes(b"{L")
    monkeypatch.setattr(subprocess, "run", started)
    run_isolated("training.model.inspection.run", {}, [tmp_path / "xgboost-model"], "s3://m")
    ((command, environment),) = seen
    assert command[1:] == [
        "-P",
        "-m",
        "training.model.inspection.limits",
        "640",
        "300",
        "64",
        "training.model.inspection.run",
    ]
    assert environment == {**bare_environment(), "OMP_NUM_THREADS": "1"}
