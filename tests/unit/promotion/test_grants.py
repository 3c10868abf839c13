"""What the owner of a bucket or key is told to grant, and that the documentation says the same."""

from __future__ import annotations

import json
import re
from pathlib import Path

from samples import environment

from kickstand.config.model import Storage
from promotion.release_role import missing_grant

KEY = "arn:aws:kms:us-east-1:444455556666:key/1234abcd-12ab-34cd-56ef-1234567890ab"
STAGING = environment(name="staging", account="444455556666")
OWNED = STAGING.model_copy(update={"storage": Storage(existing_bucket="our-staging-bucket", kms_key_arn=KEY)})
PROD = environment(name="prod", account="777788889999", promotes_from="staging")


def test_a_bucket_of_the_stack_is_deployed() -> None:
    role = "arn:aws:iam::777788889999:role/bikes-prod-release-us-east-1"
    assert missing_grant(STAGING, PROD) == (
        f"Deploy bikes-staging-training: its bucket policy lets {role} read models."
    )


def test_an_owner_is_given_the_statements_that_the_documentation_has() -> None:
    told = missing_grant(OWNED, PROD)
    assert "The policy of the bucket our-staging-bucket needs these statements:\n[" in told
    assert f"The policy of the key {KEY} needs this statement:\n{{" in told
    grants, key = told.split(f"\nThe policy of the key {KEY} needs this statement:\n")
    text = (Path(__file__).parents[3] / "docs/infrastructure.md").read_text()
    documented = [json.loads(found) for found in re.findall(r"```json\n(.*?)```", text, re.DOTALL)]
    assert [json.loads(grants[grants.index("[") :]), json.loads(key)] == documented
