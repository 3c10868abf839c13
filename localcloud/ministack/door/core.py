"""ministack's application and what its services share: IAM's evaluator, signatures, routing, answers."""

from __future__ import annotations

from typing import Any, Protocol

from localcloud.ministack.door.names import Names, Seam, Value


class Credential(Protocol):
    """An access key that is known: a ResolvedCredential."""

    secret_access_key: str
    principal_arn: str
    principal_id: str


class Signature(Protocol):
    """The parts of a signature of a header or of a query: a HeaderSignature."""

    access_key_id: str
    date_stamp: str
    region: str
    service: str
    signed_headers: str
    signature: str
    amz_date: str


class _Emulator(Names, of="ministack.app"):
    loaded_modules = Value[dict[str, Any]]("_loaded_modules", "dict")
    MAIN_LOOP = Value[Any]("_MAIN_LOOP", "NoneType")
    SERVICE_HANDLERS = Value[dict[str, Any]]("SERVICE_HANDLERS", "dict")
    SERVICE_REGISTRY = Value[dict[str, Any]]("SERVICE_REGISTRY", "dict")
    state_map = Value[dict[str, Any]]("_state_map", "dict")
    app = Seam("app", "scope receive send")
    call_service_handler_sync = Seam(
        "call_service_handler_sync", "handler method path headers body query_params timeout"
    )
    credential_failure = Seam("_credential_failure", "service iam_action request_id denied headers")
    dispatch_service_request = Seam("_dispatch_service_request", "method path headers body query_params request_id")
    fix_success_content_type = Seam("fix_success_content_type", "service status headers")
    get_module = Seam("_get_module", "name")
    handle_post_body_shortcuts = Seam("_handle_post_body_shortcuts", "method path headers body query_params request_id")
    handle_pre_body_request = Seam("_handle_pre_body_request", "method path headers query_params request_id")
    handle_s3_control_request = Seam("_handle_s3_control_request", "path method body query_params request_id headers")
    handle_s3_vhost_request = Seam("_handle_s3_vhost_request", "host path method headers body query_params")
    handle_special_data_plane_request = Seam(
        "_handle_special_data_plane_request",
        "method path headers body query_params request_id raw_path raw_query_string client_ip",
    )
    lazy_handler = Seam("_lazy_handler", "module_name")
    with_data_plane_headers = Seam("_with_data_plane_headers", "response request_id include_s3_id wildcard_cors")
    with_date_header = Seam("_with_date_header", "send")


class _Concurrency(Names, of="ministack.core.concurrency"):
    run_reentrant = Seam("run_reentrant", "fn args thread_name")


class _IamActions(Names, of="ministack.core.iam_actions"):
    SERVICE_TO_IAM_NAMESPACE = Value[dict[str, Any]]("SERVICE_TO_IAM_NAMESPACE", "dict")
    access_denied_response = Seam(
        "access_denied_response",
        "service action principal_arn request_id error_code message headers resource_arn explicit_deny "
        "resource_policy_arn",
    )
    extract_iam_action = Seam("extract_iam_action", "service method path headers body query_params")
    extract_resource_arn = Seam(
        "extract_resource_arn", "service method path headers body query_params region account_id"
    )
    identity_denial_message = Seam("identity_denial_message", "action principal_arn resource explicit_deny")
    request_tag_context = Seam("request_tag_context", "service iam_action body params")
    s3_additional_checks = Seam("s3_additional_checks", "method path headers body query_params")
    s3_service_context = Seam("s3_service_context", "iam_action query_params path headers")


