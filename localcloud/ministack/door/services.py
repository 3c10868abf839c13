"""The services of ministack but CloudFormation: S3, IAM, STS, KMS, logs, EventBridge, Step Functions and others."""

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
    parse_multipart_form = Seam("_parse_multipart_form", "content_type body")
    persist_object = Seam("_persist_object", "bucket key obj")
    post_form_access_key_id = Seam("_post_form_access_key_id", "parts")
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


class _Cloudwatch(Names, of="ministack.services.cloudwatch"):
    alarms = Value[Table]("_alarms", "AccountRegionScopedDict")
    composite_alarms = Value[Table]("_composite_alarms", "AccountRegionScopedDict")
    composite_triggers = Value[Table]("_composite_triggers", "AccountRegionScopedDict")
    dashboards = Value[Table]("_dashboards", "AccountRegionScopedDict")
    metrics = Value[Table]("_metrics", "AccountRegionScopedDict")
    resource_tags = Value[Table]("_resource_tags", "AccountScopedDict")
    alarm_request_tags = Seam("_alarm_request_tags", "params cbor_data is_cbor is_json")
    alarm_tags_refusal = Seam("_alarm_tags_refusal", "tags datapoints is_new is_cbor is_json composite")
    cbor_ok = Seam("_cbor_ok", "data")
    cbor_timestamp = Seam("_cbor_timestamp", "value")
    delete_alarms = Seam("_delete_alarms", "params cbor_data is_cbor is_json")
    describe_alarm_history = Seam("_describe_alarm_history", "params cbor_data is_cbor is_json")
    describe_alarms = Seam("_describe_alarms", "params cbor_data is_cbor is_json")
    describe_alarms_for_metric = Seam("_describe_alarms_for_metric", "params cbor_data is_cbor is_json")
    disable_alarm_actions = Seam("_disable_alarm_actions", "params cbor_data is_cbor is_json")
    dispatch_alarm_actions = Seam("_dispatch_alarm_actions", "alarm old_state new_state reason")
    enable_alarm_actions = Seam("_enable_alarm_actions", "params cbor_data is_cbor is_json")
    error = Seam("_error", "code message status use_json use_cbor")
    evaluate_alarm = Seam("_evaluate_alarm", "alarm")
    evaluate_all_alarms = Seam("_evaluate_all_alarms")
    evaluate_parent_alarms = Seam("_evaluate_parent_alarms", "child seen")
    evict_old_metrics = Seam("_evict_old_metrics")
    get_metric_data = Seam("_get_metric_data", "params cbor_data is_cbor is_json")
    get_metric_statistics = Seam("_get_metric_statistics", "params cbor_data is_cbor is_json")
    get_state = Seam("get_state")
    history_entries = Seam("_history_entries")
    json_ok = Seam("_json_ok", "data")
    list_metrics = Seam("_list_metrics", "params cbor_data is_cbor is_json")
    load_persisted_state = Seam("load_persisted_state", "data")
    p = Seam("_p", "params key default")
    parse_ts = Seam("_parse_ts", "value")
    put_composite_alarm = Seam("_put_composite_alarm", "params cbor_data is_cbor is_json")
    put_metric_alarm = Seam("_put_metric_alarm", "params cbor_data is_cbor is_json")
    put_metric_data = Seam("_put_metric_data", "params cbor_data is_cbor is_json")
    record_metric = Seam("record_metric", "namespace metric_name value unit dimensions")
    set_alarm_state = Seam("_set_alarm_state", "params cbor_data is_cbor is_json")
    set_metric_alarm_tags = Seam("cloudformation_set_metric_alarm_tags", "name tags")
    transition_composite = Seam("_transition_composite", "alarm new_state reason triggers seen")
    xml = Seam("_xml", "status root_tag inner")


class _Logs(Names, of="ministack.services.cloudwatch_logs"):
    log_groups = Value[Table]("_log_groups", "AccountRegionScopedDict")
    log_records = Value[Table]("_log_records", "AccountRegionScopedDict")
    append_log_events = Seam("_append_log_events", "stream events")
    build_log_record = Seam("_build_log_record", "ptr timestamp_ms message log_group log_stream")
    create_log_group = Seam("_create_log_group", "data")
    create_log_stream = Seam("_create_log_stream", "data")
    filter_log_events = Seam("_filter_log_events", "data")
    put_log_events = Seam("_put_log_events", "data")
    resolve_log_group_name = Seam("_resolve_log_group_name", "data")


class _Ec2(Names, of="ministack.services.ec2"):
    security_groups = Value[Table]("_security_groups", "AccountRegionScopedDict")
    subnets = Value[Table]("_subnets", "AccountRegionScopedDict")
    ensure_defaults_initialized = Seam("_ensure_defaults_initialized")


class _Eventbridge(Names, of="ministack.services.eventbridge"):
    cron_next_fire = Seam("_cron_next_fire", "fields after_dt")
    parse_cron_fields = Seam("_parse_cron_fields", "expr")
    http_open = Seam("_http_open", "req timeout")
    invoke_target = Seam("_invoke_target", "target event rule view")
    put_events = Seam("_put_events", "data allow_aws_source")
    start_scheduler = Seam("start_scheduler")


class _Iam(Names, of="ministack.services.iam"):
    aws_managed_policies = Value[dict[str, Any]]("_aws_managed_policies", "dict")
    groups = Value[Table]("_groups", "AccountScopedDict")
    IAM_HANDLERS = Value[dict[str, Any]]("_IAM_HANDLERS", "dict")
    oidc_providers = Value[Table]("_oidc_providers", "AccountScopedDict")
    policies = Value[Table]("_policies", "AccountScopedDict")
    roles = Value[Table]("_roles", "AccountScopedDict")
    users = Value[Table]("_users", "AccountScopedDict")
    boundary_policy_error = Seam("_boundary_policy_error", "arn")
    error = Seam("_error", "status code message ns")
    load_persisted_state = Seam("load_persisted_state", "data")
    make_aws_managed_record = Seam("_make_aws_managed_record", "name document description")
    now = Seam("_now")
    p = Seam("_p", "params key default")
    policy_known = Seam("policy_known", "arn account_id")
    seed_aws_managed_policies = Seam("_seed_aws_managed_policies")
    xml = Seam("_xml", "status root_tag inner ns")


