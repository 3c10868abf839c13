"""What the benchmarks read of processes: memory, processor time, whether they run, how they failed."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from benchmarks import measure
from benchmarks.measure import descendants, is_running, run, tree_processor


def test_a_process_has_its_own_memory_and_not_that_of_the_one_that_started_it() -> None:
    held = bytearray(b"1" * (64 << 20))
    used = run([sys.executable, "-I", "-S", "-c", "pass"])
    assert 0 < used.mebibytes < 32 < len(held) >> 20
    assert 0 < used.processor < 5
    assert used.seconds > 0


def test_the_processor_time_of_a_process_is_known_while_it_lives_with_that_of_its_children() -> None:
    burn = "import time\nwhile time.process_time() < 0.2: pass\n"
    program = (
        f"import subprocess, sys\n{burn}subprocess.run([sys.executable, '-c', {burn!r}])\nprint('done', flush=True)"
    )
    command = [sys.executable, "-c", f"{program}\ninput()"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        assert 0.38 <= tree_processor(process.pid) < 5
        process.communicate("\n")
    assert tree_processor(process.pid) == tree_processor(0) == 0


def test_the_processor_time_of_a_child_that_ends_between_two_readings_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where it ends within a reading: when its parent was read, and before its own clock is."""
    child = "import time\nwhile time.process_time() < 0.3: pass\nprint('burnt', flush=True)\ninput()"
    program = f"""
import subprocess, sys
with subprocess.Popen([sys.executable, "-I", "-S", "-c", {child!r}], stdin=subprocess.PIPE) as child:
    input()
    child.communicate(b"\\n")
print("reaped", flush=True)
input()
"""
    command = [sys.executable, "-I", "-S", "-c", program]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None and process.stdout is not None
        assert process.stdout.readline() == "burnt\n"
        before, clock, read = tree_processor(process.pid), measure._processor, list[int]()

        def processor(pid: int) -> float:
            if not read:
                print(file=process.stdin, flush=True)
                assert process.stdout and process.stdout.readline() == "reaped\n"
            read.append(pid)
            return clock(pid)

        monkeypatch.setattr(measure, "_processor", processor)
        within = tree_processor(process.pid)
        monkeypatch.undo()
        after = tree_processor(process.pid)
        process.communicate("\n")
    assert len(read) == 3  # both, and the parent alone once more
    tick = 2 / os.sysconf("SC_CLK_TCK")  # of user and of system: those of the ended are counted whole
    assert 0.3 - tick <= before - tick <= within <= after < 5


def status_of(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()[0]


def test_a_process_runs_until_its_last_thread_has_ended_and_not_after_it() -> None:
    """As one that is killed ends: its first thread is gone, and another one still holds its connections."""
    program = """
import ctypes, sys, threading
threading.Thread(target=sys.stdin.readline).start()
ctypes.CDLL(None).pthread_exit(None)
"""
    with subprocess.Popen([sys.executable, "-I", "-c", program], stdin=subprocess.PIPE) as process:
        deadline = time.monotonic() + 30
        while status_of(process.pid) != "Z":
            assert time.monotonic() < deadline
            time.sleep(0.01)
        assert is_running(process.pid)
        process.communicate(b"\n", timeout=30)
    assert not is_running(process.pid)
    with subprocess.Popen([sys.executable, "-I", "-c", ""]) as process:
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert status_of(process.pid) == "Z"
        assert not is_running(process.pid)


def test_a_thread_that_ends_while_its_process_is_read_hides_no_other(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Nor does a process that ends then raise anything. 1's second thread has ended since its name was read; 3 too."""
    for place, content in (
        ("1/task/1/children", "2 "),
        ("1/task/1/stat", "1 (a ) b) S 0"),
        ("2/task/2/stat", "2 (c) Z"),
    ):
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / place).write_text(content)
    (tmp_path / "1" / "task" / "0").mkdir()
    (tmp_path / "3").mkdir()
    (tmp_path / "3" / "task").write_text("no folder: any error of the system")
    monkeypatch.setattr(measure, "_PROCESSES", tmp_path)
    assert list(descendants(1)) == [2]
    assert [is_running(pid) for pid in (1, 2, 3, 4)] == [True, False, False, False]


def test_a_process_that_fails_is_named_with_its_errors() -> None:
    with pytest.raises(SystemExit, match=r"error: .* failed: (?s:.*)no such row"):
        run([sys.executable, "-c", "raise SystemExit('no such row')"])


def test_what_is_interrupted_ends_with_all_that_it_started(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A pipe that the program's child holds open is at its end when both have ended."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reading = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    program = f"import subprocess; f = open({str(pipe)!r}, 'w'); subprocess.run(['sleep', '60'], pass_fds=[f.fileno()])"
    communicate = subprocess.Popen.communicate
    interrupts = iter([KeyboardInterrupt])

    def interrupted(process: subprocess.Popen[str], *arguments: Any, **options: Any) -> Any:
        for interrupt in interrupts:
            os.set_blocking(reading, True)
            pipe.open("rb").close()  # waits until the program has opened it
            raise interrupt
        return communicate(process, *arguments, **options)

    monkeypatch.setattr(subprocess.Popen, "communicate", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run([sys.executable, "-I", "-S", "-c", program])
    assert os.read(reading, 1) == b""
    os.close(reading)
