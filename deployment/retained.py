"""What a destroyed environment kept, taken back into its stacks before they are deployed again.

A stack cannot create what is there already under its name: bucket, bucket policy, log groups and model package group
of an environment that keeps them would each end its deployment. `cdk import` takes them in first, as they are. So it
does with a log group that came back after its stack was gone: SageMaker's log agent writes for a while after an
endpoint's deletion, and makes the group where the endpoint's role may.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from botocore import xform_name

from kickstand.aws.deployed import is_deployed
from kickstand.aws.errors import DENIED, error_code
from kickstand.json_text import parse_json
from kickstand.names import Names

if TYPE_CHECKING:
    import boto3
    from mypy_boto3_logs import CloudWatchLogsClient

    from deployment.cdk import Cdk

Identified = dict[str, dict[str, str]]
"""Logical id -> the resource's identifier, as `cdk import --resource-mapping` reads it."""


def import_retained(cdk: Cdk, say: Callable[[str], None]) -> None:
    """Import what the environment's absent stacks kept when they were destroyed; nothing where nothing was kept."""
    names = cdk.workspace.names
    exists = Existing(cdk.workspace.session, names)
    stacks = {"training": names.training_stack, "hosting": names.hosting_stack}
    # What is looked for first is what tells whether a synthesis is worth its seconds: mostly nothing is there.
    left = {"training": exists.training, "hosting": exists.hosting}
    cloudformation = cdk.workspace.session.client("cloudformation")
    absent = {word: one for word, one in stacks.items() if not is_deployed(cloudformation, one) and left[word]()}
    if not absent:
        return
    cdk = cdk.synthesise()
    for word, stack in absent.items():
        template = _template(cdk.assembly(), stack)
        found = retained_resources(template, names, exists) if template is not None else {}
        if not found:
            continue
        say(f"Taking back into {stack} what was kept: {', '.join(_shown(found))}")
        with tempfile.TemporaryDirectory() as folder:
            mapping = Path(folder) / f"{stack}.import.json"
            mapping.write_text(json.dumps(found, indent=2), "utf-8")
            cdk.run("import", f"{names.environment.name}/{word}", "--resource-mapping", str(mapping), "--force")
        for command in complete_log_groups(cdk.workspace.session.client("logs"), template or {}, found):
            say(f"These credentials may not give an imported log group its settings. Who may, runs: {command}")


def retained_by_absent(cdk: Cdk) -> list[str]:
    """The names of what the environment's absent stacks kept when they were destroyed, in the way of a deployment.

    cdk: working from a cloud assembly.
    """
    names = cdk.workspace.names
    exists = Existing(cdk.workspace.session, names)
    found: Identified = {}
    cloudformation = cdk.workspace.session.client("cloudformation")
    for stack in (names.training_stack, names.hosting_stack):
        template = _template(cdk.assembly(), stack)
        if template is not None and not is_deployed(cloudformation, stack):
            found |= retained_resources(template, names, exists)
    return _shown(found)


def retained_resources(template: Mapping[str, Any], names: Names, exists: Callable[[str, str], bool]) -> Identified:
    """The resources of a template that it keeps on deletion, and its log groups in any case, where they are there.

    exists: whether there is one, by resource type and identifier.
    """
    found: Identified = {}
    for logical_id, resource in template.get("Resources", {}).items():
        retained = str(resource.get("DeletionPolicy", "")).startswith("Retain")
        if not retained and resource["Type"] != "AWS::Logs::LogGroup":
            continue
        key, value = _identifier(resource, names)
        if key and exists(resource["Type"], value):
            found[logical_id] = {key: value}
    return found


def complete_log_groups(logs: CloudWatchLogsClient, template: Mapping[str, Any], found: Identified) -> list[str]:
    """Give imported log groups the retention and key that their template names; the commands for what is denied.

    An import changes nothing of a resource, and the deployment that follows sees no change of the template: a group
    that SageMaker's log agent made would keep its events for ever. Whoever deploys through the CDK's roles alone may
    lack these two actions, which are no reason to end a deployment.
    """
    denied: list[str] = []
    for logical_id, identifier in found.items():
        resource = template["Resources"][logical_id]
        if resource["Type"] != "AWS::Logs::LogGroup":
            continue
        properties, group = resource.get("Properties", {}), identifier["LogGroupName"]
        if days := properties.get("RetentionInDays"):
            request = {"logGroupName": group, "retentionInDays": int(days)}
            denied += _denied(logs.put_retention_policy, "put-retention-policy", request)
        if key := properties.get("KmsKeyId"):
            denied += _denied(logs.associate_kms_key, "associate-kms-key", {"logGroupName": group, "kmsKeyId": key})
    return denied


