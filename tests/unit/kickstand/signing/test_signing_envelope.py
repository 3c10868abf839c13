"""The signature's file and what is in it: whatever is no envelope of a statement is refused, and said to be none."""

# ruff: noqa: E501 (a message is compared whole, on one line)

from __future__ import annotations

import json
from pathlib import Path

import pytest
from signed_release import RESIGN, WHERE, SignedRelease

from kickstand.signing.verify import verify_signature


@pytest.fixture
def desk(tmp_path: Path) -> SignedRelease:
    made = SignedRelease(tmp_path)
    made.sign()
    return made


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{", "The signature file is not JSON: Expecting property name enclosed in double quotes."),
        ("[]", "The signature file is broken: it is no DSSE envelope (TypeError: list indices must be integers or slices, not str)."),
        ("{}", "The signature file is broken: it is no DSSE envelope (KeyError: 'payload')."),
        ('{"payload": "", "payloadType": "application/vnd.in-toto+json", "signatures": []}', "The envelope holds no signature."),
        ('{"payload": "", "payloadType": "text/plain", "signatures": [{"keyid": "1", "sig": "AA=="}]}', "The signature is over a payload of the type 'text/plain', not application/vnd.in-toto+json."),
        ('{"payload": "", "payloadType": "application/vnd.in-toto+json", "signatures": [{"sig": "AA=="}]}', "The signature file is broken: it is no DSSE envelope (KeyError: 'keyid')."),
        ("[" * 100_000, "The signature file is not JSON: it is nested deeper than 100 brackets."),
        ("\0", "The signature file is not JSON: Expecting value."),
    ],
)  # fmt: skip
def test_an_envelope_that_is_none(desk: SignedRelease, text: str, told: str) -> None:
    desk.signature.write_text(text)
    assert desk.problems() == [f"{told} {RESIGN}"]


def test_an_envelope_that_a_formatter_rewrote(desk: SignedRelease) -> None:
    desk.signature.write_text(json.dumps(json.loads(desk.signature.read_text())))
    assert desk.problems() == [
        "The signature file was changed after it was written; its text must be as Kickstand wrote it. "
        f"Take it back: git checkout -- {desk.signature}. {RESIGN}"
    ]


def test_line_ends_of_windows_change_nothing(desk: SignedRelease) -> None:
    for file in (desk.file, desk.signature):
        file.write_bytes(file.read_bytes().replace(b"\n", b"\r\n"))
    assert verify_signature(desk.release, desk.file, desk.signing, where=WHERE).name == "dev.pub"


def test_a_statement_of_another_kind(desk: SignedRelease) -> None:
    """A trusted key signed it, and yet it says nothing of a release."""
    from kickstand.signing.statement import statement, statement_problems

    fields = statement(desk.release, desk.file)
    for odd, told in (
        (b"{}", "The signed payload is no in-toto statement about files."),
        (b"\xff", "The signed payload is no in-toto statement about files."),
        (
            json.dumps({**fields, "predicateType": "https://example.com/x"}).encode(),
            "The signed statement is https://in-toto.io/Statement/v1 with https://example.com/x; it must be "
            "https://in-toto.io/Statement/v1 with https://slsa.dev/provenance/v1.",
        ),
    ):
        (problem,) = statement_problems(odd, desk.release, desk.file, "x")
        assert problem.message == told
