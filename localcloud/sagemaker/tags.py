"""Tags of every kind of resource: AddTags, ListTags, DeleteTags."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from localcloud.sagemaker.call import Call
from localcloud.sagemaker.errors import access_denied, unsupported, validation_error
from localcloud.sagemaker.listing import Listing
from localcloud.sagemaker.scope import Scope
from localcloud.sagemaker.store import Stores, Table

_LIMIT = 50


class Tags:
    """Key and value pairs by the ARN of what they are on, in the order in which they were added."""

    def __init__(self, stores: Stores) -> None:
        self._stores = stores
        self._listing = Listing("Tags", "Key", default_sort="_order", default_order="Ascending", page_size=50)

    def add_tags(self, call: Call) -> dict[str, Any]:
        """AddTags: overwrites the value of a key that is there."""
        arn = self._existing(call)
        return {"Tags": self.put(call.scope, arn, call.request["Tags"])}

    def list_tags(self, call: Call) -> dict[str, Any]:
        """ListTags."""
        arn = self._existing(call)
        ordered = [{**tag, "_order": place} for place, tag in enumerate(self.of(call.scope, arn))]
        return self._listing.page_of(ordered, call.request)

    def delete_tags(self, call: Call) -> dict[str, Any]:
        """DeleteTags: keys that are not there are passed over."""
        arn = self._existing(call)
        gone = set(call.request["TagKeys"])
        self._keep(call.scope, arn, [tag for tag in self.of(call.scope, arn) if tag["Key"] not in gone])
        return {}

    def of(self, scope: Scope, arn: str) -> list[dict[str, str]]:
        """The tags of a resource, empty where there are none."""
        record = self._stores.tags.get(scope, arn)
        return list(record["Tags"]) if record else []

    def put(
        self, scope: Scope, arn: str, tags: Iterable[Mapping[str, str]], *, system: bool = False
    ) -> list[dict[str, str]]:
        """Add tags; system: those of CloudFormation, whose keys begin with `aws:`, are let through."""
        merged = {tag["Key"]: tag["Value"] for tag in self.of(scope, arn)}
        for tag in tags:
            if tag["Key"].lower().startswith("aws:") and not system:
                raise validation_error("aws: prefixed tag key names are not allowed for external use.")
            merged[tag["Key"]] = tag["Value"]
        if len([key for key in merged if not key.lower().startswith("aws:")]) > _LIMIT:
            raise validation_error(f"A resource can have at most {_LIMIT} tags.")
        kept = [{"Key": key, "Value": value} for key, value in merged.items()]
        self._keep(scope, arn, kept)
        return kept

    def replace(self, scope: Scope, arn: str, tags: Iterable[Mapping[str, str]]) -> None:
        """Leave exactly these tags, as an update through CloudFormation does."""
        self._stores.tags.remove(scope, arn)
        self.put(scope, arn, tags, system=True)

    def forget(self, scope: Scope, arn: str) -> None:
        """Drop the tags of a resource that was deleted."""
        self._stores.tags.remove(scope, arn)

    def _keep(self, scope: Scope, arn: str, tags: list[dict[str, str]]) -> None:
        if tags:
            self._stores.tags.put(scope, arn, {"Tags": tags})
        else:
            self._stores.tags.remove(scope, arn)

    def _existing(self, call: Call) -> str:
        """The request's ARN, lowered as SageMaker's are; refused where it names nothing of this account and region."""
        arn = str(call.request["ResourceArn"])
        parts = arn.split(":", 5)
        if parts[4] != call.scope.account:
            raise access_denied(f"The resource {arn} belongs to another account.")
        kind, _, name = parts[5].partition("/")
        table = self._tables().get(kind)
        if table is None:
            raise unsupported(f"Tagging a resource of kind {kind}")
        if parts[3] != call.scope.region or table.get(call.scope, name) is None:
            raise validation_error(f"Could not find resource {arn}.")
        return call.scope.arn(kind, name)

    def _tables(self) -> dict[str, Table]:
        stores = self._stores
        return {
            "training-job": stores.training_jobs,
            "transform-job": stores.transform_jobs,
            "model": stores.models,
            "endpoint-config": stores.endpoint_configs,
            "endpoint": stores.endpoints,
            "model-package-group": stores.model_package_groups,
            "model-package": stores.model_packages,
        }
