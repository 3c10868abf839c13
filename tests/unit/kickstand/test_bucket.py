"""The layout of the artifact bucket, written out."""

from __future__ import annotations

from kickstand import bucket
from kickstand.bucket import DATA, PREFIXES, TRANSFORM_INPUT, Prefix, layout


def test_evidence_is_kept_and_the_rest_expires() -> None:
    """Days of old versions, and of the latest; None: for ever."""
    assert {prefix.key: (prefix.old_version_days, prefix.days) for prefix in PREFIXES} == {
        "data/": (None, None),
        "models/": (None, None),
        "training/": (90, None),
        "manifests/": (90, None),
        "latest/": (90, None),
        "metrics/": (90, None),
        "golden/": (90, None),
        "transform/": (90, 90),
        "capture/": (1, 90),
        "locks/": (None, None),
    }


def test_captured_requests_are_deleted_after_the_days_of_the_project_and_nothing_else_is() -> None:
    assert [new for old, new in zip(PREFIXES, layout(capture_days=7), strict=True) if new != old] == [
        Prefix("capture", old_version_days=1, days=7)
    ]


def test_keys_are_where_releases_of_earlier_versions_have_them() -> None:
    assert [
        bucket.channel_prefix("train", "ab"),
        bucket.model_key("ab"),
        bucket.learning_curve_key("ab"),
        bucket.metrics_key("ab"),
        bucket.golden_key("ab"),
        bucket.manifest_key("ab"),
        bucket.captured_prefix("capture/live", "ab"),
        bucket.LATEST_MANIFEST,
        bucket.RELEASE_LOCK,
    ] == [
        "data/ab/train/",
        "models/ab/model.tar.gz",
        "models/ab/learning_curve.json",
        "metrics/ab.json",
        "golden/ab.json",
        "manifests/ab.json",
        "capture/live/ab",
        "latest/manifest.json",
        "locks/release",
    ]


def test_a_prefix_as_policies_name_it() -> None:
    assert DATA.arn("arn:aws:s3:::b") == "arn:aws:s3:::b/data/*"
    assert DATA.below("*/test").objects == "data/*/test/*"
    assert TRANSFORM_INPUT.objects == "transform/input/*"
