"""A release of an older schema is read as one of this: those that 0.1.0 wrote, and an invented version 0."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from release_repository import made_for
from samples import environment

from kickstand.errors import InputError
from kickstand.release.file import (
    MIGRATIONS,
    can_migrate,
    canonical,
    migrate,
    read_release,
    release_digest,
    write_release,
)
from kickstand.release.model import GateResult, Promotion

WRITTEN = Path(__file__).with_name("releases_of_0_1_0")
"""Releases as Kickstand 0.1.0 wrote them, byte for byte: schema version 1."""


def rename_size(fields: dict[str, Any]) -> dict[str, Any]:
    """Version 0 called the artifact's size its bytes."""
    artifact = dict(fields["artifact"])
    artifact["size"] = artifact.pop("bytes")
    return {**fields, "artifact": artifact}


def of_version_0() -> dict[str, Any]:
    fields: dict[str, Any] = json.loads(canonical(made_for("dev", "a").model_dump()))
    fields["artifact"]["bytes"] = fields["artifact"].pop("size")
    fields["schema_version"] = 0
    return fields | {"sha256": release_digest(fields)}


def test_each_version_leads_on_to_this_one_and_the_first_has_nothing_before_it() -> None:
    assert [can_migrate(version) for version in (-1, 0, 1, 2, 3, 4)] == [False, False, True, True, True, False]


def test_a_release_of_version_1_is_read_as_one_of_this_version() -> None:
    path = WRITTEN / "dev.json"
    text = path.read_bytes()
    read = read_release(path, environment())
    assert read.sha256 == "3c4b97072c57e05af8e72d0d8f99131d3a30ce1df88544a959e49310caa59050"
    assert read == made_for("dev", "a").model_copy(update={"sha256": read.sha256})
    assert (read.schema_version, read.learning_curve, read.earlier_promotions) == (3, None, ())
    assert (read.artifact.rounds, read.warnings) == ((), ())
    assert path.read_bytes() == text


def test_a_promotion_of_version_1_passed_its_gates_and_says_no_more() -> None:
    staging = environment(name="staging", account="444455556666")
    read = read_release(WRITTEN / "staging.json", staging)
    assert read.sha256 == "f062537df8a2bc8b24e00c48d565949d43a4540f458bf0a81770a068fdd463cb"
    assert read.promoted_from == Promotion(
        environment="dev",
        release_sha256="3c4b97072c57e05af8e72d0d8f99131d3a30ce1df88544a959e49310caa59050",
        gates=tuple(GateResult(name=name, passed=True, figure="", limit="") for name in ("golden-rows", "metrics")),
        overrides=(),
        by="",
        at="",
    )


def test_one_flipped_byte_of_version_1_is_found(tmp_path: Path) -> None:
    path = tmp_path / "dev.json"
    path.write_bytes((WRITTEN / "dev.json").read_bytes().replace(b"0.29", b"0.28"))
    with pytest.raises(InputError, match="The release was changed after it was written: its sha256 is 3c4b97072c57"):
        read_release(path, environment())


def test_writing_it_again_makes_it_of_this_version(tmp_path: Path) -> None:
    old = read_release(WRITTEN / "dev.json", environment())
    written = write_release(tmp_path / "dev.json", old)
    assert json.loads((tmp_path / "dev.json").read_text())["schema_version"] == 3
    assert written.sha256 != old.sha256


def test_an_older_release_is_read_as_one_of_now_and_its_file_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(MIGRATIONS, 0, rename_size)
    path, fields = tmp_path / "dev.json", of_version_0()
    path.write_text(canonical(fields))
    read = read_release(path, environment())
    assert read == made_for("dev", "a").model_copy(update={"sha256": fields["sha256"]})
    assert path.read_text() == canonical(fields)


def test_an_older_release_is_proved_by_its_own_text_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(MIGRATIONS, 0, rename_size)
    path = tmp_path / "dev.json"
    path.write_text(canonical(of_version_0() | {"source_commit": "another"}))
    with pytest.raises(InputError, match="The release was changed after it was written"):
        read_release(path, environment())


def test_fields_that_do_not_suit_their_version_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(MIGRATIONS, 0, rename_size)
    path, fields = tmp_path / "dev.json", of_version_0()
    del fields["artifact"]["bytes"]
    path.write_text(canonical(fields | {"sha256": release_digest(fields)}))
    with pytest.raises(InputError, match="Its fields are not those of schema version 0: KeyError 'bytes'"):
        read_release(path, environment())


def test_steps_follow_one_another_and_leave_what_came_in() -> None:
    steps = {
        1: lambda fields: {**fields, "told": [*fields["told"], "one"]},
        2: lambda fields: {"told": [*fields["told"], "two"], "sha256": "mine"},
    }
    given = {"schema_version": 1, "told": [], "sha256": "of the file"}
    assert migrate(given, steps=steps, to=3) == {
        "schema_version": 3,
        "told": ["one", "two"],
        "sha256": "of the file",
    }
    assert given == {"schema_version": 1, "told": [], "sha256": "of the file"}


def test_a_gap_in_the_steps_is_no_way() -> None:
    steps = {1: dict, 3: dict}
    assert [can_migrate(version, steps=steps, to=4) for version in (1, 2, 3, 4, 5)] == [False, False, True, True, False]
