"""What is signed: an in-toto statement with SLSA's provenance, as the specifications write it."""

from __future__ import annotations

import json
from pathlib import Path

from samples import release
from sigstore.dsse import Statement

from kickstand.release.file import write_release
from kickstand.release.model import LearningCurve
from kickstand.signing.statement import file_digest, payload, statement


def test_the_subjects_are_the_model_and_the_release_file(tmp_path: Path) -> None:
    made = write_release(tmp_path / "dev.json", release())
    found = statement(made, tmp_path / "dev.json")
    assert (found["_type"], found["predicateType"]) == (
        "https://in-toto.io/Statement/v1",
        "https://slsa.dev/provenance/v1",
    )
    assert found["subject"] == [
        {"name": "model.tar.gz", "digest": {"sha256": made.artifact.sha256}, "uri": made.artifact.s3_uri},
        {
            "name": "dev.json",
            "digest": {"sha256": file_digest(tmp_path / "dev.json")},
            "annotations": {
                "project": "bikes",
                "environment": "dev",
                "account": "111122223333",
                "region": "us-east-1",
                "releaseSha256": made.sha256,
            },
        },
    ]


def test_the_predicate_tells_what_went_in_and_what_ran(tmp_path: Path) -> None:
    curve = LearningCurve(s3_uri="s3://b/models/x/learning_curve.json", sha256="12" * 32)
    made = write_release(tmp_path / "dev.json", release(learning_curve=curve))
    predicate = statement(made, tmp_path / "dev.json")["predicate"]
    definition, run = predicate["buildDefinition"], predicate["runDetails"]
    assert definition["externalParameters"]["hyperparameters"] == {"num_round": "150", "objective": "reg:squarederror"}
    assert definition["externalParameters"]["channels"]["train"] == {
        "contentType": "text/csv",
        "sha256": made.channels[0].sha256,
        "rows": 7620,
        "columns": 14,
    }
    dependencies = {one["name"]: one for one in definition["resolvedDependencies"]}
    assert list(dependencies) == [
        *("train", "train/train.csv", "validation", "validation/validation.csv", "test", "test/test.csv"),
        *("image", "source"),
    ]
    assert dependencies["train/train.csv"] == {
        "name": "train/train.csv",
        "uri": f"{made.channels[0].s3_uri}train.csv",
        "digest": {"sha256": "cd" * 32},
    }
    assert dependencies["image"]["uri"] == f"docker://{made.algorithm.image_uri}"
    assert dependencies["source"] == {"name": "source", "digest": {"gitCommit": made.source_commit}}
    assert run["metadata"] == {
        "invocationId": made.training_job.arn,
        "startedOn": "2026-11-23T10:11:20Z",
        "finishedOn": "2026-11-23T10:12:20Z",
    }
    assert [one["name"] for one in run["byproducts"]] == ["golden-rows", "learning-curve"]


def test_a_source_with_uncommitted_changes_says_so_and_one_outside_git_is_left_out(tmp_path: Path) -> None:
    file = tmp_path / "dev.json"
    changed = write_release(file, release(source_commit=f"{'a' * 40}+changes"))
    source = statement(changed, file)["predicate"]["buildDefinition"]["resolvedDependencies"][-1]
    assert source["digest"] == {"gitCommit": "a" * 40}
    assert source["annotations"] == {"uncommittedChanges": True}
    outside = write_release(file, release(source_commit=""))
    names = [one["name"] for one in statement(outside, file)["predicate"]["buildDefinition"]["resolvedDependencies"]]
    assert "source" not in names


def test_sigstore_reads_it_as_a_statement(tmp_path: Path) -> None:
    made = write_release(tmp_path / "dev.json", release())
    signed = payload(made, tmp_path / "dev.json")
    assert json.loads(Statement(signed)._contents) == statement(made, tmp_path / "dev.json")
