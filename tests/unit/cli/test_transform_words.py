"""The words of `kickstand transform` that do not go together."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.commands import app
from kickstand.errors import InputError


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["dev"], "Expected one of FILE, --follow and --stop, found none of them."),
        (["dev", "-", "--follow", "x"], "Expected one of FILE, --follow and --stop, found FILE and --follow."),
        (["dev", "-", "--accept", "xml"], "Expected csv or json, found 'xml'."),
        (["dev", "-", "--accept", "json", "--join"], "--join works on the csv form."),
        (["dev", "--follow", "x", "--join"], "--join belongs to the start of a job."),
        (["dev", "s3://b/x", "--accept", "json"], "Results that stay in S3 are csv."),
        (["dev", "--stop", "x", "-o", "y"], "A job that is stopped leaves no results."),
        (["dev", "absent.csv"], "Expected a CSV file of rows, found none."),
        (["dev", "-", "-o", "."], "Expected the name of a file for the answers, found a folder."),
    ],
)
def test_wrong_words(words: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, ["transform", *words])
    assert isinstance(done.exception, InputError)
    assert message in [problem.message for problem in done.exception.problems]
