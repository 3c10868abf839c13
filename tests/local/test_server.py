"""The server's life: what it listens on, how it starts, how it ends, whom it leaves alone."""

from __future__ import annotations

import http.client
import json
import re
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing, suppress
from email.utils import parsedate_to_datetime
from pathlib import Path
from ssl import create_default_context

import pytest
from botocore.exceptions import ClientError
from killed_server import kill

from kickstand.errors import KickstandError
from localcloud.cloud import LocalCloud
from localcloud.server.running import holder

linux_only = pytest.mark.skipif(not Path("/proc/self/net/tcp").exists(), reason="reads /proc")


@pytest.fixture
def own(tmp_path: Path) -> Iterator[LocalCloud]:
    """A cloud that the test may stop and kill."""
    cloud = LocalCloud(tmp_path / "state")
    yield cloud
    cloud.stop()


def pid_of(cloud: LocalCloud) -> int:
    pid = holder(cloud.folder.lock)
    assert pid is not None
    return pid


def listeners(pid: int) -> set[str]:
    """The addresses that a process listens on, as ADDRESS:PORT in hexadecimal, of IPv4, IPv6 and UDP."""
    inodes = set()
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # closed since it was listed
            if found := re.fullmatch(r"socket:\[(\d+)\]", str(descriptor.readlink())):
                inodes.add(found[1])
    found_at = set()
    for table, states in (("tcp", {"0A"}), ("tcp6", {"0A"}), ("udp", {"07"}), ("udp6", {"07"})):
        for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[9] in inodes and fields[3] in states:
                found_at.add(fields[1])
    return found_at


def test_an_answer_carries_its_date_once(cloud: LocalCloud) -> None:
    # clients correct their clock by it; two, joined by a comma, are no date
    connection = http.client.HTTPSConnection(
        cloud.url.removeprefix("https://"), context=create_default_context(cafile=str(cloud.folder.ca)), timeout=30
    )
    with closing(connection):
        connection.request("GET", "/")
        dates = connection.getresponse().headers.get_all("date") or []
    assert len(dates) == 1
    assert abs(parsedate_to_datetime(dates[0]).timestamp() - time.time()) < 60


def test_a_folder_without_a_secret_gets_one_that_stays_and_an_old_one_is_worth_nothing(own: LocalCloud) -> None:
    own.start(port=0)
    first = own.root_key("111122223333")
    own.stop()
    own.folder.root_secret.unlink()
    own.start(port=0)
    second = own.root_key("111122223333")
    assert second != first
    assert own.client("sts", "111122223333", "us-east-1").get_caller_identity()["Account"] == "111122223333"
    own.stop()
    own.start(port=0)
    assert own.root_key("111122223333") == second
    own.folder.root_secret.write_text("0" * 64 + "\n")  # what the client holds, and not what the server does
    with pytest.raises(ClientError, match="SignatureDoesNotMatch"):
        own.client("sts", "111122223333", "us-east-1").get_caller_identity()


@pytest.mark.usefixtures("started_programs")
@linux_only
def test_the_server_has_no_credential_of_its_owners_shell(own: LocalCloud, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_SECRET_ACCESS_KEY", "GITHUB_TOKEN", "DATABASE_PASSWORD", "SFN_MOCK_CONFIG", "MINISTACK_REGION"):
        monkeypatch.setenv(name, "shown-to-nobody")
    own.start(port=0)
    given = Path(f"/proc/{pid_of(own)}/environ").read_bytes()
    assert b"shown-to-nobody" not in given
    assert {entry.partition(b"=")[0] for entry in given.split(b"\0")} >= {b"PATH", b"PYTHONPATH"}


@linux_only
def test_listens_on_one_port_of_loopback_and_nothing_else(cloud: LocalCloud) -> None:
    port = int(cloud.url.rpartition(":")[2])
    assert listeners(pid_of(cloud)) == {f"0100007F:{port:04X}"}


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/_ministack/reset"),
        ("POST", "/_ministack/config"),
        ("GET", "/_ministack/health"),
        ("GET", "/_ministack/iot/ca.pem"),
        ("GET", "/_localstack/health"),
        ("GET", "/_aws/sqs/messages"),
        ("GET", "/_nothing"),
    ],
)
def test_administration_is_shut(cloud: LocalCloud, method: str, path: str) -> None:
    assert status_of(cloud, method, path) == 404


def test_own_status_needs_the_token(cloud: LocalCloud) -> None:
    token = json.loads(cloud.folder.server.read_text())["token"]
    assert status_of(cloud, "GET", "/_kickstand/status") == 403
    assert status_of(cloud, "GET", "/_kickstand/status", "Bearer wrong") == 403
    assert status_of(cloud, "GET", "/_kickstand/status", f"Bearer {token}") == 200


