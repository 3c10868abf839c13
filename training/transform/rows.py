"""The rows of a local file on their way to S3: checked as `predict` checks them, and sent under their digest."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

from kickstand.config.model import Environment
from kickstand.names import Names
from training.data.report import FileReport
from training.model.s3_location import S3Location
from training.prediction.batches import Expected, batches
from training.transform.request import rows_key
from training.upload.object_upload import ObjectUpload


def checked_rows(source: BinaryIO, label: str, target: Path, expected: Expected | None) -> FileReport:
    """Write the rows of a CSV to `target` as they will be sent: whole lines, each ending in one newline.

    label: the input's name, for messages. expected: the features of a row, where they are known.
    Raises InputError for what the model would refuse.
    """
    digest, rows, size = hashlib.sha256(), 0, 0
    with target.open("wb") as out:
        for batch in batches(source, label, expected=expected, every_cell=True):
            out.write(batch.body)
            digest.update(batch.body)
            rows, size = rows + batch.rows, size + len(batch.body)
    return FileReport(label, target, digest.hexdigest(), size, rows)


def upload_rows(
    s3: Any, environment: Environment, rows: FileReport, *, progress: Callable[[int], None]
) -> tuple[S3Location, bool]:
    """Make sure that the rows are in S3; where, and whether they had to be sent.

    Raises KickstandError where another object stands in their place; botocore's errors pass.
    """
    names, key = Names(environment), rows_key(rows.sha256)
    owner = {} if environment.storage.existing_bucket else {"ExpectedBucketOwner": environment.account}
    kms = environment.storage.kms_key_arn
    writes = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": kms} if kms else {}
    listed = s3.list_objects_v2(Bucket=names.bucket, Prefix=key, **owner)
    present = any(entry["Key"] == key for entry in listed.get("Contents", []))
    sent = ObjectUpload(s3, names.bucket, owner, writes, progress).put(key, rows, present=present)
    return S3Location(names.bucket, key), sent
