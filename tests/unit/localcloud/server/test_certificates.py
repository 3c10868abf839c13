"""The local cloud's own certificates: what they allow, and when they are made anew."""

from __future__ import annotations

import stat
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from localcloud.server.certificates import Certificates, ensure_certificates

NOW = datetime(2030, 1, 1, tzinfo=UTC)


def at(days: int) -> Callable[[], datetime]:
    return lambda: NOW + timedelta(days=days)


def issue(folder: Path, days: int = 0) -> tuple[Certificates, x509.Certificate, x509.Certificate]:
    files = ensure_certificates(folder, at(days))
    authority, server = (x509.load_pem_x509_certificate(path.read_bytes()) for path in (files.ca, files.server))
    return files, authority, server


def test_server_certificate_is_for_loopback_and_signed_by_the_authority(tmp_path: Path) -> None:
    _, authority, server = issue(tmp_path)
    names = server.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.IPAddress) == [ip_address("127.0.0.1")]
    assert names.get_values_for_type(x509.DNSName) == ["localhost"]
    usage = server.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usage) == [ExtendedKeyUsageOID.SERVER_AUTH]
    server.verify_directly_issued_by(authority)


def test_authority_can_sign_for_nothing_but_loopback(tmp_path: Path) -> None:
    _, authority, _ = issue(tmp_path)
    constraints = authority.extensions.get_extension_for_class(x509.NameConstraints)
    assert constraints.critical
    assert constraints.value.permitted_subtrees == [
        x509.DNSName("localhost"),
        x509.IPAddress(ip_network("127.0.0.0/8")),
    ]


def test_keys_are_readable_by_their_user_alone(tmp_path: Path) -> None:
    files, _, _ = issue(tmp_path)
    assert [stat.S_IMODE(key.stat().st_mode) for key in (files.ca_key, files.server_key)] == [0o600, 0o600]


@pytest.mark.parametrize(
    ("days", "renewed"),
    [(0, []), (366, []), (368, ["server"]), (3619, ["server"]), (3621, ["ca", "server"])],
)
def test_renewed_thirty_days_before_the_end(tmp_path: Path, days: int, renewed: list[str]) -> None:
    _, authority, server = issue(tmp_path)
    _, later_authority, later_server = issue(tmp_path, days)
    changed = {"ca": authority != later_authority, "server": server != later_server}
    assert [name for name, is_new in changed.items() if is_new] == renewed
    later_server.verify_directly_issued_by(later_authority)


def test_made_anew_when_the_clock_was_set_back_far(tmp_path: Path) -> None:
    _, _, server = issue(tmp_path)
    _, _, earlier = issue(tmp_path, -2)
    assert server != earlier
    assert earlier.not_valid_before_utc <= NOW - timedelta(days=2) < earlier.not_valid_after_utc


@pytest.mark.parametrize("damage", ["ca.key", "server.key", "server.pem"])
def test_made_anew_when_a_file_is_damaged(tmp_path: Path, damage: str) -> None:
    issue(tmp_path)
    (tmp_path / damage).write_text("not a key")
    _, authority, server = issue(tmp_path)
    server.verify_directly_issued_by(authority)
    assert "PRIVATE KEY" in (tmp_path / damage).read_text() or damage == "server.pem"


def test_a_key_of_another_certificate_is_not_used(tmp_path: Path) -> None:
    files, _, server = issue(tmp_path)
    files.server_key.write_bytes(files.ca_key.read_bytes())
    _, _, renewed = issue(tmp_path)
    assert renewed != server
