"""Two releases compared, field by field."""

from __future__ import annotations

from release_repository import made_for

from kickstand.release.model import Promotion
from kickstand.release.view import Change, diff_lines, differences

BEFORE = made_for("dev", "a")


def test_the_same_release_has_no_differences() -> None:
    assert differences(BEFORE, BEFORE.model_copy(update={"sha256": "f" * 64})) == ()


def test_metrics_come_with_exact_deltas() -> None:
    after = BEFORE.model_copy(update={"metrics": {"train:rmse": 0.3, "validation:auc": 0.9}})
    assert differences(BEFORE, after) == (
        Change("metrics.train:rmse", 0.21, 0.3),
        Change("metrics.validation:auc", None, 0.9),
        Change("metrics.validation:rmse", 0.29, None),
    )
    assert diff_lines(differences(BEFORE, after)) == [
        "metrics",
        "  train:rmse  0.21 -> 0.3  (+0.09)",
        "  validation:auc  added: 0.9",
        "  validation:rmse  removed: 0.29",
    ]


def test_small_and_large_deltas_are_written_out() -> None:
    assert Change("x", 0.1, 0.3).delta == "+0.2"
    assert Change("x", 1e-7, 0.0).delta == "-0.0000001"
    assert Change("x", 7620, 7000).delta == "-620"
    assert Change("x", True, False).delta == ""
    assert Change("x", "1", "2").delta == ""


def test_hyperparameters_are_added_removed_and_changed() -> None:
    after = BEFORE.model_copy(update={"hyperparameters": {"num_round": "200", "eta": "0.1"}})
    assert diff_lines(differences(BEFORE, after)) == [
        "hyperparameters",
        "  num_round  150 -> 200",
        "  eta  added: 0.1",
        "  objective  removed: reg:squarederror",
    ]


def test_data_is_compared_by_channel_and_file_not_by_order() -> None:
    train, validation, test = BEFORE.channels
    (file,) = train.files
    longer = file.model_copy(update={"rows": 7700, "sha256": "9" * 64})
    after = BEFORE.model_copy(
        update={"channels": (test, train.model_copy(update={"rows": 7700, "files": (longer,)}), validation)}
    )
    assert diff_lines(differences(BEFORE, after)) == [
        "channels",
        "  train.rows  7620 -> 7700  (+80)",
        "  train.files.train.csv.sha256",
        f"    - {'cd' * 32}",
        f"    + {'9' * 64}",
        "  train.files.train.csv.rows  7620 -> 7700  (+80)",
    ]


def test_the_model_comes_first_and_every_other_field_is_there() -> None:
    after = made_for(
        "staging",
        "b",
        source_commit="feed",
        promoted_from=Promotion(environment="dev", release_sha256="c" * 64, gates=(), overrides=(), by="", at=""),
    )
    changed = [change.field for change in differences(BEFORE, after)]
    assert changed[:2] == ["artifact.s3_uri", "artifact.sha256"]
    assert [field for field in changed if not field.startswith(("artifact", "channels"))] == [
        *("environment", "account", "bucket", "source_commit", "promoted_from.environment"),
        *("promoted_from.release_sha256", "promoted_from.by", "promoted_from.at"),
    ]


def test_a_field_without_parts_is_its_own_block() -> None:
    after = BEFORE.model_copy(update={"source_commit": "feed"})
    assert diff_lines(differences(BEFORE, after)) == [
        "source_commit",
        f"  {BEFORE.source_commit} -> feed",
    ]


def test_twins_of_a_name_are_told_apart_by_number() -> None:
    twins = BEFORE.model_copy(update={"channels": (BEFORE.channels[0], BEFORE.channels[0])})
    other = BEFORE.channels[0].model_copy(update={"columns": 15})
    after = BEFORE.model_copy(update={"channels": (BEFORE.channels[0], other)})
    assert differences(twins, after) == (Change("channels.2.columns", 14, 15),)
