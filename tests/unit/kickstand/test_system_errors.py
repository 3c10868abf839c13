"""What the machine refuses a program that a command runs is one message; a fault of the program keeps its traceback."""

from __future__ import annotations

import errno
import subprocess
import sys

import pytest

from kickstand.console import full_folders, system_explanation


def ended(failure: str) -> subprocess.CompletedProcess[str]:
    program = f"from kickstand.console import end_without_traceback\nend_without_traceback()\nraise {failure}"
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)


@pytest.mark.parametrize(
    ("failure", "message", "fix"),
    [
        (
            "RuntimeError(\"ENOSPC: no space left on device, symlink '/a' -> '/t/b'\")",
            "no space left on device, symlink '/a' -> '/t/b'.",
            "Make room ",
        ),
        ('RuntimeError("EROFS: read-only file system")', "read-only file system.", "Choose a place"),
        ('PermissionError(13, "Permission denied", "/r\x1b")', r"/r\x1b: Permission denied.", "Check the perm"),
    ],
)
def test_what_the_machine_refuses_is_one_message(failure: str, message: str, fix: str) -> None:
    done = ended(failure)
    (line,) = done.stderr.splitlines()
    assert done.returncode == 1
    assert line.startswith(f"{message} {fix}")


def test_a_fault_of_the_program_keeps_its_traceback() -> None:
    done = ended('ValueError("E: a\x1b[2J")')
    assert done.returncode == 1
    assert done.stderr.startswith("Traceback (most recent call last):")
    assert done.stderr.endswith("ValueError: E: a\\x1b[2J\n")


def test_an_error_without_a_file_has_the_words_of_the_system() -> None:
    assert system_explanation(OSError(errno.EMFILE, "Too many open files")) == (
        "Too many open files",
        "Raise the limit of open files: ulimit -n 4096.",
    )
    assert full_folders() == "on the disk"
