"""A running local cloud, one a test worker, and clients for it."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import nullcontext

import local_client
import pytest
from local_client import Client
from warm_programs import cold_programs, warm_programs

from localcloud.cloud import LocalCloud

COLD = ("test_endpoint_updates.py", "test_second_user.py", "test_updates_under_traffic.py")
"""Files whose programs all begin as on a user's machine: they look at them from outside, or count the requests that
fail as one is killed (the server hears later of the end of one that is forked)."""
FILES = 4
"""After so many the cloud begins anew."""
_FILES = itertools.count(1)
_SHARED: list[LocalCloud] = []
"""The worker's cloud, once it runs."""


@pytest.fixture(autouse=True, scope="session")
def _programs_are_forked() -> Iterator[None]:
    """Servers, jobs and endpoints begin in processes that have imported what they need."""
    with warm_programs():
        yield


@pytest.fixture(autouse=True, scope="module")
def _programs_are_started(request: pytest.FixtureRequest) -> Iterator[None]:
    with cold_programs() if request.path.name in COLD else nullcontext():
        yield


@pytest.fixture
def started_programs() -> Iterator[None]:
    """The same for one test of another file: it looks for children, or at what a program was started with."""
    with cold_programs():
        yield


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCloud]:
    """A local cloud on a free port with a state folder of its own; gone at the end of the worker's tests."""
    running = LocalCloud(tmp_path_factory.mktemp("cloud"))
    running.start(port=0)
    _SHARED.append(running)
    yield running
    _SHARED.clear()
    _end(running)


def _end(cloud: LocalCloud) -> None:
    try:
        cloud.stop()  # fails where anything that the tests did cannot be saved
    finally:
        cloud.reset()


@pytest.fixture(autouse=True, scope="module")
def _the_cloud_stays_small() -> Iterator[None]:
    """Empty the worker's cloud after every few files: whatever is in it is looked through at each of its answers."""
    yield
    for running in _SHARED:
        if next(_FILES) % FILES == 0:
            _end(running)
            running.start(port=0)


@pytest.fixture(scope="session")
def client(cloud: LocalCloud) -> Client:
    """Makes a boto3 client: `client("s3")`, `client("iam", account="444455556666", region="eu-west-1")`."""
    return lambda service, **place: local_client.client_of(cloud, service, **place)


@pytest.fixture(scope="session")
def client_of() -> Client:
    """Makes a client of a cloud that the test started itself: `client_of(cloud, "s3", region="eu-west-1")`."""
    return local_client.client_of


@pytest.fixture
def as_root(cloud: LocalCloud, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Makes this process's credentials those of another account's root: `as_root("444455556666")`."""

    def change(account: str) -> None:
        key = cloud.root_key(account)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", key["AccessKeyId"])
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", key["SecretAccessKey"])

    return change
