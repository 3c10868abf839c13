"""The release file: written whole and canonical, read with every check."""

from __future__ import annotations

import errno
import hashlib
import json
import os
from pathlib import Path
from typing import Any

import pytest
from project_files import SMALLEST, write

from kickstand.config.load import load_project
from kickstand.config.model import Environment
from kickstand.errors import InputError, KickstandError
from kickstand.release.file import canonical, read_release, release_digest, release_path, write_release
from kickstand.release.model import AlgorithmUsed, Artifact, Channel, DataFile, GoldenRows, Release, TrainingJob

BUCKET = "bikes-dev-111122223333-us-east-1"
MODEL, DATA = "a" * 64, "d" * 64
RELEASE = Release(
    project="bikes",
    environment="dev",
    account="111122223333",
    region="us-east-1",
    bucket=BUCKET,
    algorithm=AlgorithmUsed(
        name="xgboost",
        version="3.2-0",
        image_uri="683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:3.2-0",
    ),
    hyperparameters={"num_round": "150", "eta": "0.1"},
    target_transform="log1p",
    channels=(
        Channel(
            name="train",
            s3_uri=f"s3://{BUCKET}/data/{DATA}/train/",
            content_type="text/csv",
            sha256=DATA,
            rows=2,
            columns=3,
            files=(DataFile(name="train.csv", sha256="f" * 64, size=20, rows=2),),
        ),
    ),
    training_job=TrainingJob(
        name="bikes-dev-20260304-050607-x7q2",
        arn="arn:aws:sagemaker:us-east-1:111122223333:training-job/bikes-dev-20260304-050607-x7q2",
        created="2026-03-04T05:06:07Z",
        started="2026-03-04T05:06:40Z",
        ended="2026-03-04T05:08:00Z",
        billable_seconds=80,
        instance_type="ml.m5.xlarge",
        instance_count=1,
    ),
    metrics={"validation:rmse": 0.28812, "train:rmse": 0.25},
    artifact=Artifact(s3_uri=f"s3://{BUCKET}/models/{MODEL}/model.tar.gz", sha256=MODEL, size=4096),
    golden_rows=GoldenRows(sha256="e" * 64, rows=("1,2", "3,4"), predictions=(1.0, 2.5)),
    model_package_arn="arn:aws:sagemaker:us-east-1:111122223333:model-package/bikes-dev/1",
    source_commit="0123456789abcdef",
)


@pytest.fixture
def dev(tmp_path: Path) -> Environment:
    return load_project(write(tmp_path, SMALLEST)).environments["dev"]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return release_path(tmp_path / "releases", "dev")


def told(path: Path, environment: Environment) -> list[str]:
    with pytest.raises(InputError) as caught:
        read_release(path, environment)
    return str(caught.value).splitlines()


def rewrite(path: Path, **changes: Any) -> None:
    """Changes fields (dotted with __) and seals the file again, as one who knows the form could."""
    fields = json.loads(path.read_text())
    for name, value in changes.items():
        *tables, last = name.split("__")
        table = fields
        for key in tables:
            table = table[key]
        table[last] = value
    fields["sha256"] = release_digest(fields)
    path.write_text(canonical(fields))


def test_what_is_written_is_read_back(path: Path, dev: Environment) -> None:
    written = write_release(path, RELEASE)
    assert read_release(path, dev) == written
    assert written == RELEASE.model_copy(update={"sha256": written.sha256})
    assert path.name == "dev.json"


def test_the_text_is_canonical_and_its_digest_is_of_its_other_bytes(path: Path) -> None:
    written = write_release(path, RELEASE)
    text = path.read_text()
    line = f'  "sha256": "{written.sha256}",\n'
    assert text.startswith('{\n  "account": "111122223333",\n  "algorithm": {\n    "image_uri": ')
    assert text.endswith('  },\n  "warnings": []\n}\n')
    assert text.count(line) == 1
    assert written.sha256 == hashlib.sha256(text.replace(line, "").encode()).hexdigest()


def test_the_order_of_what_came_in_does_not_matter(tmp_path: Path) -> None:
    turned = RELEASE.model_copy(
        update={
            "hyperparameters": dict(reversed(list(RELEASE.hyperparameters.items()))),
            "metrics": dict(reversed(list(RELEASE.metrics.items()))),
        }
    )
    write_release(tmp_path / "a.json", RELEASE)
    write_release(tmp_path / "b.json", turned)
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()


def test_writing_again_seals_again(path: Path, dev: Environment) -> None:
    first = write_release(path, RELEASE)
    assert write_release(path, first) == first
    second = write_release(path, first.model_copy(update={"source_commit": "fedcba"}))
    assert second.sha256 != first.sha256
    assert read_release(path, dev) == second


