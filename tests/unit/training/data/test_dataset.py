"""A channel's digest and place."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from pathlib import Path

import pytest

from kickstand.bucket import channel_prefix
from kickstand.release.model import Channel, DataFile
from training.data.files import ChannelReport, FileReport, channel_of, channel_sha256


def test_the_digest_is_of_the_listing_in_order_of_names() -> None:
    a, b = "a" * 64, "b" * 64
    listing = f"{b}  1.csv\n{a}  2.csv\n".encode()
    assert channel_sha256([("2.csv", a), ("1.csv", b)]) == hashlib.sha256(listing).hexdigest()


@pytest.mark.skipif(shutil.which("sha256sum") is None, reason="sha256sum is not installed")
def test_the_digest_is_what_sha256sum_prints(tmp_path: Path) -> None:
    for name in ("b.csv", "a.csv", "B.csv"):
        (tmp_path / name).write_text(name)
    command = "LC_ALL=C; export LC_ALL; sha256sum * | sha256sum"
    printed = subprocess.run(["sh", "-c", command], cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    files = [(path.name, hashlib.sha256(path.read_bytes()).hexdigest()) for path in tmp_path.iterdir()]
    assert printed.split()[0] == channel_sha256(files)


def test_the_prefix_ends_with_a_slash() -> None:
    assert channel_prefix("train", "ab" * 32) == f"data/{'ab' * 32}/train/"


def test_a_channel_of_a_report() -> None:
    file = FileReport("train.csv", Path("/d/train.csv"), "c" * 64, 12, 2)
    report = ChannelReport("train", (file,), 2, 3, ",", 0.0, 1.0)
    digest = hashlib.sha256(f"{'c' * 64}  train.csv\n".encode()).hexdigest()
    assert channel_of(report, "bucket", "text/csv") == Channel(
        name="train",
        s3_uri=f"s3://bucket/data/{digest}/train/",
        content_type="text/csv",
        sha256=digest,
        rows=2,
        columns=3,
        files=(DataFile(name="train.csv", sha256="c" * 64, size=12, rows=2),),
    )
