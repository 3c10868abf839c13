"""An artifact on its way to a model server: whatever is in it, only plain files reach the model folder."""

from __future__ import annotations

import io
import os
import pickle
import tarfile
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from memory_s3 import MemoryS3

from localcloud.jobs.hosting import model_server
from localcloud.jobs.hosting.model_process import HostingError, SocketFolder
from localcloud.jobs.hosting.model_server import fetch_model
from localcloud.jobs.s3 import core_session, logs_client, s3_client
from training.model.inspection.archive import MAX_BYTES

URL = "s3://bucket/models/model.tar.gz"


class Exploit:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return Path.mkdir, (Path("unpickled"),)  # type: ignore[return-value]


def archive(*members: tuple[str, bytes] | tarfile.TarInfo) -> bytes:
    """A model.tar.gz of files as (name, content), and of members as they are; a claimed size need not be there."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        for given in members:
            if isinstance(given, tarfile.TarInfo):
                tar.addfile(given)
            else:
                member = tarfile.TarInfo(given[0])
                member.size = len(given[1])
                tar.addfile(member, io.BytesIO(given[1]))
    return out.getvalue()


def member(name: str, kind: bytes = tarfile.REGTYPE, target: str = "", size: int = 0) -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.type, made.linkname, made.size = kind, target, size
    return made


@pytest.fixture
def fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Fetches an artifact of some bytes, or one whose reading fails, into `tmp_path/model`."""

    def fetch(content: bytes | Exception, url: str = URL) -> Path:
        s3 = MemoryS3()
        if isinstance(content, Exception):
            s3.refuse["get_object"] = [content]
        else:
            s3.put("s3://bucket/models/model.tar.gz", content)
        monkeypatch.setattr(model_server, "s3_client", lambda environment: s3)
        fetch_model(url, tmp_path / "base/model", {})
        return tmp_path / "base/model"

    return fetch


def test_plain_files_come_in_place_of_what_was_there(tmp_path: Path, fetched: Any) -> None:
    (tmp_path / "base/model").mkdir(parents=True)
    (tmp_path / "base/model/old").touch()
    folder = fetched(archive(("xgboost-model-0", b"a"), ("xgboost-model-1", b"b")))
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == {
        "xgboost-model-0": b"a",
        "xgboost-model-1": b"b",
    }
    assert [path.name for path in (tmp_path / "base").iterdir()] == ["model"]


@pytest.mark.contract("H76")
@pytest.mark.parametrize(
    ("members", "words"),
    [
        ([("../xgboost-model", b"m")], "Member '../xgboost-model' climbs out of its folder."),
        ([("a/../../../x", b"m")], "Member 'a/../../../x' climbs out of its folder."),
        ([("/etc/cron.d/x", b"m")], "Member '/etc/cron.d/x' has an absolute or unportable path."),
        ([member("m", tarfile.SYMTYPE, "/etc/passwd")], "Member 'm' is a link, to '/etc/passwd'."),
        ([member("m", tarfile.SYMTYPE, "..")], "Member 'm' is a link, to '..'."),
        ([("a", b""), member("m", tarfile.LNKTYPE, "a")], "Member 'm' is a link, to 'a'."),
        ([member("m", tarfile.CHRTYPE)], "Member 'm' is neither a file nor a folder."),
        ([member("m", tarfile.BLKTYPE)], "Member 'm' is neither a file nor a folder."),
        ([member("m", tarfile.FIFOTYPE)], "Member 'm' is neither a file nor a folder."),
        ([("xgboost-model", b"a"), ("xgboost-model", b"b")], "Member 'xgboost-model' is there twice."),
        (
            [("../a", b""), member("b", tarfile.SYMTYPE, "c")],
            "Member '../a' climbs out of its folder. Member 'b' is a link, to 'c'.",
        ),
    ],
)
def test_an_unsafe_artifact_is_refused_with_each_unsafe_member(
    tmp_path: Path, fetched: Any, members: list[Any], words: str
) -> None:
    with pytest.raises(HostingError) as error:
        fetched(archive(("first", b"harmless"), *members))
    assert str(error.value) == f"Failed to extract model data archive from URL {URL}. {words}"
    assert list((tmp_path / "base/model").iterdir()) == []
    assert [path.name for path in tmp_path.iterdir()] == ["base"]


@pytest.mark.contract("H76")
def test_a_bomb_is_not_unpacked(tmp_path: Path, fetched: Any) -> None:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        tar.fileobj.write(member("xgboost-model", size=MAX_BYTES + 1).tobuf())
    with pytest.raises(HostingError, match=r"The archive unpacks to more than 1,073,741,824 bytes\."):
        fetched(out.getvalue())
    assert list((tmp_path / "base/model").iterdir()) == []


@pytest.mark.contract("H76")
@pytest.mark.parametrize(
    "content", [b"", b"junk", archive(("xgboost-model", bytes(9999)))[:-20]], ids=["empty", "junk", "cut"]
)
def test_what_is_no_whole_archive_is_refused(fetched: Any, content: bytes) -> None:
    with pytest.raises(HostingError, match=r"Failed to extract model data archive .* not a whole gzipped tar archive"):
        fetched(content)


@pytest.mark.contract("H74")
def test_a_pickle_is_carried_and_never_opened(tmp_path: Path, fetched: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    content = pickle.dumps(Exploit())
    assert (fetched(archive(("xgboost-model", content))) / "xgboost-model").read_bytes() == content
    assert not (tmp_path / "unpickled").exists()


def test_an_artifact_that_cannot_be_read_is_told_in_sagemakers_words(fetched: Any) -> None:
    answer: Any = {"Error": {"Code": "AccessDenied"}, "ResponseMetadata": {"HTTPStatusCode": 403}}
    denied = ClientError(answer, "GetObject")
    for error in (denied, EndpointConnectionError(endpoint_url="https://127.0.0.1")):
        with pytest.raises(HostingError) as caught:
            fetched(error)
        assert str(caught.value).startswith(
            f"Failed to download model data for container from URL: {URL}. Please ensure that there is an object "
            "located at the URL and that the role passed to CreateModel has permissions to download the object. "
        )
    with pytest.raises(HostingError, match="Failed to download model data: "):
        fetched(b"", url="https://example.com/model.tar.gz")


def test_a_socket_folder_that_two_threads_close_gives_its_descriptor_back_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second close comes while the first is at it: the number may be another file's by then."""
    folder, closed = SocketFolder(tmp_path / "ml"), []
    close = os.close

    def closing(descriptor: int) -> None:
        closed.append(descriptor)
        if len(closed) < 3:
            folder.close()
        close(descriptor)

    monkeypatch.setattr(os, "close", closing)
    folder.close()
    monkeypatch.undo()
    folder.close()
    assert len(closed) == 1


def test_the_clients_of_a_process_share_what_was_read_of_the_sdks_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """The models of S3 and of logs take 0.2 s of CPU, and a server makes clients for each instance that it starts."""
    first, second = (core_session().get_component("data_loader") for _ in range(2))
    assert first is second
    given = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_REGION": "us-east-1"}
    for url in ("https://127.0.0.1:1", "https://127.0.0.1:2"):
        clients = [make({**given, "AWS_ENDPOINT_URL": url}) for make in (s3_client, logs_client)]
        assert {client.meta.endpoint_url for client in clients} == {url}
        monkeypatch.setattr(botocore.session, "Session", lambda: pytest.fail("one more session is made"))
