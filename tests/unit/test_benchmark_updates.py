"""What the benchmark of updates counts: answers of no model, requests without any, those on their way at a kill."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xgboost

from benchmarks.updates import figures as updates
from benchmarks.updates.cases import Run, Watched
from benchmarks.updates.site import Oracle
from training.traffic.connections import HttpAnswer
from training.traffic.sender import Outcome, Plan, Sent


@pytest.fixture(scope="module")
def oracle() -> Oracle:
    return Oracle()


def predictions(oracle: Oracle, model: str) -> list[str]:
    """What xgboost says for the first rows of the artifact's model, another way than the oracle took."""
    import io
    import tarfile

    with tarfile.open(fileobj=io.BytesIO(oracle.artifacts[model])) as archive:
        content = archive.extractfile("xgboost-model")
        assert content is not None
        booster = xgboost.Booster(model_file=bytearray(content.read()))
    rows = np.array([body.content.decode().split(",") for body in oracle.bodies[:20]], dtype=np.float32)
    return [repr(float(value)) for value in booster.inplace_predict(rows)]


def outcomes(oracle: Oracle, texts: list[str], old: str = "a") -> list[Outcome]:
    read = oracle.reader(old)
    answers = [HttpAnswer(200, {}, f"{text}\n".encode()) for text in texts]
    return [read(answer, body) for answer, body in zip(answers, oracle.bodies, strict=False)]


def test_an_answer_is_that_of_one_model_for_that_row_or_of_none(oracle: Oracle) -> None:
    of_a, of_b = predictions(oracle, "a"), predictions(oracle, "b")
    assert outcomes(oracle, of_a) == [Outcome("", "", "old")] * 20
    assert outcomes(oracle, of_b) == [Outcome("", "", "new")] * 20
    assert outcomes(oracle, of_b, old="b") == [Outcome("", "", "old")] * 20
    next_floats = [repr(float(np.nextafter(np.float32(text), np.float32(1e9)))) for text in of_a]
    assert outcomes(oracle, next_floats) == [Outcome("answer of no model")] * 20
    assert outcomes(oracle, [*of_a[1:], of_a[0]])[:3] == [Outcome("answer of no model")] * 3  # of other rows


def watched(*sent: tuple[float, float, str]) -> Watched:
    """Requests by their planned instant, latency and error; by the old model where there is none."""
    figures = Watched(Plan(rate=10, seconds=len(sent) / 10))
    for planned, latency, error in sent:
        figures.record(Sent(planned, 0.001, latency, Outcome(error, "", "" if error else "old")))
    return figures


def test_failed_lost_and_wrong_are_counted_apart() -> None:
    figures = watched(
        (0.0, 0.1, ""),
        (0.1, 0.1, "ModelError 500"),
        (0.2, 0.1, "timeout"),
        (0.3, 0.1, "connection lost"),
        (0.4, 0.1, "connection failed: Broken pipe"),
        (0.5, 0.1, "answer of no model"),
    )
    assert (figures.failures, figures.lost, figures.wrong) == (5, 3, 1)
    assert {name: len(times) for name, times in figures.answered.items()} == {"old": 1, "failed": 5}
    assert Run("canary", figures).faults == 5


def test_the_rate_that_was_sent_is_known() -> None:
    assert watched(*[(number / 10, 0.5, "") for number in range(10)]).sent_rate == pytest.approx(10 / 1.001)


def test_only_failures_on_their_way_while_a_process_dies_are_excused() -> None:
    figures = watched((1.0, 0.5, "ModelError 0"), (2.0, 0.5, "ModelError 0"), (3.0, 0.5, "ModelError 0"))
    figures.began = 100.0
    for begin, end, faults in ((101.4, 101.6, 2), (101.6, 101.9, 3), (101.9, 102.1, 2), (101.4, 103.1, 0)):
        assert Run("kill", figures, dying=(begin, end)).faults == faults


def test_marks_are_on_the_requests_clock() -> None:
    figures = Watched(Plan(rate=10, seconds=1))
    figures.record(Sent(0.3, 0.0, 0.2, Outcome("", "", "new")))  # it has ended now, half a second after the start
    run = Run("canary", figures)
    run.mark("Launching 2 instance(s).")
    ((at, _),) = run.marks
    assert figures.began == pytest.approx(time.monotonic() - 0.5, abs=60)
    assert at - figures.began >= 0.5
    assert json.loads(json.dumps(run.fields()))["answered_at"] == {"new": [0.3]}


def test_the_last_results_are_drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(updates, "RESULTS", tmp_path / "updates.json")
    with pytest.raises(FileNotFoundError):
        updates.draw_updates(tmp_path / "a.png")
    texts = [
        "Launching 2 instance(s).",
        "Baking for 300 seconds (X) with traffic enabled on canary capacity of 1 inst.",
        "",
    ]
    run: dict[str, Any] = {
        **{"case": "canary", "seconds": 4, "failed": 1, "sent": 40, "faults": 1},
        "marks": [[1 + place, text] for place, text in enumerate(texts)],
        "answered_at": {"old": [0.5] * 20, "new": [2.5] * 19, "failed": [3.5]},
    }
    document = {"rate": 10, "time_factor": 60, "runs": [run, {**run, "case": "linear"}]}
    updates.RESULTS.write_text(json.dumps(document))
    updates.draw_updates(tmp_path / "a.png")
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
