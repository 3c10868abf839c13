"""What stands between a model and an environment: signatures, gates, reviews, policies, the pipeline.

The tables `[signing]`, `[gates]`, `[review]`, `[policy]` and `[pipeline]`.
"""

from __future__ import annotations

from pathlib import Path

from kickstand.config.values import Settings


class Signing(Settings):
    """`[signing]`: what signs a release of this environment, and whose signatures are trusted.

    One of private_key, kms_key_arn and keyless_identity at most; none: releases are not signed.
    """

    required: bool = False
    """Whether promotion into this environment and its deployment need a trusted signature."""
    private_key: Path | None = None
    """PEM file (PKCS#8) of the key that signs; kept out of git."""
    kms_key_arn: str | None = None
    """AWS KMS key (ECC_NIST_P256, SIGN_VERIFY) that signs."""
    keyless_identity: str | None = None
    """Whom a keyless (sigstore) certificate must name: an e-mail address or a workflow's URI."""
    keyless_issuer: str | None = None
    """The OIDC issuer that must have vouched for it, `https://token.actions.githubusercontent.com`."""
    public_keys: tuple[Path, ...] = ()
    """PEM files of the public keys that are trusted; kept in git."""


class Gates(Settings):
    """`[gates]`: what a model must pass before this environment takes it. Unset: that gate is not asked.

    The gates golden-rows, artifact-scan and policy always are.
    """

    metrics: tuple[str, ...] = ()
    """Limits of the release's metrics: `["validation:rmse <= 0.35"]`, with <=, <, >= or >."""
    metric: str | None = None
    """The metric on the test rows by which models are compared: one that `kickstand evaluate` reports."""
    max_regression: float | None = None
    """How much worse than the served model it may be, as a share of that model's metric: the upper end of the
    confidence interval must not be above it. 0.02 is 2 %."""
    confidence: float = 0.95
    """Of the interval."""
    resamples: int = 2000
    """Of the paired bootstrap."""
    slices: tuple[str, ...] = ()
    """Columns; rows are judged by their values (many values: by quarters of their range)."""
    max_slice_regression: float | None = None
    """How much worse than the served model it may be on any slice, as a share of that model's metric there."""
    min_slice_rows: int = 50
    """Smaller slices are shown, not judged."""
    max_p99_ms: float | None = None
    """Longest latency at the 99th percentile of single-row requests to the source's live endpoint, milliseconds."""
    latency_requests: int = 200
    """Requests that are timed, one after another, after some that are not."""
    min_age_hours: float | None = None
    """How long the source must have served the model."""
    approval: bool = False
    """Whether a person must have approved the source's model package (`kickstand approve`)."""


class Review(Settings):
    """`[review]`: what stands between a change and its deployment."""

    require_review: bool = False
    """Whether `kickstand deploy` takes only the change sets of a review (`--reviewed`)."""


class Policy(Settings):
    """`[policy]`: what the stacks are held to beyond the rules that always apply."""

    require_kms_key: bool = False
    """Whether everything stored must be encrypted with the environment's own key."""


class Pipeline(Settings):
    """`[pipeline]`: the repository whose workflows review and deploy; unset: no pipeline stack."""

    repository: str | None = None
    """`OWNER/NAME` on GitHub."""
    owner_id: int | None = None
    """GitHub's number of OWNER. With repository_id: the subjects of the repository's tokens hold both."""
    repository_id: int | None = None
    """GitHub's number of the repository."""
    oidc_provider_arn: str | None = None
    """The account's provider for token.actions.githubusercontent.com where there is one already; unset: the
    pipeline stack makes it."""
