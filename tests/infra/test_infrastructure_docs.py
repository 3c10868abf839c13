"""docs/infrastructure.md knows every kind of resource that a stack makes."""

from __future__ import annotations

from synthesis import ROOT, synthesised


def test_every_resource_type_is_described_and_no_other() -> None:
    text = (ROOT / "docs/infrastructure.md").read_text()
    made = {resource["Type"] for resource in synthesised("everything").all_resources()}
    described = {word.strip("*`,.") for word in text.split() if word.startswith("**`AWS::")}
    assert described == made
