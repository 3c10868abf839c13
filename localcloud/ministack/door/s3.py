"""S3 in ministack: its tables, its operations, and the files of objects."""

from __future__ import annotations

from typing import Any

from localcloud.ministack.door.names import Names, Seam, Table, Value


class _S3(Names, of="ministack.services.s3"):
    bucket_encryption = Value[Table]("_bucket_encryption", "AccountScopedDict")
    bucket_policies = Value[Table]("_bucket_policies", "AccountScopedDict")
    bucket_tags = Value[Table]("_bucket_tags", "AccountScopedDict")
    bucket_versioning = Value[Table]("_bucket_versioning", "AccountScopedDict")
    buckets = Value[Table]("_buckets", "AccountScopedDict")
    DATA_DIR = Value[str]("DATA_DIR", "str")
    object_acl = Value[Table]("_object_acl", "AccountScopedDict")
    object_annotations = Value[Table]("_object_annotations", "AccountScopedDict")
    object_legal_hold = Value[Table]("_object_legal_hold", "AccountScopedDict")
    object_retention = Value[Table]("_object_retention", "AccountScopedDict")
    object_tags = Value[Table]("_object_tags", "AccountScopedDict")
    object_versions = Value[Table]("_object_versions", "AccountScopedDict")
    PERSISTED_BUCKET_DICTS = Value[dict[str, Any]]("_PERSISTED_BUCKET_DICTS", "dict")
    SSE_STORED_HEADERS = Value[tuple[str, ...]]("_SSE_STORED_HEADERS", "tuple")
    account_from_access_key = Seam("_account_from_access_key", "access_key")
    atomic_write = Seam("_atomic_write", "fpath data text")
    bucket_owner_account = Seam("_bucket_owner_account", "name")
    bucket_region = Seam("bucket_region", "name")
    check_put_preconditions = Seam("_check_put_preconditions", "headers existing_obj")
    check_sse_c_copy_source = Seam("_check_sse_c_copy_source", "headers src_obj")
    check_sse_c_part = Seam("_check_sse_c_part", "headers upload")
    copy_object = Seam("_copy_object", "bucket_name dest_key headers")
    create_multipart_upload = Seam("_create_multipart_upload", "bucket_name key headers")
    delete_bucket = Seam("_delete_bucket", "name")
    delete_bucket_encryption = Seam("_delete_bucket_encryption", "name")
    delete_bucket_lifecycle = Seam("_delete_bucket_lifecycle", "name")
    delete_bucket_ownership_controls = Seam("_delete_bucket_ownership_controls", "name")
    ensure_bucket = Seam("_ensure_bucket", "name")
    error = Seam("_error", "code message status resource extra headers")
    foreign_bucket_allows = Seam(
        "_foreign_bucket_allows", "owner_account bucket_name key method query_params caller headers"
    )
    get_bucket_encryption = Seam("_get_bucket_encryption", "name")
    get_bucket_lifecycle = Seam("_get_bucket_lifecycle", "name")
    get_bucket_notification = Seam("_get_bucket_notification", "name")
    get_bucket_ownership_controls = Seam("_get_bucket_ownership_controls", "name")
    get_object = Seam("_get_object", "bucket_name key headers query_params")
    get_object_annotation = Seam("_get_object_annotation", "bucket_name key headers query_params")
    get_object_attributes = Seam("_get_object_attributes", "bucket_name key headers query_params")
    get_public_access_block = Seam("_get_public_access_block", "name")
    head_object = Seam("_head_object", "bucket_name key headers query_params")
    persist_object = Seam("_persist_object", "bucket key obj")
    post_object = Seam("_post_object", "bucket_name body headers")
    put_bucket_encryption = Seam("_put_bucket_encryption", "name body")
    put_bucket_lifecycle = Seam("_put_bucket_lifecycle", "name body")
    put_bucket_ownership_controls = Seam("_put_bucket_ownership_controls", "name body")
    put_bucket_versioning = Seam("_put_bucket_versioning", "name body")
    put_object = Seam("_put_object", "bucket_name key body headers")
    put_object_annotation = Seam("_put_object_annotation", "bucket_name key body headers query_params")
    read_body = Seam("_read_body", "bucket_name key obj")
    request_access_key = Seam("_request_access_key", "method key headers query_params body")
    resolve_sse_write_headers = Seam("_resolve_sse_write_headers", "headers bucket_name")
    upload_part_copy = Seam("_upload_part_copy", "bucket_name dest_key query_params headers")


s3 = _S3()