def _denied(call: Callable[..., Any], command: str, request: Mapping[str, Any]) -> list[str]:
    """Make a call of CloudWatch Logs; the same as a command line where AWS denies it."""
    try:
        call(**request)
    except Exception as error:
        if error_code(error) not in DENIED:
            raise
        options = (f"--{xform_name(name, '-')} {value}" for name, value in request.items())
        return [f"aws logs {command} {' '.join(options)}"]
    return []


def _identifier(resource: Mapping[str, Any], names: Names) -> tuple[str, str]:
    """Property and value of the schema's primaryIdentifier; empty for types that no environment keeps."""
    kind, properties = resource["Type"], resource.get("Properties", {})
    if kind == "AWS::SageMaker::ModelPackageGroup":
        return "ModelPackageGroupArn", names.arn("sagemaker", f"model-package-group/{names.model_package_group}")
    key = {
        "AWS::S3::Bucket": "BucketName",
        "AWS::S3::BucketPolicy": "Bucket",
        "AWS::Logs::LogGroup": "LogGroupName",
    }.get(kind, "")
    # A policy may name its bucket by reference.
    value = names.bucket if kind.startswith("AWS::S3::") else properties.get(key, "")
    return (key, value) if isinstance(value, str) and value else ("", "")


class Existing:
    """Asks AWS whether a resource is there. A bucket of somebody else, or one that may not be seen, is not."""

    def __init__(self, session: boto3.Session, names: Names) -> None:
        self._session, self._names = session, names

    def __call__(self, kind: str, identifier: str) -> bool:
        from botocore.exceptions import ClientError

        s3, sagemaker = self._session.client("s3"), self._session.client("sagemaker")
        account = self._names.environment.account
        try:
            if kind == "AWS::S3::Bucket":
                s3.head_bucket(Bucket=identifier, ExpectedBucketOwner=account)
            elif kind == "AWS::S3::BucketPolicy":
                s3.get_bucket_policy(Bucket=identifier, ExpectedBucketOwner=account)
            elif kind == "AWS::Logs::LogGroup":
                pages = self._session.client("logs").describe_log_groups(logGroupNamePrefix=identifier)
                return any(group["logGroupName"] == identifier for group in pages["logGroups"])
            else:
                sagemaker.describe_model_package_group(ModelPackageGroupName=identifier.rpartition("/")[2])
        except ClientError:
            return False
        return True

    def training(self) -> bool:
        """Whether anything is left of a training stack."""
        names = self._names
        own = not names.environment.storage.existing_bucket
        return (
            (own and self("AWS::S3::Bucket", names.bucket))
            or self("AWS::SageMaker::ModelPackageGroup", names.model_package_group)
            or self("AWS::Logs::LogGroup", names.state_machine_log_group)
        )

    def hosting(self) -> bool:
        """Whether anything is left of a hosting stack."""
        names = self._names
        return any(
            self("AWS::Logs::LogGroup", group)
            for group in (names.endpoint_log_group, names.transform_machine_log_group)
        )


def _template(assembly: Path, stack: str) -> Mapping[str, Any] | None:
    """A stack's template in a cloud assembly; None where it has no such stack (hosting without a release)."""
    for manifest in assembly.rglob("manifest.json"):
        for artifact in parse_json(manifest.read_bytes()).get("artifacts", {}).values():
            properties = artifact.get("properties", {})
            if artifact.get("type") == "aws:cloudformation:stack" and properties.get("stackName") == stack:
                found: Mapping[str, Any] = parse_json((manifest.parent / properties["templateFile"]).read_bytes())
                return found
    return None


def _shown(found: Identified) -> list[str]:
    """Each name once: a bucket and its policy have the same."""
    return sorted({value for identifier in found.values() for value in identifier.values()})