def test_no_release_yet(path: Path, dev: Environment) -> None:
    assert told(path, dev) == [
        f"{path}: dev has no release yet. Make it: kickstand fit dev, or kickstand adopt JOB dev."
    ]


def restore(path: Path) -> str:
    return f"Take it back from git (git checkout -- {path}), or make it anew: kickstand fit dev, or adopt JOB dev."


def test_an_edit_by_hand_is_told_with_both_digests(path: Path, dev: Environment) -> None:
    sealed = write_release(path, RELEASE)
    path.write_text(path.read_text().replace("0.28812", "0.18812"))
    found = release_digest(json.loads(path.read_text()))
    assert found != sealed.sha256
    assert told(path, dev) == [
        f"{path}: The release was changed after it was written: its sha256 is {sealed.sha256}, "
        f"its text gives {found}. {restore(path)}"
    ]


def test_a_reformatted_release_is_refused(path: Path, dev: Environment) -> None:
    write_release(path, RELEASE)
    path.write_text(json.dumps(json.loads(path.read_text())))
    assert told(path, dev) == [
        f"{path}: The release was reformatted after it was written; its text must be as Kickstand wrote it. "
        f"{restore(path)} Keep formatters away from it."
    ]


def test_a_windows_checkout_is_read(path: Path, dev: Environment) -> None:
    written = write_release(path, RELEASE)
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert read_release(path, dev) == written


def test_a_release_of_somewhere_else_is_refused_with_all_differences(tmp_path: Path, path: Path) -> None:
    write_release(path, RELEASE)
    file = write(
        tmp_path,
        SMALLEST.replace("bikes", "wine")
        .replace("dev", "prod")
        .replace("111122223333", "777788889999")
        .replace("us-east-1", "eu-west-1"),
    )
    prod = load_project(file).environments["prod"]
    fix = "Make one for this environment: kickstand fit, or kickstand promote from another."
    assert told(path, prod) == [
        f"{path} and {file}:2: The release names the project bikes; prod is project wine. {fix}",
        f"{path} and {file}:5: The release names the environment dev; prod is environment prod. {fix}",
        f"{path} and {file}:6: The release names the account 111122223333; prod is account 777788889999. {fix}",
        f"{path} and {file}:7: The release names the region us-east-1; prod is region eu-west-1. {fix}",
        f"{path} and {file}: The release names the bucket {BUCKET}; "
        f"prod is bucket wine-prod-777788889999-eu-west-1. {fix}",
    ]


@pytest.mark.parametrize(
    "uri",
    [
        f"s3://{BUCKET}/models/{'b' * 64}/model.tar.gz",
        f"s3://{BUCKET}/training/job/output/model.tar.gz",
        f"s3://elsewhere/models/{MODEL}/model.tar.gz",
    ],
)
def test_an_artifact_that_is_not_where_its_content_says(path: Path, dev: Environment, uri: str) -> None:
    write_release(path, RELEASE)
    rewrite(path, artifact__s3_uri=uri)
    assert told(path, dev) == [
        f"{path}: The model artifact must be s3://{BUCKET}/models/{MODEL}/model.tar.gz, where its content names it; "
        f"it is {uri}. {restore(path)}"
    ]


def test_a_channel_that_is_not_where_its_content_says(path: Path, dev: Environment) -> None:
    write_release(path, RELEASE)
    channels = json.loads(path.read_text())["channels"]
    channels[0]["s3_uri"] = f"s3://{BUCKET}/data/latest/train/"
    rewrite(path, channels=channels)
    assert told(path, dev) == [
        f"{path}: The channel train must be at s3://{BUCKET}/data/{DATA}/train/, as its content names it; "
        f"it is s3://{BUCKET}/data/latest/train/. {restore(path)}"
    ]


def test_fields_that_are_missing_odd_or_unknown_are_told_together(path: Path, dev: Environment) -> None:
    write_release(path, RELEASE)
    fields = json.loads(path.read_text())
    del fields["artifact"]["size"]
    fields["metrics"]["train:rmse"] = "0.25"
    fields["training_job"]["instance_count"] = True
    fields["extra"] = 1
    path.write_text(canonical(fields | {"sha256": release_digest(fields)}))
    assert sorted(told(path, dev)) == [
        f"{path}: artifact.size is missing.",
        f"{path}: extra is not a field of a release.",
        f"{path}: metrics.train:rmse must be a valid number.",
        f"{path}: training_job.instance_count must be a valid integer.",
    ]


