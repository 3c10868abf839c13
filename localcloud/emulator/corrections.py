"""Where the emulator and AWS differ, the emulator is wrong: every correction of it, put in place in order."""

from __future__ import annotations

from localcloud.emulator import (
    acting,
    cloudformation_authorization,
    cloudformation_change_sets,
    cloudformation_cleanup,
    cloudformation_drift,
    cloudformation_imports,
    cloudformation_operation,
    cloudformation_outputs,
    cloudformation_recovery,
    cloudformation_role,
    cloudformation_states,
    cloudformation_template,
    cloudformation_threads,
    cloudformation_types,
    eventbridge_role,
    iam_managed_policies,
    iam_oidc_provider,
    iam_principal,
    iam_request,
    iam_role_resource,
    iam_simulation,
    kms_key_usage,
    log_events,
    log_filter,
    log_group_key,
    s3_absent_key,
    s3_bucket_resource,
    s3_checksums,
    s3_conditions,
    s3_encryption,
    s3_foreign_bucket,
    s3_foreign_copy,
    service_names,
    stepfunctions_errors,
    stepfunctions_execution,
    stepfunctions_integrations,
    stepfunctions_logging,
    stepfunctions_resource,
    stepfunctions_restart,
    stepfunctions_role,
    stepfunctions_s3,
    sts_denial,
    sts_web_identity,
)


def install() -> None:
    """Correct the emulator. Once, before it serves its first request and before it loads its state."""
    acting.install()
    cloudformation_authorization.install()
    cloudformation_operation.install()
    cloudformation_template.install()
    cloudformation_imports.install()
    cloudformation_change_sets.install()
    cloudformation_cleanup.install()
    cloudformation_outputs.install()
    cloudformation_states.install()
    cloudformation_role.install()
    cloudformation_threads.install()
    cloudformation_drift.install()
    cloudformation_types.install()
    iam_managed_policies.install()
    iam_oidc_provider.install()
    iam_principal.install()
    iam_request.install()
    iam_role_resource.install()
    iam_simulation.install()
    kms_key_usage.install()
    log_events.install()
    log_filter.install()
    log_group_key.install()
    service_names.install()
    s3_absent_key.install()
    s3_bucket_resource.install()
    s3_checksums.install()
    s3_conditions.install()
    s3_encryption.install()
    s3_foreign_bucket.install()
    s3_foreign_copy.install()
    stepfunctions_role.install()
    stepfunctions_execution.install()
    stepfunctions_integrations.install()
    stepfunctions_s3.install()
    stepfunctions_errors.install()
    stepfunctions_logging.install()
    stepfunctions_resource.install()
    eventbridge_role.install()
    sts_denial.install()
    sts_web_identity.install()


async def resume() -> None:
    """Settle what the end of the last process cut short. Once, when the state is loaded and the server answers."""
    stepfunctions_restart.settle()
    await cloudformation_recovery.recover()
