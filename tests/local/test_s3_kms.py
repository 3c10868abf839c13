"""S3 asks KMS for its caller: what a user, another account and a key in a bad state may not encrypt or read."""

from __future__ import annotations

import base64
import uuid
from typing import Any

import pytest
from kms_world import BOTH, GUEST, OWNER, REGION, World, account, allow, body, document, lacks, refusal, sse


@pytest.fixture(scope="module")
def world(client: Any) -> World:
    return World(client)


def test_a_user_without_kms_neither_reads_nor_writes(world: World) -> None:
    key, bucket = world.key(), world.bucket()
    world.root("s3").put_object(Bucket=bucket, Key="model", Body=b"x", **sse(key))
    s3, user = world.user()
    place = {"Bucket": bucket, "Key": "model"}
    assert refusal(s3.get_object, **place) == lacks(user, "kms:Decrypt", key)
    assert refusal(s3.put_object, **place, Body=b"y", **sse(key)) == lacks(user, "kms:GenerateDataKey", key)
    assert refusal(s3.create_multipart_upload, **place, **sse(key)) == lacks(user, "kms:GenerateDataKey", key)
    copy = {"Bucket": bucket, "Key": "copy", "CopySource": place}
    assert refusal(s3.copy_object, **copy) == lacks(user, "kms:Decrypt", key)
    # What is not decrypted is not asked for; HeadObject has no message.
    assert s3.head_object(**place)["SSEKMSKeyId"] == key
    assert refusal(s3.head_object, **place, ChecksumMode="ENABLED")[2] == 403
    assert s3.get_object_attributes(**place, ObjectAttributes=["ObjectSize"])["ObjectSize"] == 1
    wanted = ["Checksum", "ObjectSize"]
    assert refusal(s3.get_object_attributes, **place, ObjectAttributes=wanted) == lacks(user, "kms:Decrypt", key)
    assert [one["Key"] for one in s3.list_objects_v2(Bucket=bucket)["Contents"]] == ["model"]


@pytest.mark.parametrize("algorithm", ["aws:kms", "aws:kms:dsse"])
def test_each_side_of_a_copy_needs_its_own_permission(world: World, algorithm: str) -> None:
    source, target = world.key(), world.key()
    bucket = world.bucket(
        default={"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": algorithm, "KMSMasterKeyID": target}}
    )
    world.root("s3").put_object(Bucket=bucket, Key="model", Body=b"x", **sse(source))
    copy = {"Bucket": bucket, "Key": "copy", "CopySource": {"Bucket": bucket, "Key": "model"}}
    reader, user = world.user(allow("kms:Decrypt", source))
    assert refusal(reader.copy_object, **copy) == lacks(user, "kms:GenerateDataKey", target)
    writer, user = world.user(allow("kms:GenerateDataKey", target))
    assert refusal(writer.copy_object, **copy) == lacks(user, "kms:Decrypt", source)
    assert [one["Key"] for one in reader.list_objects_v2(Bucket=bucket)["Contents"]] == ["model"]
    able, _ = world.user(allow("kms:Decrypt", source), allow("kms:GenerateDataKey", target))
    made = able.copy_object(**copy)
    assert (made["ServerSideEncryption"], made["SSEKMSKeyId"]) == (algorithm, target)


def test_a_part_is_encrypted_with_what_the_upload_began_with(world: World) -> None:
    key, bucket = world.key(), world.bucket()
    writer, user = world.user(allow("kms:GenerateDataKey", key))
    place = {"Bucket": bucket, "Key": "big"}
    upload = {**place, "UploadId": writer.create_multipart_upload(**place, **sse(key))["UploadId"]}
    assert refusal(writer.upload_part, **upload, PartNumber=1, Body=b"x") == lacks(user, "kms:Decrypt", key)
    able, _ = world.user(allow(BOTH, key))
    parts = [{"PartNumber": 1, "ETag": able.upload_part(**upload, PartNumber=1, Body=b"x")["ETag"]}]
    complete = {**upload, "MultipartUpload": {"Parts": parts}}
    assert refusal(writer.complete_multipart_upload, **complete) == lacks(user, "kms:Decrypt", key)
    able.complete_multipart_upload(**complete)
    assert body(able, **place) == b"x"


