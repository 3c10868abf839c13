"""The tools of this machine against what is pinned."""

from __future__ import annotations

from pathlib import Path

from deployment.doctor.tools import node_verdict, pinned_verdict, python_verdict, read_pins, tool_findings


def test_pins_are_read_with_all_their_versions(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    lock.write_text(
        "boto3==1.43.106 \\\n    --hash=sha256:00\n    # via x==2\n"
        "numpy==2.4.6 ; python_full_version < '3.12' \\\nnumpy==2.5.5 ; python_full_version >= '3.12' \\\n"
    )
    assert read_pins(lock) == {"boto3": ["1.43.106"], "numpy": ["2.4.6", "2.5.5"]}


def test_versions() -> None:
    assert pinned_verdict("numpy", ["2.4.6", "2.5.5"], "2.4.6").status == "ok"
    wrong = pinned_verdict("boto3", ["1.43.106"], "1.42.0")
    assert (wrong.status, wrong.found) == ("problem", "1.42.0 is installed, 1.43.106 is pinned.")
    assert wrong.fix == "Run: make setup"
    assert pinned_verdict("boto3", ["1.43.106"], "").found == "Not installed; 1.43.106 is pinned."
    assert python_verdict((3, 10, 9)).status == "problem"
    assert python_verdict((3, 11, 0)).status == "ok"
    assert node_verdict("").status == "problem"
    assert node_verdict("v18.20.1").status == "warning"
    assert node_verdict("v24.19.0").found == "24.19.0."


def test_this_set_up_is_as_pinned() -> None:
    found = {one.name: one for one in tool_findings()}
    assert {"Python", "Node.js", "CDK CLI", "aws-cdk-lib", "boto3", "numpy"} <= set(found)
    assert [one for one in found.values() if one.status != "ok"] == []
