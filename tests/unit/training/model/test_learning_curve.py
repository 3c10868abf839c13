"""The learning curve: from a job's log to its file, and back."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from job_shapes import described
from memory_s3 import MemoryS3

from kickstand.aws.s3 import ArtifactBucket, S3Location
from kickstand.errors import KickstandError
from training.job.jobs import JobDescription, parse_job
from training.job.log import LogLine, Round, mean_rounds, read_runs, rounds_of
from training.model.learning_curve import Curve, curve_bytes, curve_of, keep_curve, parse_curve, read_curve

DIGEST = "ab" * 32


def read_rounds(log: Log, job: JobDescription, *, sleep: Callable[[float], None]) -> tuple[Round, ...]:
    """The rounds of the learning curve."""
    return mean_rounds(read_runs(log, job, sleep=sleep))


class Log:
    """A log that is read in the given portions, then is at its end."""

    def __init__(self, *portions: list[LogLine]) -> None:
        self.portions = list(portions)

    @property
    def streams(self) -> tuple[str, ...]:
        return ()

    def started_over(self, times: int) -> None:
        """All of it is there already."""

    def read(self) -> list[LogLine]:
        return self.portions.pop(0) if self.portions else []


def line(time: int, number: int, value: float) -> LogLine:
    return LogLine(time, "algo-1", f"[{number}]#011train-rmse:{value}#011validation-rmse:{value + 1}")


def test_rounds_that_were_trained_again_count_as_they_were_last() -> None:
    first = [line(1, 0, 9), line(2, 1, 8), line(3, 2, 7), line(4, 3, 6)]
    again = [line(10, 2, 5), line(11, 3, 4)]
    rounds = rounds_of([*again, *first, LogLine(5, "algo-1", "[WARNING] interrupted")])
    assert [(done.number, done.metrics["train-rmse"]) for done in rounds] == [(0, 9), (1, 8), (2, 5), (3, 4)]


def test_rounds_behind_a_restart_that_never_came_again_are_not_the_model_s() -> None:
    rounds = rounds_of([line(1, 0, 9), line(2, 1, 8), line(3, 2, 7), line(10, 1, 5)])
    assert [done.number for done in rounds] == [0, 1]


def test_a_log_is_read_to_its_end_and_waited_for() -> None:
    waits: list[float] = []
    log = Log([line(1, 0, 9)], [line(2, 1, 8)], [], [line(3, 2, 7)], [])
    job = parse_job(described(HyperParameters={"num_round": "3"}))
    assert len(read_rounds(log, job, sleep=waits.append)) == 3
    assert waits == [1.0]


def test_a_job_that_stopped_early_is_not_waited_for() -> None:
    waits: list[float] = []
    job = parse_job(described(HyperParameters={"num_round": "99", "early_stopping_rounds": "5"}))
    assert len(read_rounds(Log([line(1, 0, 9)]), job, sleep=waits.append)) == 1
    assert waits == []


CROSS = parse_job(described(HyperParameters={"num_round": "2", "_kfold": "2", "_num_cv_round": "2"}))


def folds(*values: tuple[float, ...]) -> list[LogLine]:
    """A fold's rounds have these values, one fold after another; a mean behind every two, and one behind all."""
    told: list[tuple[int, float]] = []
    for number, fold in enumerate(values, start=1):
        told += list(enumerate(fold))
        told += [(2, 77)] if number % 2 == 0 else []
    return [line(time, number, value) for time, (number, value) in enumerate([*told, (2, 99)])]


def test_the_curve_of_a_cross_validation_is_the_mean_of_its_folds() -> None:
    lines = folds((8, 4), (6, 2), (4, 1), (2, 1))
    other = [LogLine(one.time, "algo-2", one.text) for one in lines]
    waits: list[float] = []
    rounds = read_rounds(Log([*lines, *other]), CROSS, sleep=waits.append)
    assert rounds == (
        Round(0, {"train-rmse": 5.0, "validation-rmse": 6.0}),
        Round(1, {"train-rmse": 2.0, "validation-rmse": 3.0}),
    )
    assert waits == []