def test_a_deny_and_a_key_policy_without_the_account_are_named(world: World) -> None:
    s3, user = world.user(allow("kms:*"))
    bucket = world.bucket()
    put = {"Bucket": bucket, "Key": "k", "Body": b"x"}
    other = allow("kms:*", Principal={"AWS": f"arn:aws:iam::{OWNER}:user/somebody-else"})
    key = world.key(other)
    assert refusal(s3.put_object, **put, **sse(key)) == lacks(user, "kms:GenerateDataKey", key, "resource")
    # The account's root is bound by the key's policy, too.
    root = refusal(world.root("s3").put_object, **put, **sse(key))
    assert root == lacks(f"arn:aws:iam::{OWNER}:root", "kms:GenerateDataKey", key, "resource")
    deny = {**account(OWNER, "kms:GenerateDataKey"), "Effect": "Deny", "Principal": {"AWS": user}}
    key = world.key(account(OWNER), deny)
    code, message, status = refusal(s3.put_object, **put, **sse(key))
    assert (code, status) == ("AccessDenied", 403)
    assert message.endswith(f"on resource: {key} with an explicit deny in a resource-based policy")


def test_a_key_policy_or_a_grant_suffices_in_the_keys_account(world: World) -> None:
    bucket = world.bucket()
    s3, user = world.user()
    named = world.key(account(OWNER), allow(BOTH, Principal={"AWS": user}))
    s3.put_object(Bucket=bucket, Key="named", Body=b"x", **sse(named))
    granted, subset = world.key(), {"aws:s3:arn": f"arn:aws:s3:::{bucket}/granted"}
    world.root("kms").create_grant(
        KeyId=granted,
        GranteePrincipal=user,
        Operations=["GenerateDataKey", "Decrypt"],
        Constraints={"EncryptionContextSubset": subset},
    )
    s3.put_object(Bucket=bucket, Key="granted", Body=b"x", **sse(granted))
    assert body(s3, Bucket=bucket, Key="granted") == b"x"
    refused = refusal(s3.put_object, Bucket=bucket, Key="other", Body=b"x", **sse(granted))
    assert refused == lacks(user, "kms:GenerateDataKey", granted)


def test_the_encryption_context_is_the_object_or_with_a_bucket_key_the_bucket(world: World) -> None:
    bucket = world.bucket()
    condition = {
        "StringEquals": {
            "kms:EncryptionContext:aws:s3:arn": f"arn:aws:s3:::{bucket}",
            "kms:ViaService": f"s3.{REGION}.amazonaws.com",
            "kms:CallerAccount": OWNER,
        }
    }
    key = world.key()
    s3, user = world.user(allow(BOTH, key, Condition=condition))
    place = {"Bucket": bucket, "Key": "model"}
    assert refusal(s3.put_object, **place, **sse(key)) == lacks(user, "kms:GenerateDataKey", key)
    assert s3.put_object(**place, **sse(key), BucketKeyEnabled=True)["BucketKeyEnabled"] is True
    assert s3.head_object(**place)["BucketKeyEnabled"] is True
    assert body(s3, **place) == b""
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}}
    world.root("s3").put_bucket_encryption(
        Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": [{**rule, "BucketKeyEnabled": True}]}
    )
    s3.put_object(Bucket=bucket, Key="by-default", Body=b"x")
    assert s3.head_object(Bucket=bucket, Key="by-default")["SSEKMSKeyId"] == key
    # A copy has the target's encryption, not its source's.
    world.root("s3").put_bucket_encryption(
        Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": [{**rule, "BucketKeyEnabled": False}]}
    )
    copy = {"Bucket": bucket, "Key": "copy", "CopySource": place}
    assert refusal(s3.copy_object, **copy) == lacks(user, "kms:GenerateDataKey", key)


