"""Two runs at once write their cloud assemblies into two folders; nothing of an ended run is left."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from deployment.cdk import remove_output_folder

REPOSITORY = Path(__file__).parents[3]
PROGRAM = """
import sys
from pathlib import Path
from deployment.cdk import output_folder
folder = output_folder(Path(sys.argv[1]))
folder.mkdir(exist_ok=True)
assert output_folder(Path(sys.argv[1])) == folder
print(folder.name, flush=True)
sys.stdin.read()
"""


def begin(usual: Path) -> tuple[subprocess.Popen[str], str]:
    """A run that works in its folder until its standard input ends; the folder's name."""
    command = [sys.executable, "-c", PROGRAM, str(usual)]
    run = subprocess.Popen(command, cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert run.stdout is not None
    return run, run.stdout.readline().strip()


def end(run: subprocess.Popen[str], *, kill: bool = False) -> None:
    if kill:
        run.kill()
    run.communicate(timeout=60)


def test_a_second_run_has_a_folder_of_its_own_until_its_end(tmp_path: Path) -> None:
    usual = tmp_path / "out" / "bikes-dev"
    (first, mine), (second, its), (third, another) = begin(usual), begin(usual), begin(usual)
    assert (mine, its, another) == ("bikes-dev", f"bikes-dev.{second.pid}", f"bikes-dev.{third.pid}")
    end(second)
    assert not (usual.parent / its).exists()
    end(third, kill=True)
    assert (usual.parent / another).exists()
    end(first)
    fourth, its = begin(usual)
    end(fourth)
    assert its == "bikes-dev"
    assert sorted(one.name for one in usual.parent.iterdir()) == ["bikes-dev", "bikes-dev.lock"]


def test_a_folder_goes_with_its_lock_and_with_what_killed_runs_left(tmp_path: Path) -> None:
    usual = tmp_path / "bikes-dev"
    (first, _), (second, _) = begin(usual), begin(usual)
    end(second, kill=True)
    end(first)
    remove_output_folder(usual)
    assert list(tmp_path.iterdir()) == []


def test_runs_of_other_environments_do_not_meet(tmp_path: Path) -> None:
    (first, one), (second, other) = begin(tmp_path / "bikes-dev"), begin(tmp_path / "bikes-staging")
    end(first)
    end(second)
    assert (one, other) == ("bikes-dev", "bikes-staging")
