"""Conditional writes to S3: a conflict is tried again, an object that is there is left, all else is refused."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from memory_s3 import MemoryS3, refusal
from samples import environment

from kickstand.aws.s3 import ArtifactBucket, decided, write_once
from kickstand.release.model import GoldenRows
from training.model.artifact import fetch_artifact, keep_artifact, write_metrics
from training.model.golden_rows import keep_confidential
from training.model.learning_curve import Curve, keep_curve
from training.upload.channels import publish_manifest

ROOT = Path(__file__).parents[4]
BUCKET = ArtifactBucket("ours", owner="111122223333", kms_key_arn=None)
CONFLICT = refusal("ConditionalRequestConflict", "PutObject", 409)
EXISTS = refusal("PreconditionFailed", "PutObject", 412)
DENIED = refusal("AccessDenied", "PutObject", 403)


GOLDEN = GoldenRows(sha256="0" * 64, rows=("1,2",), predictions=(3.0,))


class Writes:
    """A request whose answers are given: an error to raise, or what it returns."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)

    def __call__(self) -> Any:
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def test_a_conflict_is_tried_again_after_growing_waits() -> None:
    waits: list[float] = []
    assert decided(Writes(CONFLICT, CONFLICT, CONFLICT, "etag"), sleep=waits.append) == "etag"
    assert waits == [0.1, 0.2, 0.4]


def test_the_fourth_conflict_and_every_other_refusal_pass() -> None:
    cases: tuple[tuple[list[Any], int], ...] = (([CONFLICT] * 5, 1), ([DENIED, "etag"], 1), ([EXISTS, "etag"], 1))
    for answers, left in cases:
        write = Writes(*answers)
        with pytest.raises(type(CONFLICT), match=answers[0].response["Error"]["Code"]):
            decided(write, sleep=lambda seconds: None)
        assert len(write.answers) == left


def test_an_object_that_is_there_is_no_error() -> None:
    assert write_once(Writes("etag")) is True
    assert write_once(Writes(CONFLICT, EXISTS), sleep=lambda seconds: None) is False
    with pytest.raises(type(DENIED), match="AccessDenied"):
        write_once(Writes(DENIED))


def _keep_artifact(s3: MemoryS3, folder: Path) -> None:
    s3.put("s3://jobs/model.tar.gz", b"an artifact")
    keep_artifact(s3, fetch_artifact(s3, "s3://jobs/model.tar.gz", folder / "m"), BUCKET)


WRITERS: dict[str, Callable[[MemoryS3, Path], object]] = {
    "artifact": _keep_artifact,
    "metrics": lambda s3, folder: write_metrics(s3, {"a": 1}, BUCKET),
    "golden rows": lambda s3, folder: keep_confidential(s3, GOLDEN, BUCKET),
    "curve": lambda s3, folder: keep_curve(s3, Curve((0,), {"train:rmse": (1.0,)}, 1), "0" * 64, BUCKET),
    "manifest": lambda s3, folder: publish_manifest(s3, environment(), ()),
}


@pytest.mark.parametrize("writer", WRITERS)
def test_every_writer_tries_again(writer: str, tmp_path: Path) -> None:
    s3 = MemoryS3(refuse={"put_object": [CONFLICT], "copy_object": [CONFLICT]})
    before = len(s3.objects)
    WRITERS[writer](s3, tmp_path)
    written = [call for call in s3.operations() if call in ("put_object", "copy_object")]
    assert len(written) == 2  # the conflict, and the write
    assert len(s3.objects) - before == (2 if writer == "artifact" else 1)


def _product() -> Iterator[Path]:
    for package in ("kickstand", "infra", "training", "deployment", "review", "promotion", "console", "cli"):
        yield from (ROOT / package).rglob("*.py")


def test_what_s3_answers_to_a_condition_is_named_in_one_module() -> None:
    words = ("PreconditionFailed", "ConditionalRequestConflict")
    found = {path.relative_to(ROOT).as_posix() for path in _product() if any(w in path.read_text() for w in words)}
    assert found == {"kickstand/aws/s3.py"}


def test_no_copy_inside_s3_takes_the_defaults_that_need_more_permissions() -> None:
    """CopyObject copies tags and annotations unless it says otherwise; copying in parts and transfers would too."""
    copies = {"copy_object", "upload_part_copy", "copy"}
    found = [
        (path.relative_to(ROOT).as_posix(), node.func.attr)
        for path in _product()
        for text in [path.read_text()]
        for node in (ast.walk(ast.parse(text)) if "cop" in text else ())
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in copies
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id not in ("shutil", "copy")
    ]
    assert found == [("kickstand/aws/s3.py", "copy_object")]
