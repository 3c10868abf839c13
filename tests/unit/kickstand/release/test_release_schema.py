"""The published schema is the models', describes every field, and refuses what is no written release."""

from __future__ import annotations

import json
from typing import Any

import pytest
from samples import release

from kickstand.release.file import canonical, release_digest
from kickstand.release.schema import PUBLISHED, schema_faults
from scripts.make_release_schema import canonical_schema, release_schema

SCHEMA = release_schema()


def written(**changes: Any) -> dict[str, Any]:
    fields = release().model_dump() | changes
    whole: dict[str, Any] = json.loads(canonical(fields | {"sha256": release_digest(fields)}))
    return whole


def test_the_published_file_is_made_from_the_models() -> None:
    told = "Make it anew: python scripts/make_release_schema.py"
    assert PUBLISHED.read_bytes() == canonical_schema(SCHEMA), told


def test_it_says_what_it_is_without_a_host() -> None:
    assert {name: SCHEMA[name] for name in ("$id", "$schema", "title")} == {
        "$id": "urn:kickstand:release:3",
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Kickstand release, schema version 3",
    }
    assert SCHEMA["properties"]["schema_version"]["const"] == 3


def test_every_field_is_described_required_and_alone() -> None:
    models = {"Release": SCHEMA, **SCHEMA["$defs"]}
    assert set(models) == {
        *("Release", "AlgorithmUsed", "Artifact", "Channel", "DataFile", "GateResult", "GoldenRows", "LearningCurve"),
        *("Override", "Promotion", "TrainingJob"),
    }
    for name, model in models.items():
        assert model["additionalProperties"] is False
        assert set(model["required"]) == set(model["properties"])
        for field, shape in model["properties"].items():
            assert shape["description"].endswith("."), f"{name}.{field}"
    assert SCHEMA["$defs"]["Artifact"]["properties"]["size"] == {"description": "Bytes.", "type": "integer"}


def test_what_kickstand_writes_fits() -> None:
    assert schema_faults(written(), SCHEMA) == []


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"account": 111122223333}, ("account", "111122223333 is not of type 'string'")),
        ({"schema_version": 1}, ("schema_version", "3 was expected")),
        ({"owner": "me"}, ("", "Additional properties are not allowed ('owner' was unexpected)")),
        ({"environment": "test"}, ("environment", "'test' is not one of ['dev', 'staging', 'prod']")),
        (
            {"artifact": {"s3_uri": "s3://b/k", "sha256": "AB", "size": 1, "rounds": []}},
            ("artifact.sha256", "'AB' does not match '^[0-9a-f]{64}$'"),
        ),
        ({"metrics": {"train:rmse": "0.1"}}, ("metrics.train:rmse", "'0.1' is not of type 'number'")),
    ],
)
def test_what_is_wrong_is_told_with_its_field(changes: dict[str, Any], fault: tuple[str, str]) -> None:
    assert schema_faults(written(**changes), SCHEMA) == [fault]


def test_a_field_that_reading_would_fill_in_must_be_there() -> None:
    fields = written()
    del fields["promoted_from"]
    assert schema_faults(fields, SCHEMA) == [("", "'promoted_from' is a required property")]
