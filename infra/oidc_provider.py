"""Who an account believes about GitHub's workflows."""

from __future__ import annotations

from aws_cdk import aws_iam as iam
from constructs import Construct

from kickstand.github import ISSUER


class OidcProvider(Construct):
    """The account's OIDC provider for GitHub, or the one that it has already: an account takes one only.

    audience:     for whom tokens must be.
    existing_arn: that of the provider that is there; nothing is made then.

    No thumbprint: IAM trusts GitHub's certificates by the authorities that issue them.
    https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_create_oidc_verify-thumbprint.html
    """

    def __init__(self, scope: Construct, construct_id: str, *, audience: str, existing_arn: str | None) -> None:
        super().__init__(scope, construct_id)
        self.arn: str
        if existing_arn is not None:
            self.arn = existing_arn
            return
        provider = iam.CfnOIDCProvider(self, "Provider", url=f"https://{ISSUER}", client_id_list=[audience])
        self.arn = provider.attr_arn
