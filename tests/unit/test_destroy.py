"""What goes with a training stack is read from its own template, and only that is emptied."""

from __future__ import annotations

from samples import BUCKET, environment

from kickstand.names import Names
from promotion.destroy import Doomed, doomed_by, live_template

NAMES = Names(environment())


def template(policy: str | None) -> dict[str, object]:
    kept = {} if policy is None else {"DeletionPolicy": policy}
    return {
        "Resources": {
            "A": {"Type": "AWS::S3::Bucket", **kept},
            "B": {"Type": "AWS::SageMaker::ModelPackageGroup", **kept},
            "C": {"Type": "AWS::IAM::Role"},
        }
    }


def test_what_the_template_retains_is_never_emptied() -> None:
    for policy in ("Retain", "RetainExceptOnCreate"):
        doomed = doomed_by(template(policy), NAMES)
        assert doomed == Doomed(bucket=None, model_package_group=None)
        assert not doomed.anything()


def test_what_the_template_deletes_goes_with_it() -> None:
    for policy in ("Delete", None):
        assert doomed_by(template(policy), NAMES) == Doomed(bucket=BUCKET, model_package_group="bikes-dev")


def test_an_organisations_own_bucket_is_not_in_the_template_and_stays() -> None:
    assert doomed_by({"Resources": {"C": {"Type": "AWS::IAM::Role"}}}, NAMES).bucket is None


class _Deployed:
    """A session whose stack has this template body."""

    def __init__(self, body: object) -> None:
        self.body = body

    def client(self, service: str) -> _Deployed:
        return self

    def get_template(self, **request: str) -> dict[str, object]:
        return {"TemplateBody": self.body}


def test_a_template_in_yaml_is_that_of_an_import_and_nothing_goes_with_it() -> None:
    for body, expected in (("Resources:\n  A:\n    Type: X\n", {}), ('{"Resources": {}}', {"Resources": {}})):
        assert live_template(_Deployed(body), "stack") == expected  # type: ignore[arg-type]
    assert not doomed_by({}, NAMES).anything()