def status_of(cloud: LocalCloud, method: str, path: str, authorization: str = "") -> int:
    request = urllib.request.Request(  # noqa: S310 - the URL is the fixture's
        cloud.url + path, method=method, headers={"Authorization": authorization}
    )
    opener = urllib.request.build_opener(
        urllib.request.ProxyHandler({}),
        urllib.request.HTTPSHandler(context=create_default_context(cafile=str(cloud.folder.ca))),
    )
    try:
        with opener.open(request, timeout=30) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def test_private_files_are_private(cloud: LocalCloud) -> None:
    files = [cloud.folder.root, cloud.folder.server, cloud.folder.aws_credentials, *cloud.folder.services.iterdir()]
    assert [str(path) for path in files if path.stat().st_mode & 0o077] == []


def test_starts_keeps_its_port_and_stops(own: LocalCloud) -> None:
    own.start(port=0)
    url, pid = own.url, pid_of(own)
    own.start()
    assert (own.url, pid_of(own)) == (url, pid)
    status = own.status()
    assert (status.running, status.url, status.pid, status.unsaved) == (True, url, pid, "")
    assert own.stop() is True
    assert own.stop() is False
    assert not own.status().running
    own.start()
    assert own.url == url


def test_a_taken_port_is_named(own: LocalCloud) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(KickstandError) as caught:
            own.start(port=port)
    assert f"Port {port} of 127.0.0.1 cannot be used: Address already in use" in str(caught.value)
    assert "kickstand local start --port N" in str(caught.value)
    own.folder.port.write_text(str(port))
    with socket.create_server(("127.0.0.1", port)):
        own.start()
    used = int(own.url.rpartition(":")[2])
    assert used != port
    with pytest.raises(KickstandError, match=f"runs already, on port {used}"):
        own.start(port=port)


def test_two_starts_at_once_make_one_server(own: LocalCloud) -> None:
    failures: list[BaseException] = []

    def start() -> None:
        try:
            LocalCloud(own.folder.root).start(port=0)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=start) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert own.status().pid == pid_of(own)
    assert own.log.read_text().count("ready at") == 1


def test_a_killed_server_is_known_to_be_gone_and_its_pid_is_left_alone(own: LocalCloud) -> None:
    own.start(port=0)
    record = json.loads(own.folder.server.read_text())
    kill(own)
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as stranger:
        # The pid has gone to someone else, as pids do.
        own.folder.server.write_text(json.dumps({**record, "pid": stranger.pid}))
        own.folder.lock.write_text(f"{stranger.pid}\n")
        assert not own.status().running
        with pytest.raises(KickstandError, match="The local cloud is not running"):
            own.environment("111122223333", "us-east-1")
        assert own.stop() is False
        assert stranger.poll() is None
        stranger.communicate(b"\n")
    own.start()
    assert own.url == record["url"]


def test_damaged_state_is_told_and_reset_mends_it(own: LocalCloud) -> None:
    own.start(port=0)
    own.stop()
    for index in ("index.json", "index.flushed.json"):
        (own.folder.services / index).write_text("{")
    with pytest.raises(KickstandError, match=r"saved state is damaged: index.json is not JSON"):
        own.start()
    own.reset()
    assert not own.folder.root.exists()
    own.start(port=0)
    assert own.status().running


@pytest.mark.usefixtures("started_programs")
def test_a_server_that_cannot_start_shows_its_last_words(own: LocalCloud, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = own.folder.root.parent / "broken"
    broken.mkdir()
    (broken / "uvicorn.py").write_text("raise RuntimeError('no web server today')")
    monkeypatch.setenv("PYTHONPATH", str(broken))
    with pytest.raises(KickstandError) as caught:
        own.start(port=0)
    assert "no web server today" in str(caught.value)
    assert str(own.log) in str(caught.value)
    assert not own.status().running


def test_a_state_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(KickstandError) as caught:
        LocalCloud(tmp_path / "file" / "state").start(port=0)
    assert "cannot keep its state here: Not a directory" in str(caught.value)


def test_the_client_side_imports_nothing_heavy() -> None:
    program = (
        "import sys, localcloud.cloud; print(sorted({'ministack','boto3','cryptography','numpy'} & {*sys.modules}))"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == "[]"


def test_a_time_factor_lasts_until_the_server_is_stopped(own: LocalCloud) -> None:
    own.start(port=0, time_factor=60)
    own.start()  # whoever names none takes what there is
    assert own.status().time_factor == 60
    with pytest.raises(KickstandError, match=re.escape("runs already, with the time factor 60")):
        own.start(time_factor=2)
    own.stop()
    own.start(port=0)
    assert own.status().time_factor == 1


def test_a_time_factor_below_one_is_refused(own: LocalCloud) -> None:
    with pytest.raises(KickstandError, match=re.escape("time factor of at least 1, found 0.5")):
        own.start(port=0, time_factor=0.5)
    assert holder(own.folder.lock) is None