class _IamEvaluator(Names, of="ministack.core.iam_evaluator"):
    AmbiguousAccessKeyError = Value[type[Exception]]("AmbiguousAccessKeyError", "type")
    AuthError = Value[type[Any]]("AuthError", "type")
    EvalContext = Value[type[Any]]("EvalContext", "type")
    EvalResult = Value[type[Any]]("EvalResult", "type")
    request_origin = Value[Any]("_request_origin", "ContextVar")
    ResolvedCredential = Value[type[Any]]("ResolvedCredential", "type")
    SESSION_TOKEN_NOT_CHECKED = Value[Any]("_SESSION_TOKEN_NOT_CHECKED", "object")
    combine_resource_policy = Seam("combine_resource_policy", "identity ctx policy owner_account required limits")
    conditions_met = Seam("_conditions_met", "conditions ctx")
    enforce = Seam("enforce", "access_key_id iam_action service region resource_arn service_context")
    evaluate = Seam("evaluate", "ctx policies limits")
    evaluate_resource_policy = Seam("evaluate_resource_policy", "doc ctx service named_only direct_only")
    find_iam_access_key_account = Seam("find_iam_access_key_account", "access_key_id")
    gather_role_policies = Seam("_gather_role_policies", "role_name account_id")
    gather_user_policies = Seam("_gather_user_policies", "user_name account_id")
    is_root_access_key = Seam("is_root_access_key", "access_key_id")
    permissions_boundary = Seam("_permissions_boundary", "store name account_id")
    pin_request_caller = Seam("pin_request_caller", "headers query_params")
    resolve_condition_key = Seam("_resolve_condition_key", "key ctx")
    resolve_credential = Seam("resolve_credential", "access_key_id account_id session_token", also="s3 sts")
    resolve_principal = Seam("resolve_principal", "access_key_id account_id credential")
    unknown_access_key = Seam("_unknown_access_key")


class _StateFormat(Names, of="ministack.core.persistence"):
    json_default = Seam("_json_default", "obj")
    json_object_hook = Seam("_json_object_hook", "obj")
    state_format_version = Seam("_state_format_version", "service")


class _Responses(Names, of="ministack.core.responses"):
    AccountRegionScopedDict = Value[type[Any]]("AccountRegionScopedDict", "type")
    AccountScopedDict = Value[type[Any]]("AccountScopedDict", "type")
    BOTOCORE_NAME = Value[dict[str, str]]("_BOTOCORE_NAME", "dict")
    account_from_sts_session = Seam("_account_from_sts_session", "access_key_id")
    error_response_json = Seam("error_response_json", "code message status extra message_key content_type")
    get_account_id = Seam("get_account_id")
    get_region = Seam("get_region")
    json_response = Seam("json_response", "data status content_type")
    now_iso = Seam("now_iso")
    request_scope = Seam("request_scope", "account_id region")
    service_model = Seam("_service_model", "service")


class _Router(Names, of="ministack.core.router"):
    SERVICE_PATTERNS = Value[dict[str, Any]]("SERVICE_PATTERNS", "dict")
    detect_service = Seam("detect_service", "method path headers query_params")
    extract_access_key_id = Seam("extract_access_key_id", "headers query_params")
    is_aws_service_name = Seam("_is_aws_service_name", "scope_name")


class _Sigv4(Names, of="ministack.core.sigv4"):
    SIGNATURE_MISMATCH = Value[str]("SIGNATURE_MISMATCH", "str")
    UNSIGNED_PAYLOAD = Value[str]("UNSIGNED_PAYLOAD", "str")
    decode_header_value = Seam("decode_header_value", "value")
    derive_signing_key = Seam("derive_signing_key", "secret date_stamp region service")
    header_signing_documents = Seam(
        "header_signing_documents", "signature method raw_path query_params headers body presigned"
    )
    parse_header_signature = Seam("parse_header_signature", "headers")
    parse_query_signature = Seam("parse_query_signature", "query_params")
    request_time_failure = Seam("request_time_failure", "signature now")


emulator = _Emulator()
concurrency = _Concurrency()
iam_actions = _IamActions()
iam_evaluator = _IamEvaluator()
state_format = _StateFormat()
responses = _Responses()
router = _Router()
sigv4 = _Sigv4()
