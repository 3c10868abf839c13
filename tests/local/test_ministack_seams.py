"""Every place where a correction takes hold of the emulator is as it was when the correction was written."""

from __future__ import annotations

import importlib
import pkgutil

import pytest

import localcloud.ministack
from localcloud.ministack.seam import Seam, SeamMovedError


def seams() -> dict[str, Seam]:
    """Every seam that a module of the emulator package names."""
    found: dict[str, Seam] = {}
    for module in pkgutil.walk_packages(localcloud.ministack.__path__, "localcloud.ministack."):
        for value in vars(importlib.import_module(module.name)).values():
            if isinstance(value, Seam):
                found[f"{value.module}.{value.name}"] = value
    return found


NAMES = (
    "ministack.app._credential_failure",
    "ministack.app._dispatch_service_request",
    "ministack.app._handle_post_body_shortcuts",
    "ministack.app._handle_pre_body_request",
    "ministack.app._handle_special_data_plane_request",
    "ministack.app.call_service_handler_sync",
    "ministack.app.fix_success_content_type",
    "ministack.core.iam_actions.access_denied_response",
    "ministack.core.iam_actions.extract_iam_action",
    "ministack.core.iam_actions.extract_resource_arn",
    "ministack.core.iam_actions.request_tag_context",
    "ministack.core.iam_actions.s3_additional_checks",
    "ministack.core.iam_actions.s3_service_context",
    "ministack.core.iam_evaluator._gather_role_policies",
    "ministack.core.iam_evaluator._gather_user_policies",
    "ministack.core.iam_evaluator._permissions_boundary",
    "ministack.core.iam_evaluator._resolve_condition_key",
    "ministack.core.iam_evaluator.combine_resource_policy",
    "ministack.core.iam_evaluator.enforce",
    "ministack.core.iam_evaluator.evaluate_resource_policy",
    "ministack.core.iam_evaluator.pin_request_caller",
    "ministack.core.iam_evaluator.resolve_credential",
    "ministack.core.iam_evaluator.resolve_principal",
    "ministack.core.responses._account_from_sts_session",
    "ministack.core.router._is_aws_service_name",
    "ministack.services.cloudformation.changesets._import_resources_async",
    "ministack.services.cloudformation.changesets._resolve_parameters",
    "ministack.services.cloudformation.drift.detect_resource_drift",
    "ministack.services.cloudformation.engine._evaluate_conditions",
    "ministack.services.cloudformation.engine._parse_template",
    "ministack.services.cloudformation.helpers._resolve_document",
    "ministack.services.cloudformation.provisioners._delete_resource",
    "ministack.services.cloudformation.provisioners._import_resource",
    "ministack.services.cloudformation.provisioners._physical_name",
    "ministack.services.cloudformation.provisioners._property_recreation",
    "ministack.services.cloudformation.provisioners._provision_resource",
    "ministack.services.cloudformation.provisioners._replacing_change",
    "ministack.services.cloudformation.provisioners._sfn_definition",
    "ministack.services.cloudformation.provisioners._update_resource",
    "ministack.services.cloudformation.stacks._add_event",
    "ministack.services.cloudformation.stacks._continue_update_rollback_async",
    "ministack.services.cloudformation.stacks._delete_resource",
    "ministack.services.cloudformation.stacks._delete_stack_async",
    "ministack.services.cloudformation.stacks._deploy_stack_async",
    "ministack.services.cloudformation.stacks._diff_resources",
    "ministack.services.cloudformation.stacks._provision_resource",
    "ministack.services.cloudformation.stacks._resolve_stack_outputs",
    "ministack.services.cloudformation.stacks._roll_back_operation",
    "ministack.services.cloudformation.stacks._runs_on_worker_thread",
    "ministack.services.cloudformation.stacks._update_resource",
    "ministack.services.cloudformation.stacks._validation_errors",
    "ministack.services.cloudwatch_logs._append_log_events",
    "ministack.services.cloudwatch_logs._create_log_group",
    "ministack.services.cloudwatch_logs._create_log_stream",
    "ministack.services.cloudwatch_logs._filter_log_events",
    "ministack.services.cloudwatch_logs._put_log_events",
    "ministack.services.ec2._ensure_defaults_initialized",
    "ministack.services.eventbridge._http_open",
    "ministack.services.eventbridge._invoke_target",
    "ministack.services.eventbridge._put_events",
    "ministack.services.iam._boundary_policy_error",
    "ministack.services.iam._make_aws_managed_record",
    "ministack.services.iam._seed_aws_managed_policies",
    "ministack.services.iam._simulate_principal_policy",
    "ministack.services.iam.policy_known",
    "ministack.services.kms._create_key",
    "ministack.services.s3._account_from_access_key",
    "ministack.services.s3._bucket_owner_account",
    "ministack.services.s3._check_put_preconditions",
    "ministack.services.s3._check_sse_c_copy_source",
    "ministack.services.s3._check_sse_c_part",
    "ministack.services.s3._copy_object",
    "ministack.services.s3._create_multipart_upload",
    "ministack.services.s3._delete_bucket",
    "ministack.services.s3._ensure_bucket",
    "ministack.services.s3._error",
    "ministack.services.s3._foreign_bucket_allows",
    "ministack.services.s3._get_bucket_encryption",
    "ministack.services.s3._get_bucket_lifecycle",
    "ministack.services.s3._get_bucket_notification",
    "ministack.services.s3._get_bucket_ownership_controls",
    "ministack.services.s3._get_object",
    "ministack.services.s3._get_object_annotation",
    "ministack.services.s3._get_object_attributes",
    "ministack.services.s3._get_public_access_block",
    "ministack.services.s3._head_object",
    "ministack.services.s3._post_object",
    "ministack.services.s3._put_object",
    "ministack.services.s3._put_object_annotation",
    "ministack.services.s3._read_body",
    "ministack.services.s3._request_access_key",
    "ministack.services.s3._resolve_sse_write_headers",
    "ministack.services.s3._upload_part_copy",
    "ministack.services.s3.bucket_region",
    "ministack.services.sns._http_post_sync",
    "ministack.services.stepfunctions._add_event",
    "ministack.services.stepfunctions._create_state_machine",
    "ministack.services.stepfunctions._dispatch_aws_sdk_json",
    "ministack.services.stepfunctions._dispatch_aws_sdk_rest_xml",
    "ministack.services.stepfunctions._fail_execution",
    "ministack.services.stepfunctions._invoke_resource",
    "ministack.services.stepfunctions._invoke_resource_with_timeout",
    "ministack.services.stepfunctions._prefix_sdk_error",
    "ministack.services.stepfunctions._run_execution",
    "ministack.services.stepfunctions._start_execution",
    "ministack.services.stepfunctions._stop_execution",
    "ministack.services.stepfunctions._update_state_machine",
    "ministack.services.stepfunctions._validate_definition_jsonata",
    "ministack.services.sts._caller_identity",
    "ministack.services.sts._error",
    "ministack.services.sts._web_identity_principal",
    "ministack.services.sts._web_identity_trust_denied",
    "ministack.services.sts.handle_request",
)


@pytest.mark.parametrize("name", NAMES)
def test_a_seam_is_where_it_was(name: str) -> None:
    assert callable(seams()[name].original())


def test_every_seam_is_watched() -> None:
    assert tuple(sorted(seams())) == NAMES


def test_a_moved_seam_is_named() -> None:
    with pytest.raises(SeamMovedError, match=r"ministack.services.s3._put_thing is gone"):
        Seam("ministack.services.s3", "_put_thing", ("key",)).original()
    with pytest.raises(SeamMovedError, match=r"ministack.services.s3._delete_bucket takes \('name',\), not \('key',\)"):
        Seam("ministack.services.s3", "_delete_bucket", ("key",)).original()