class _Kms(Names, of="ministack.services.kms"):
    aliases = Value[Table]("_aliases", "AccountRegionScopedDict")
    grants = Value[Table]("_grants", "AccountRegionScopedDict")
    keys = Value[Table]("_keys", "AccountRegionScopedDict")
    create_key = Seam("_create_key", "data")


class _Scheduler(Names, of="ministack.services.scheduler"):
    schedules = Value[Table]("_schedules", "AccountRegionScopedDict")
    create_schedule = Seam("_create_schedule", "name body")
    delete_schedule = Seam("_delete_schedule", "name query")
    error = Seam("_error", "status code message")
    get_schedule = Seam("_get_schedule", "name query")
    update_schedule = Seam("_update_schedule", "name body")


class _Sns(Names, of="ministack.services.sns"):
    topics = Value[Table]("_topics", "AccountRegionScopedDict")
    error = Seam("_error", "code message status")
    list_subscriptions = Seam("_list_subscriptions", "params")
    list_subscriptions_by_topic = Seam("_list_subscriptions_by_topic", "params")
    p = Seam("_p", "params key default")
    publish = Seam("_publish", "params")
    refresh_subscription_counts = Seam("_refresh_subscription_counts", "topic")
    subscribe = Seam("_subscribe", "params")
    fanout = Seam(
        "_fanout",
        "topic_arn msg_id message subject message_structure message_attributes message_group_id message_dedup_id",
    )
    topic_by_arn_any_scope = Seam("_topic_by_arn_any_scope", "topic_arn")
    http_post_sync = Seam("_http_post_sync", "endpoint payload sns_message_type")


class _Sqs(Names, of="ministack.services.sqs"):
    queues = Value[Table]("_queues", "AccountRegionScopedDict")


class _Stepfunctions(Names, of="ministack.services.stepfunctions"):
    AWS_SDK_SERVICE_MAP = Value[dict[str, Any]]("_AWS_SDK_SERVICE_MAP", "dict")
    ExecutionError = Value[type[Any]]("_ExecutionError", "type")
    executions = Value[Table]("_executions", "AccountRegionScopedDict")
    SERVICE_DISPATCH = Value[dict[str, Any]]("_SERVICE_DISPATCH", "dict")
    state_machines = Value[Table]("_state_machines", "AccountRegionScopedDict")
    add_event = Seam("_add_event", "execution event_type details")
    create_state_machine = Seam("_create_state_machine", "data")
    dispatch_aws_sdk_json = Seam("_dispatch_aws_sdk_json", "service_info service_name action input_data")
    emit_execution_status_event = Seam("_emit_execution_status_event", "execution")
    execute_choice = Seam("_execute_choice", "state_def raw_input ctx")
    execute_map = Seam("_execute_map", "state_def raw_input execution ctx")
    execute_parallel = Seam("_execute_parallel", "state_def raw_input execution ctx")
    execute_pass = Seam("_execute_pass", "state_def raw_input ctx")
    execute_task = Seam("_execute_task", "state_def raw_input execution ctx")
    execute_wait = Seam("_execute_wait", "state_def raw_input ctx")
    fail_execution = Seam("_fail_execution", "execution error cause")
    find_matching_retrier = Seam("_find_matching_retrier", "retriers error retry_counts")
    fail_state_error = Seam("_fail_state_error", "state_def raw_input ctx")
    invoke_aws_sdk_integration = Seam("_invoke_aws_sdk_integration", "resource input_data")
    invoke_resource = Seam("_invoke_resource", "resource input_data")
    invoke_resource_with_timeout = Seam("_invoke_resource_with_timeout", "resource input_data timeout")
    resolve_state_machine_arn = Seam("_resolve_state_machine_arn", "arn")
    run_execution = Seam("_run_execution", "exec_arn")
    scaled_sleep = Seam("_scaled_sleep", "seconds")
    sleep_until = Seam("_sleep_until", "iso_ts")
    start_execution = Seam("_start_execution", "data")
    stop_execution = Seam("_stop_execution", "data")
    update_state_machine = Seam("_update_state_machine", "data")
    validate_definition_jsonata = Seam("_validate_definition_jsonata", "definition_str")


class _Sts(Names, of="ministack.services.sts"):
    sessions = Value[dict[str, Any]]("_sessions", "dict")
    caller_identity = Seam("_caller_identity", "headers query_params")
    error = Seam("_error", "status code message ns")
    evict_expired_sessions = Seam("_evict_expired_sessions")
    get_state = Seam("get_state")
    handle_request = Seam("handle_request", "method path headers body query_params")
    load_persisted_state = Seam("load_persisted_state", "data")
    register_session = Seam("register_session", "access_key session")
    web_identity_principal = Seam("_web_identity_principal", "token provider_id role_arn")
    web_identity_trust_denied = Seam("_web_identity_trust_denied", "role_arn params use_json")


cloudwatch = _Cloudwatch()
logs = _Logs()
ec2 = _Ec2()
eventbridge = _Eventbridge()
iam = _Iam()
kms = _Kms()
s3 = _S3()
scheduler = _Scheduler()
sns = _Sns()
sqs = _Sqs()
stepfunctions = _Stepfunctions()
sts = _Sts()
