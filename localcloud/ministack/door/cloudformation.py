"""CloudFormation in ministack: its tables, engine, handlers, stacks and change sets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from localcloud.ministack.door.names import Names, Seam, SeamMovedError, Table, Value, correct_entry


class _Cloudformation(Names, of="ministack.services.cloudformation"):
    change_sets = Value[Table]("_change_sets", "AccountRegionScopedDict")
    exports = Value[Table]("_exports", "AccountRegionScopedDict")
    stacks = Value[Table]("_stacks", "AccountRegionScopedDict")


class _Changesets(Names, of="ministack.services.cloudformation.changesets"):
    IMPORT_LOOKUPS = Value[dict[str, Any]]("_IMPORT_LOOKUPS", "dict")
    find_change_set = Seam("_find_change_set", "cs_name stack_name")
    import_resources_async = Seam("_import_resources_async", "cs stack new_stack")
    resolve_parameters = Seam("_resolve_parameters", "template provided_params previous_params")


class _Drift(Names, of="ministack.services.cloudformation.drift"):
    DRIFT_READERS = Value[dict[str, Any]]("_DRIFT_READERS", "dict")
    detect_resource_drift = Seam("detect_resource_drift", "stack logical_id record timestamp")


class _Engine(Names, of="ministack.services.cloudformation.engine"):
    evaluate_conditions = Seam(
        "_evaluate_conditions",
        "template params",
        also="cloudformation.changesets cloudformation.handlers cloudformation.stacks",
    )
    extract_deps = Seam("_extract_deps", "resource_def all_resource_names")
    parse_template = Seam("_parse_template", "template_body", also="cloudformation.changesets cloudformation.handlers")
    resolve_refs = Seam("_resolve_refs", "value resources params conditions mappings stack_name stack_id")
    topological_sort = Seam(
        "_topological_sort", "resources conditions", also="cloudformation.changesets cloudformation.stacks"
    )


class _Handlers(Names, of="ministack.services.cloudformation.handlers"):
    ACTION_HANDLERS = Value[dict[str, Any]]("_ACTION_HANDLERS", "dict")
    imported_export_names = Seam("_imported_export_names", "stack stack_name")
    resolve_stack = Seam("_resolve_stack", "stack_name")


class _Helpers(Names, of="ministack.services.cloudformation.helpers"):
    error = Seam("_error", "code message status")
    esc = Seam("_esc", "s quote")
    p = Seam("_p", "params key default")
    resolve_document = Seam("_resolve_document", "params body_key url_key label")
    xml = Seam("_xml", "status root_tag inner")


class _Provisioners(Names, of="ministack.services.cloudformation.provisioners"):
    CUSTOM_NAME_REPLACEMENT = Value[dict[str, Any]]("_CUSTOM_NAME_REPLACEMENT", "dict")
    DEFERRED_PREDECESSOR_DELETES = Value[Any]("_DEFERRED_PREDECESSOR_DELETES", "ContextVar")
    REPLACING_PROPERTIES = Value[dict[str, Any]]("_REPLACING_PROPERTIES", "dict")
    RESOURCE_HANDLERS = Value[dict[str, Any]]("_RESOURCE_HANDLERS", "dict")
    STACK_TAG_PROPERTY = Value[dict[str, Any]]("_STACK_TAG_PROPERTY", "dict")
    delete_resource = Seam(
        "_delete_resource", "resource_type physical_id props stack_name logical_id", also="cloudformation.stacks"
    )
    cw_metric_alarm_put = Seam("_cw_metric_alarm_put", "name props")
    import_resource = Seam(
        "_import_resource", "resource_type identifier", also="cloudformation.stacks cloudformation.changesets"
    )
    physical_name = Seam("_physical_name", "stack_name logical_id lowercase max_len seeded")
    property_recreation = Seam("_property_recreation", "resource_type name", also="cloudformation.stacks")
    provision_resource = Seam(
        "_provision_resource", "resource_type logical_id props stack_name", also="cloudformation.stacks"
    )
    replacing_change = Seam("_replacing_change", "resource_type old_props new_props", also="cloudformation.stacks")
    sfn_definition = Seam("_sfn_definition", "props")
    update_resource = Seam(
        "_update_resource",
        "resource_type physical_id old_props new_props stack_name logical_id old_attrs",
        also="cloudformation.stacks",
    )


class _Stacks(Names, of="ministack.services.cloudformation.stacks"):
    RETAINING_POLICIES = Value[tuple[str, ...]]("_RETAINING_POLICIES", "tuple")
    add_event = Seam(
        "_add_event",
        "stack_id stack_name logical_id resource_type status reason physical_id detailed_status",
        also="cloudformation.changesets cloudformation.handlers",
    )
    continue_update_rollback_async = Seam(
        "_continue_update_rollback_async", "stack_name stack_id resources_to_skip", also="cloudformation.handlers"
    )
    delete_resource = Seam("_delete_resource", "resource_type physical_id props stack_name logical_id")
    delete_stack_async = Seam(
        "_delete_stack_async", "stack_name stack_id retain_resources force", also="cloudformation.handlers"
    )
    deploy_stack_async = Seam(
        "_deploy_stack_async",
        "stack_name stack_id template param_values disable_rollback tags is_update previous_stack "
        "retain_except_on_create imports",
        also="cloudformation.changesets cloudformation.handlers",
    )
    diff_resources = Seam(
        "_diff_resources",
        "old_template new_template resources template changed_params retag",
        also="cloudformation.changesets",
    )
    failed_operation = Seam(
        "_failed_operation",
        "is_update previous_stack created failed_update failed_logical_id replaced_ids cancelled template "
        "param_values retain_except_on_create stack_tags previous_tags imports",
    )
    provision_resource = Seam("_provision_resource", "resource_type logical_id props stack_name")
    resolve_stack_outputs = Seam(
        "_resolve_stack_outputs", "outputs_defs conditions resources param_values mappings stack_name stack_id"
    )
    resource_policy = Seam(
        "_resource_policy", "res_def attribute resources params conditions mappings stack_name stack_id"
    )
    roll_back_operation = Seam(
        "_roll_back_operation", "stack_name stack_id stack operation reason_override", also="cloudformation.handlers"
    )
    runs_on_worker_thread = Seam("_runs_on_worker_thread", "resource_type")
    sends_back_failed_update = Seam("_sends_back_failed_update", "resource_type")
    stack_region_context = Seam("_stack_region_context", "stack stack_id")
    update_resource = Seam(
        "_update_resource", "resource_type physical_id old_props new_props stack_name logical_id old_attrs"
    )
    validation_errors = Seam(
        "_validation_errors",
        "resources_defs ordered param_values conditions mappings stack_name stack_id owned_buckets",
    )


cloudformation = _Cloudformation()
changesets = _Changesets()
drift = _Drift()
engine = _Engine()
handlers = _Handlers()
helpers = _Helpers()
provisioners = _Provisioners()
stacks = _Stacks()


def correct_handler(type_name: str, verb: str, correction: Callable[..., Any]) -> None:
    """Call `correction(current, …)` in place of what creates, updates or deletes (`verb`) the resources of a type."""
    handlers = provisioners.RESOURCE_HANDLERS.get(type_name)
    if handlers is None:
        raise SeamMovedError(f"_RESOURCE_HANDLERS has no {type_name}")
    correct_entry(handlers, verb, correction, f"_RESOURCE_HANDLERS[{type_name}]")