def test_a_further_encryption_context_stays_with_the_object(world: World) -> None:
    key, bucket = world.key(), world.bucket()
    condition = {"StringEquals": {"kms:EncryptionContext:team": "bikes"}}
    s3, user = world.user(allow(BOTH, key, Condition=condition))
    place, context = {"Bucket": bucket, "Key": "k"}, base64.b64encode(b'{"team": "bikes"}').decode()
    assert refusal(s3.put_object, **place, **sse(key)) == lacks(user, "kms:GenerateDataKey", key)
    s3.put_object(**place, **sse(key), SSEKMSEncryptionContext=context)
    found = s3.head_object(**place)
    assert "x-amz-server-side-encryption-context" not in found["ResponseMetadata"]["HTTPHeaders"]
    assert body(s3, **place) == b""
    assert refusal(s3.put_object, **place, **sse(key), SSEKMSEncryptionContext="?")[0] == "InvalidArgument"


def test_across_accounts_both_sides_must_allow(world: World) -> None:
    open_bucket = allow("s3:*", Principal={"AWS": f"arn:aws:iam::{GUEST}:root"})
    bucket = world.bucket(open_bucket)
    closed, opened = world.key(account(OWNER)), world.key(account(OWNER), account(GUEST, "kms:Decrypt"))
    root = world.root("s3")
    root.put_object(Bucket=bucket, Key="closed", Body=b"x", **sse(closed))
    root.put_object(Bucket=bucket, Key="opened", Body=b"x", **sse(opened))
    able, user = world.user(allow("kms:Decrypt"), number=GUEST)
    assert refusal(able.get_object, Bucket=bucket, Key="closed") == lacks(user, "kms:Decrypt", closed, "resource")
    assert body(able, Bucket=bucket, Key="opened") == b"x"
    unable, user = world.user(number=GUEST)
    assert refusal(unable.get_object, Bucket=bucket, Key="opened") == lacks(user, "kms:Decrypt", opened)
    # A key of another account that is not there is not told from one that may not be used.
    gone = f"arn:aws:kms:{REGION}:{GUEST}:key/{uuid.uuid4()}"
    put = {"Bucket": bucket, "Key": "k", "Body": b"x"}
    found = refusal(world.user(allow("kms:*"))[0].put_object, **put, **sse(gone))
    assert found[1].endswith(f"{gone} because no resource-based policy allows the kms:GenerateDataKey action")


def test_a_copy_across_accounts_is_refused_by_the_sources_key(world: World) -> None:
    bucket = world.bucket(allow(["s3:GetObject", "s3:ListBucket"], Principal={"AWS": f"arn:aws:iam::{GUEST}:root"}))
    key = world.key(account(OWNER))
    world.root("s3").put_object(Bucket=bucket, Key="model", Body=b"x", **sse(key))
    mine = f"kms-{uuid.uuid4().hex[:10]}"
    world.root("s3", GUEST).create_bucket(Bucket=mine)
    guest, user = world.user(allow("kms:*"), number=GUEST)
    copy = {"Bucket": mine, "Key": "model", "CopySource": {"Bucket": bucket, "Key": "model"}}
    assert refusal(guest.copy_object, **copy) == lacks(user, "kms:Decrypt", key, "resource")
    # A policy that is changed counts from the next request on.
    policy = document(account(OWNER), account(GUEST, "kms:Decrypt"))
    world.root("kms").put_key_policy(KeyId=key, PolicyName="default", Policy=policy)
    guest.copy_object(**copy)


