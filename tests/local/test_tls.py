"""TLS of the running server."""

from __future__ import annotations

import socket
import ssl
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509

from localcloud.cloud import LocalCloud
from localcloud.server.certificates import ensure_certificates


def handshake(port: int, context: ssl.SSLContext, name: str) -> bytes:
    with (
        socket.create_connection(("127.0.0.1", port), timeout=10) as plain,
        context.wrap_socket(plain, server_hostname=name) as encrypted,
    ):
        return encrypted.getpeercert(binary_form=True) or b""


def port_of(cloud: LocalCloud) -> int:
    return int(cloud.url.rpartition(":")[2])


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost"])
def test_trusted_with_the_folders_authority(cloud: LocalCloud, name: str) -> None:
    context = ssl.create_default_context(cafile=str(cloud.folder.ca))
    assert handshake(port_of(cloud), context, name)


def test_not_trusted_without_it_nor_under_another_name(cloud: LocalCloud) -> None:
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(port_of(cloud), ssl.create_default_context(), "127.0.0.1")
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(port_of(cloud), ssl.create_default_context(cafile=str(cloud.folder.ca)), "example.com")


def test_plain_http_gets_no_answer(cloud: LocalCloud) -> None:
    with socket.create_connection(("127.0.0.1", port_of(cloud)), timeout=10) as plain:
        plain.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        with suppress(ConnectionResetError):
            assert b"HTTP/" not in plain.recv(100)


def test_an_expired_certificate_is_replaced_at_the_next_start(tmp_path: Path) -> None:
    cloud = LocalCloud(tmp_path / "state")
    cloud.folder.create()
    long_ago = datetime.now(UTC) - timedelta(days=500)
    files = ensure_certificates(cloud.folder.certificates, lambda: long_ago)
    expired = x509.load_pem_x509_certificate(files.server.read_bytes())
    assert expired.not_valid_after_utc < datetime.now(UTC)
    cloud.start(port=0)
    try:
        shown = handshake(port_of(cloud), ssl.create_default_context(cafile=str(cloud.folder.ca)), "127.0.0.1")
        assert x509.load_der_x509_certificate(shown).not_valid_after_utc > datetime.now(UTC)
    finally:
        cloud.stop()
