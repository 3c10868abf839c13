"""Every name of ministack is as the door declares it, and one that has moved is named."""

from __future__ import annotations

import pytest

from localcloud.ministack.door import check, declared
from localcloud.ministack.door.names import Names, Seam, SeamMovedError, Value


def test_the_door_is_where_it_was() -> None:
    check()
    assert len(list(declared())) > 200


class _S3(Names, of="ministack.services.s3"):
    put_thing = Seam("_put_thing", "key")
    delete_bucket = Seam("_delete_bucket", "key")
    buckets = Value[object]("_buckets", "dict")


@pytest.mark.parametrize(
    ("touch", "message"),
    list(
        zip(
            _S3.touches(),
            [
                r"ministack.services.s3._put_thing is gone",
                r"ministack.services.s3._delete_bucket takes \('name',\), not \('key',\)",
                r"ministack.services.s3._buckets is AccountScopedDict, not dict",
            ],
            strict=True,
        )
    ),
)
def test_a_moved_name_is_named(touch: Seam | Value[object], message: str) -> None:
    with pytest.raises(SeamMovedError, match=message):
        touch.check()