def test_the_managed_key_is_its_accounts_alone(world: World) -> None:
    bucket = world.bucket(allow("s3:*", Principal={"AWS": f"arn:aws:iam::{GUEST}:root"}))
    owner, user = world.user()
    owner.put_object(Bucket=bucket, Key="mine", Body=b"x", ServerSideEncryption="aws:kms")
    managed = f"arn:aws:kms:{REGION}:{OWNER}:alias/aws/s3"
    assert owner.head_object(Bucket=bucket, Key="mine")["SSEKMSKeyId"] == managed
    assert body(owner, Bucket=bucket, Key="mine") == b"x"
    guest, user = world.user(allow("kms:*"), number=GUEST)
    assert refusal(guest.get_object, Bucket=bucket, Key="mine") == lacks(user, "kms:Decrypt", managed, "resource")
    # An alias is looked for in the account of who asks, so a guest's upload is closed to the bucket's owner.
    guest.put_object(Bucket=bucket, Key="theirs", Body=b"x", ServerSideEncryption="aws:kms")
    theirs = f"arn:aws:kms:{REGION}:{GUEST}:alias/aws/s3"
    assert guest.head_object(Bucket=bucket, Key="theirs")["SSEKMSKeyId"] == theirs
    assert refusal(owner.get_object, Bucket=bucket, Key="theirs")[0] == "AccessDenied"


def test_a_key_that_cannot_be_used_is_refused_by_name(world: World) -> None:
    kms, s3, bucket = world.root("kms"), world.root("s3"), world.bucket()
    put = {"Bucket": bucket, "Key": "k", "Body": b"x"}
    gone = f"arn:aws:kms:{REGION}:{OWNER}:key/{uuid.uuid4()}"
    assert refusal(s3.put_object, **put, **sse(gone)) == ("KMS.NotFoundException", f"Key '{gone}' does not exist", 400)
    alias = f"arn:aws:kms:{REGION}:{OWNER}:alias/none"
    assert refusal(s3.put_object, **put, **sse("alias/none")) == (
        "KMS.NotFoundException",
        f"Alias {alias} is not found.",
        400,
    )
    key = world.key()
    s3.put_object(**put, **sse(key))
    kms.disable_key(KeyId=key)
    disabled = ("KMS.DisabledException", f"{key} is disabled.", 400)
    assert refusal(s3.put_object, **put, **sse(key)) == disabled
    assert refusal(s3.get_object, Bucket=bucket, Key="k") == disabled
    kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    pending = ("KMS.KMSInvalidStateException", f"{key} is pending deletion.", 400)
    assert refusal(s3.get_object, Bucket=bucket, Key="k") == pending
    signs = world.key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")
    assert refusal(s3.put_object, **put, **sse(signs))[0] == "KMS.InvalidKeyUsageException"
    elsewhere = world.client("kms", account=OWNER, region="eu-west-1").create_key()["KeyMetadata"]["Arn"]
    found = refusal(s3.put_object, **put, **sse(elsewhere))
    assert found == ("KMS.NotFoundException", "Invalid arn eu-west-1", 400)


def test_an_id_and_an_alias_become_the_keys_arn(world: World) -> None:
    key, bucket, alias = world.key(), world.bucket(), f"alias/{uuid.uuid4().hex[:8]}"
    world.root("kms").create_alias(AliasName=alias, TargetKeyId=key)
    condition = {"ForAnyValue:StringEquals": {"kms:ResourceAliases": alias}}
    s3, _ = world.user(allow("kms:GenerateDataKey", "*", Condition=condition))
    for given in (key.rpartition("/")[2], alias, key):
        assert s3.put_object(Bucket=bucket, Key="k", Body=b"x", **sse(given))["SSEKMSKeyId"] == key


def test_a_form_needs_the_key_of_who_signed_it(world: World) -> None:
    import urllib3

    key, bucket = world.key(), world.bucket()
    fields = {"x-amz-server-side-encryption": "aws:kms", "x-amz-server-side-encryption-aws-kms-key-id": key}
    statuses = []
    for s3 in (world.user()[0], world.user(allow("kms:GenerateDataKey", key))[0]):
        form = s3.generate_presigned_post(
            bucket, "k", Fields=fields, Conditions=[{name: text} for name, text in fields.items()]
        )
        pool = urllib3.PoolManager(cert_reqs="CERT_NONE", assert_hostname=False)
        with pytest.warns(urllib3.exceptions.InsecureRequestWarning):
            answer = pool.request("POST", form["url"], fields={**form["fields"], "file": b"x"})
        statuses.append(answer.status)
    assert statuses == [403, 204]
