"""Before a deployment the artifact's bytes are compared with the release's SHA-256."""

from __future__ import annotations

import base64
import hashlib

import pytest
from memory_s3 import MemoryS3
from samples import BUCKET, release

from kickstand.errors import KickstandError
from kickstand.release.model import Artifact, Release
from training.model.artifact import require_artifact

MODEL = b"the model that was released"
SHA256 = hashlib.sha256(MODEL).hexdigest()
URI = f"s3://{BUCKET}/models/{SHA256}/model.tar.gz"


def released() -> Release:
    return release(artifact=Artifact(s3_uri=URI, sha256=SHA256, size=len(MODEL)))


def checksum(body: bytes) -> str:
    return base64.b64encode(hashlib.sha256(body).digest()).decode()


def refused(s3: MemoryS3) -> tuple[str, str, str]:
    with pytest.raises(KickstandError) as failed:
        require_artifact(s3, released(), adopt_command="kickstand adopt JOB dev")
    assert failed.value.exit_code == 1
    (problem,) = failed.value.problems
    return problem.where, problem.message, problem.fix


def test_a_whole_objects_own_checksum_is_enough() -> None:
    s3 = MemoryS3()
    s3.put(URI, MODEL, checksum=checksum(MODEL))
    require_artifact(s3, released(), adopt_command="")
    assert s3.operations() == ["head_object"]


@pytest.mark.parametrize("stored", [None, "sYq1dL2HrA+DWZR2MaWbhwF0kPvvwsHTqC0xCpBAgvg=-3"])
def test_an_object_without_a_checksum_of_all_its_bytes_is_read(stored: str | None) -> None:
    s3 = MemoryS3()
    s3.put(URI, MODEL, checksum=stored)
    require_artifact(s3, released(), adopt_command="")
    assert s3.operations() == ["head_object", "get_object"]


@pytest.mark.parametrize("known", [True, False])
def test_other_bytes_of_the_same_size_are_noticed(known: bool) -> None:
    other = MODEL[::-1]
    s3 = MemoryS3()
    s3.put(URI, other, checksum=checksum(other) if known else None)
    where, message, fix = refused(s3)
    assert where == URI
    assert message == (
        f"The model artifact was changed: expected 27 bytes of SHA-256 {SHA256}, "
        f"found 27 bytes of {hashlib.sha256(other).hexdigest()}. Nothing was deployed."
    )
    assert fix.endswith("make the release of its job again: kickstand adopt JOB dev")


def test_an_artifact_that_is_gone_is_noticed() -> None:
    where, message, fix = refused(MemoryS3())
    assert where == URI
    assert message.startswith("The model artifact of the release is not there, or these credentials may not see it")
    assert "kickstand adopt JOB dev" in fix