@pytest.mark.parametrize("digest", ["A" * 64, "short", "../" * 21 + "x", "a" * 64 + "\n"])
def test_a_digest_is_64_hex_digits(path: Path, dev: Environment, digest: str) -> None:
    write_release(path, RELEASE)
    rewrite(path, artifact__sha256=digest, artifact__s3_uri=f"s3://{BUCKET}/models/{digest}/model.tar.gz")
    assert told(path, dev) == [f"{path}: artifact.sha256 must be a SHA-256: 64 hexadecimal digits in lower case."]


@pytest.mark.parametrize(
    ("version", "message"),
    [
        (
            4,
            "The release is of schema version 4; this Kickstand reads 3. A newer Kickstand wrote it: update Kickstand.",
        ),
        (
            0,
            "The release is of schema version 0, which this Kickstand reads no more. "
            "Make it anew: kickstand fit or kickstand adopt.",
        ),
    ],
)
def test_a_schema_of_another_time(path: Path, dev: Environment, version: int, message: str) -> None:
    """Nothing else of it is judged: its fields may mean other things."""
    write_release(path, RELEASE)
    rewrite(path, schema_version=version, project="wine")
    assert told(path, dev) == [f"{path}: {message}"]


@pytest.mark.parametrize("version", [None, "1", True, 1.0])
def test_a_schema_version_that_is_no_number(path: Path, dev: Environment, version: object) -> None:
    write_release(path, RELEASE)
    rewrite(path, schema_version=version)
    assert told(path, dev) == [
        f"{path}: A release has a whole number as schema_version; this has none. {restore(path)}"
    ]


@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        ("", ":1:1", "Not JSON: Expecting value."),
        ('{\n  "a": 1,\n}\n', ":3:1", "Not JSON: Expecting property name enclosed in double quotes."),
        ("[]\n", "", "A release is a JSON object; this is not one."),
        ('{"a": 1, "a": 2}', ":1:10", "Not JSON: the name a stands twice in one object."),
        ('{"a": NaN}', ":1:7", "Not JSON: NaN is no number of JSON."),
        ('{\n"a": 1e400}', ":2:6", "Not JSON: the number 1e400 is beyond a 64-bit float."),
        ("[" * 100_000, ":1:101", "Not JSON: it is nested deeper than 100 brackets."),
    ],
)
def test_what_is_no_json(path: Path, dev: Environment, text: str, place: str, message: str) -> None:
    path.parent.mkdir()
    path.write_text(text)
    [problem] = told(path, dev)
    assert problem.startswith(f"{path}{place}: {message}")
    assert problem.endswith(restore(path))


def test_a_merge_conflict_is_named(path: Path, dev: Environment) -> None:
    path.parent.mkdir()
    path.write_text("{\n<<<<<<< HEAD\n=======\n>>>>>>> main\n}\n")
    [problem] = told(path, dev)
    assert problem.startswith(f"{path}:2:1: Not JSON: ")
    assert problem.endswith("It holds a merge conflict of git: take one side whole (git checkout --ours or --theirs).")


def test_bytes_that_are_no_text(path: Path, dev: Environment) -> None:
    path.parent.mkdir()
    path.write_bytes(b"\xff\xfe")
    assert told(path, dev) == [f"{path}: The release is not UTF-8 text. {restore(path)}"]


def test_a_folder_in_place_of_the_release(path: Path, dev: Environment) -> None:
    path.mkdir(parents=True)
    assert told(path, dev) == [f"{path}: The release cannot be read: Is a directory."]


def test_a_number_without_json_form_is_refused_before_anything_is_written(path: Path) -> None:
    odd = RELEASE.model_copy(update={"metrics": {"validation:rmse": float("nan")}})
    with pytest.raises(KickstandError, match=r"metrics\.validation:rmse is not a finite number\."):
        write_release(path, odd)
    assert not path.parent.exists()


@pytest.mark.parametrize("fails", ["fsync", "replace"])
def test_a_full_disk_leaves_the_former_release_and_nothing_else(
    path: Path, dev: Environment, monkeypatch: pytest.MonkeyPatch, fails: str
) -> None:
    former = write_release(path, RELEASE)

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    if fails == "fsync":
        monkeypatch.setattr(os, "fsync", full)
    else:
        monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(KickstandError) as caught:
        write_release(path, RELEASE.model_copy(update={"source_commit": "new"}))
    assert "No space left on device" in str(caught.value)
    assert caught.value.exit_code == 1
    monkeypatch.undo()
    assert read_release(path, dev) == former
    assert [file.name for file in path.parent.iterdir()] == ["dev.json"]


def test_an_interrupt_leaves_the_former_release_and_nothing_else(
    path: Path, dev: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    former = write_release(path, RELEASE)

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_release(path, RELEASE.model_copy(update={"source_commit": "new"}))
    monkeypatch.undo()
    assert read_release(path, dev) == former
    assert [file.name for file in path.parent.iterdir()] == ["dev.json"]
