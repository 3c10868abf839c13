"""One promotion at a time, decided by S3: held, given back, taken over."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from typing import Any

import pytest
from memory_s3 import MemoryS3, refusal

from kickstand.aws.s3 import ArtifactBucket
from kickstand.bucket import RELEASE_LOCK
from kickstand.errors import KickstandError
from promotion.lock import Owner, release_lock

BUCKET = ArtifactBucket("bikes-staging", "444455556666")
PLACE = f"s3://{BUCKET.name}/{RELEASE_LOCK}"
ANA = Owner("arn:aws:iam::444455556666:user/ana", "2026-11-24T09:00:00Z", "promote dev staging, model aaaa", "m1", 7)
BO = Owner("arn:aws:iam::444455556666:user/bo", "2026-11-24T09:05:00Z", "promote dev staging, model bbbb", "m2", 8)


def hold(s3: Any, owner: Owner, told: list[str] | None = None) -> Any:
    return release_lock(s3, BUCKET, owner, (told if told is not None else []).append)


def left_behind(s3: MemoryS3, owner: Owner) -> None:
    """The lock of a promotion that was killed."""
    s3.put(PLACE, json.dumps(owner.fields()).encode())


def test_it_is_held_while_the_block_runs_and_given_back_at_its_end() -> None:
    s3 = MemoryS3()
    with hold(s3, ANA) as lock:
        assert s3.bodies()
        lock.require()
    assert not s3.bodies()


@pytest.mark.parametrize("end", [KickstandError, KeyboardInterrupt, ValueError])
def test_it_is_given_back_whatever_ends_the_block(end: type[BaseException]) -> None:
    s3 = MemoryS3()
    with pytest.raises(end), hold(s3, ANA):
        raise end
    assert not s3.bodies()


def test_a_second_promotion_is_told_who_is_at_it_and_since_when() -> None:
    s3 = MemoryS3()
    with hold(s3, ANA):
        s3.later(12)
        with pytest.raises(KickstandError) as caught, hold(s3, BO):
            pytest.fail("both hold it")
        assert str(caught.value) == (
            "s3://bikes-staging/locks/release: arn:aws:iam::444455556666:user/ana holds the promotion lock since "
            "2026-11-24T09:00:00Z: promote dev staging, model aaaa. Nothing was written. Wait until it is done, then "
            "run it again. Where it was killed: in 18 minutes its lock counts as left behind, and the next promotion "
            "takes it over."
        )
        assert caught.value.exit_code == 1
        assert b"user/ana" in s3.body(PLACE)


def test_a_stale_lock_is_taken_over_and_its_former_owner_stops() -> None:
    s3, told = MemoryS3(), list[str]()
    with hold(s3, ANA, told) as anas:
        s3.later(30)
        with hold(s3, BO) as bos:
            bos.require()
            with pytest.raises(KickstandError, match="Another promotion has taken over the lock of this one"):
                anas.require()
        assert not s3.bodies()
        with hold(s3, BO):
            pass  # ana's end must not give back what is another's
    assert told == []


def test_the_former_owners_end_leaves_the_new_owners_lock() -> None:
    s3 = MemoryS3()
    anas = hold(s3, ANA)
    anas.__enter__()
    s3.later(31)
    with hold(s3, BO):
        anas.__exit__(None, None, None)
        assert s3.bodies()


def test_two_that_take_over_the_same_stale_lock_do_not_both_get_it() -> None:
    s3 = MemoryS3()
    left_behind(s3, ANA)
    s3.later(31)
    third = replace(BO, by="arn:aws:iam::444455556666:user/cy")
    seen = s3.get_object

    def overtaken(**keys: Any) -> Any:
        answer = seen(**keys)
        s3.get_object = seen  # type: ignore[method-assign]
        s3.put_object(
            Bucket=BUCKET.name, Key=RELEASE_LOCK, Body=json.dumps(third.fields()).encode(), IfMatch=answer["ETag"]
        )
        return answer

    s3.get_object = overtaken  # type: ignore[method-assign]
    with pytest.raises(KickstandError, match="user/cy holds the promotion lock"), hold(s3, BO):
        pytest.fail("both hold it")


def test_a_killed_run_of_ones_own_is_gone_on_with_at_once() -> None:
    dead, alive = replace(ANA, process=2**22 + 1), replace(ANA, process=os.getpid())
    assert ANA.is_successor_of(dead)
    assert not ANA.is_successor_of(alive)
    assert not BO.is_successor_of(dead)
    assert not ANA.is_successor_of(replace(dead, machine="another"))
    s3 = MemoryS3()
    left_behind(s3, dead)
    with pytest.raises(KickstandError, match="user/ana holds the promotion lock"), hold(s3, BO):
        pytest.fail("it is not hers")
    with hold(s3, replace(ANA, process=os.getpid())) as lock:
        lock.require()
    assert not s3.bodies()


@pytest.mark.parametrize("body", [b"", b"\xff", b"[]", b'{"process": "x"}', b"{}"])
def test_a_lock_of_another_hand_is_somebodys(body: bytes) -> None:
    s3 = MemoryS3()
    s3.put(PLACE, body)
    with pytest.raises(KickstandError, match="somebody holds the promotion lock"), hold(s3, BO):
        pytest.fail("both hold it")


def test_a_lock_that_cannot_be_given_back_is_told_and_hides_nothing() -> None:
    expired = refusal("ExpiredToken", "DeleteObject", 400, "The provided token has expired.")
    s3, told = MemoryS3(refuse={"delete_object": [expired]}), list[str]()
    with hold(s3, ANA, told):
        pass
    assert told == [
        "Failed while giving back the lock of the release: DeleteObject: ExpiredToken: The provided token has "
        "expired. It is taken over when it is 30 minutes old: s3://bikes-staging/locks/release"
    ]


def test_this_process_is_named_without_naming_the_machine() -> None:
    here = Owner.here(by=ANA.by, at=ANA.at, doing=ANA.doing)
    assert here.process == os.getpid()
    assert len(here.machine) == 16
    assert here == Owner.here(by=ANA.by, at=ANA.at, doing=ANA.doing)
