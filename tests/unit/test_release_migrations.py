"""A release of an older schema is read as one of this; an invented version 0 stands for the older one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from release_repository import made_for
from samples import environment

from kickstand.errors import InputError
from kickstand.release_file import canonical, read_release, release_digest
from kickstand.release_migrations import MIGRATIONS, can_migrate, migrate


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


def test_the_first_version_has_nothing_before_it() -> None:
    assert MIGRATIONS == {}
    assert [can_migrate(version) for version in (-1, 0, 1, 2)] == [False, False, True, False]


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