def test_folds_that_stopped_early_have_a_mean_where_all_have_a_round() -> None:
    rounds = read_rounds(Log(folds((8, 4), (6,), (4, 1), (2, 1))), CROSS, sleep=lambda seconds: None)
    assert [done.metrics["train-rmse"] for done in rounds] == [5.0]


def test_a_cross_validation_that_began_anew_has_the_curve_of_its_models() -> None:
    lost = [line(-3, 0, 50), line(-2, 1, 50), line(-1, 0, 50)]
    rounds = read_rounds(Log([*lost, *folds((8, 4), (6, 2), (4, 1), (2, 1))]), CROSS, sleep=lambda seconds: None)
    assert [done.metrics["train-rmse"] for done in rounds] == [5.0, 2.0]


def test_a_cross_validation_whose_log_is_not_whole_is_waited_for() -> None:
    waits: list[float] = []
    lines = folds((8, 4), (6, 2), (4, 1), (2, 1))
    log = Log(lines[:-3], [], lines[-3:])
    assert len(read_rounds(log, CROSS, sleep=waits.append)) == 2
    assert waits == [1.0]
    assert read_rounds(Log(folds((8, 4), (6, 2))), CROSS, sleep=waits.append) == ()


def test_a_job_without_a_log_is_waited_for_a_little() -> None:
    waits: list[float] = []
    assert read_rounds(Log(), parse_job(described()), sleep=waits.append) == ()
    assert waits == [1.0, 1.0, 1.0]


def test_metrics_have_sagemaker_s_names_and_numbers_only() -> None:
    curve = curve_of([Round(0, {"train-rmse": 2.5, "validation-a-b": float("nan")}), Round(1, {"train-rmse": 1.5})])
    assert curve == Curve((0, 1), {"train:rmse": (2.5, 1.5), "validation:a-b": (None, None)}, 2)
    assert parse_curve(curve_bytes(curve)) == curve


def test_a_long_curve_is_thinned_evenly_and_says_so() -> None:
    curve = curve_of([Round(number, {"train-rmse": number}) for number in range(101)], most=5)
    assert curve == Curve((0, 25, 50, 75, 100), {"train:rmse": (0, 25, 50, 75, 100)}, 101)
    assert b'"logged_rounds": 101' in curve_bytes(curve)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b'{"rounds": [0], "metrics": {"a": [1, 2]}, "logged_rounds": 1}',
        b'{"rounds": ["0"], "metrics": {"a": [1]}, "logged_rounds": 1}',
        b'{"rounds": [0], "metrics": {"a": ["x"]}, "logged_rounds": 1}',
        b'{"rounds": [0], "metrics": [], "logged_rounds": 1}',
        b"[" * 100_000,
    ],
)
def test_what_is_no_curve_is_refused(body: bytes) -> None:
    with pytest.raises((ValueError, RecursionError)):
        parse_curve(body)


def test_a_changed_curve_is_refused() -> None:
    s3 = MemoryS3()
    kept = keep_curve(s3, curve_of([Round(0, {"train-rmse": 1.0})]), DIGEST, ArtifactBucket("b"))
    place = S3Location("b", f"models/{DIGEST}/learning_curve.json")
    assert kept.s3_uri == place.uri
    assert read_curve(s3, place, kept.sha256).rounds == (0,)
    s3.put(place.uri, s3.body(place.uri).replace(b"1.0", b"0.1"))
    with pytest.raises(KickstandError, match="The learning curve was changed"):
        read_curve(s3, place, kept.sha256)


def test_an_earlier_curve_is_never_written_over() -> None:
    s3, bucket = MemoryS3(), ArtifactBucket("b")
    first = keep_curve(s3, curve_of([Round(0, {"train-rmse": 1.0})]), DIGEST, bucket)
    assert keep_curve(s3, curve_of([Round(0, {"train-rmse": 2.0})]), DIGEST, bucket) == first
