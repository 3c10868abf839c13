"""Data sets that people learn with, from `fit` to `evaluate`, each in another objective and content type.

The figures that `evaluate` prints are computed once more here: from the released artifact, by xgboost itself.
"""

from __future__ import annotations

import csv
import json
import re
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
import xgboost
from fit_world import FitWorld
from local_client import ACCOUNT, REGION, Client
from sagemaker_world import World
from typed import Terminal

from data.prepare import WRITERS
from kickstand.release.model import Release
from localcloud.cloud import LocalCloud
from training.evaluation import evaluation
from training.model.inspection.archive import extract_model

FOLDER = Path(__file__).parent / "package_data"
Rows = list[list[str]]
"""Cells, the label first; a missing one is empty."""


def read(name: str, *, header: int = 1) -> tuple[list[str], Rows]:
    first, *rows = csv.reader((FOLDER / f"{name}.csv").read_text().splitlines())
    return first, (rows if header else [first, *rows])


def label_last(name: str) -> Rows:
    """scikit-learn's form: counts and class names in the first line, the label last."""
    return [[row[-1], *row[:-1]] for row in read(name)[1]]


def numbers_of(rows: Rows, words: Mapping[int, Sequence[str]]) -> Rows:
    """With the place of each word in its column's list; NA is empty."""
    return [
        [
            "" if cell == "NA" else str(words[place].index(cell)) if place in words else cell
            for place, cell in enumerate(row)
        ]
        for row in rows
    ]


def penguins() -> Rows:
    words = {0: ("Adelie", "Chinstrap", "Gentoo"), 1: ("Biscoe", "Dream", "Torgersen"), 6: ("female", "male")}
    return numbers_of(read("penguins")[1], words)


def seattle() -> Rows:
    """Precipitation, by temperatures, wind and month."""
    return [
        [rain, high, low, wind, date.split("/")[1]] for date, rain, high, low, wind, _ in read("seattle_weather")[1]
    ]


def rossi() -> Rows:
    """The label of survival:cox: weeks to the arrest, negative where there was none."""
    return [[week if arrest == "1" else f"-{week}", *features] for week, arrest, *features in read("rossi")[1]]


def searches() -> Rows:
    """40 queries of 10 documents each: degree of relevance, four features; the query is the row's tenth."""
    draw = np.random.default_rng(8)
    features = draw.random((400, 4)).round(3)
    degrees = np.digitize(features[:, 0] + features[:, 1] * features[:, 2], [0.5, 0.9, 1.2])
    return [[str(degree), *map(str, row)] for degree, row in zip(degrees, features.tolist(), strict=True)]


@dataclass(frozen=True)
class DataSet:
    """What is trained on, and how.

    figure:   what `evaluate` measures, computed from labels and the model's predictions.
    at_most:  a bound that a model of the label's mean, or of its most frequent class, does not keep.
    warnings: the beginnings of what `fit` warns of.
    refused:  why `evaluate` has no figure.
    block:    rows that stay together: those of a query.
    more:     lines for the project file.
    """

    name: str
    rows: Callable[[], Rows]
    hyperparameters: Mapping[str, str | int]
    kind: str = "csv"
    figure: str = ""
    at_most: float = 0.0
    warnings: tuple[str, ...] = ()
    refused: str = ""
    block: int = 1
    more: str = field(default="", repr=False)


SOFTPROB: dict[str, str | int] = {"objective": "multi:softprob", "num_class": 3}
DATA = [
    DataSet("iris", lambda: label_last("iris"), SOFTPROB, figure="error", at_most=0.15),
    DataSet(
        "breast-cancer",
        lambda: label_last("breast_cancer"),
        {"objective": "binary:logistic", "eval_metric": "auc"},
        kind="parquet",
        figure="logloss",
        at_most=0.5,
    ),
    DataSet(
        "diabetes",
        lambda: read("diabetes", header=0)[1],
        {"objective": "reg:squarederror", "eta": "0.2"},
        kind="recordio-protobuf",
        figure="rmse",
        at_most=75,
    ),
    DataSet(
        "digits",
        lambda: label_last("digits"),
        {"objective": "multi:softmax", "num_class": 10},
        figure="error",
        at_most=0.35,
        warnings=(r"6 features have the same number in all 251 rows of train, and no tree can use it: column 2,",),
    ),
    DataSet("wine", lambda: label_last("wine"), SOFTPROB, kind="parquet", figure="error", at_most=0.2),
    DataSet("penguins", penguins, SOFTPROB, figure="error", at_most=0.1),
    DataSet(
        "rand-health",
        lambda: read("randhie")[1],
        {"objective": "count:poisson", "max_depth": 3},
        warnings=(  # the years of one person, without a visit
            r"20 of 121 rows of validation are rows of train too, label and all \(of train's own 566 rows 43 repeat",
            r"\d+ of 121 rows of test are rows of train too, label and all \(of train's own 566 rows 43 repeat",
        ),
        figure="rmse",
        at_most=6,
    ),
    DataSet(
        "seattle-weather",
        seattle,
        {"objective": "reg:tweedie", "tweedie_variance_power": "1.5", "max_depth": 3},
        kind="recordio-protobuf",
        figure="rmse",
        at_most=7,
    ),
    DataSet(
        "rossi",
        rossi,
        {"objective": "survival:cox", "max_depth": 2},
        warnings=(  # people who were not arrested in 52 weeks, alike in all that is known of them
            r"8 of 65 rows of validation are rows of train too, label and all \(of train's own 302 rows \d+ repeat",
            r"7 of 65 rows of test are rows of train too, label and all \(of train's own 302 rows \d+ repeat",
        ),
        refused="There is no test-set figure for the objective survival:cox here.",
    ),
    DataSet(
        "searches",
        searches,
        {"objective": "rank:ndcg", "eval_metric": "ndcg"},
        kind="libsvm",
        refused="There is no test-set figure for the objective rank:ndcg here.",
        block=10,
        more='[known_faults]\nlibsvm-serving = "Requests have index 0."\n',
    ),
]
CONTENT_TYPES = {
    "csv": "text/csv",
    "libsvm": "text/libsvm",
    "parquet": "application/x-parquet",
    "recordio-protobuf": "application/x-recordio-protobuf",
}


def written(given: DataSet, rows: Rows) -> bytes:
    if given.kind == "csv":
        return "".join(",".join(row) + "\n" for row in rows).encode()
    content = WRITERS[given.kind]([f"c{place}" for place in range(len(rows[0]))], rows)
    if given.block == 1:
        return content
    lines = enumerate(content.decode().splitlines())
    return "".join(line.replace(" ", f" qid:{number // given.block} ", 1) + "\n" for number, line in lines).encode()


def channels(given: DataSet) -> dict[str, Rows]:
    """70, 15 and 15 % of the rows, in blocks that stay together, drawn with a fixed seed."""
    rows = given.rows()
    blocks = [rows[start : start + given.block] for start in range(0, len(rows), given.block)]
    drawn = [blocks[place] for place in np.random.default_rng(1).permutation(len(blocks))]
    ends = round(len(drawn) * 0.7), round(len(drawn) * 0.85)
    parts = {"train": drawn[: ends[0]], "validation": drawn[ends[0] : ends[1]], "test": drawn[ends[1] :]}
    return {name: [row for block in part for row in block] for name, part in parts.items()}


@pytest.fixture(scope="module")
def account(cloud: LocalCloud, client: Client) -> Iterator[Client]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in cloud.environment(ACCOUNT, REGION).items():
            patch.setenv(name, value)
        yield client


def project(given: DataSet, folder: Path, client: Client) -> FitWorld:
    """The data set's project, with what the training stack makes."""
    made = FitWorld(folder, f"{given.name}-{uuid.uuid4().hex[:6]}", client)
    settings = {"num_round": 20, **given.hyperparameters}
    for name, rows in channels(given).items():
        (folder / f"{name}.csv").unlink()
        (folder / f"{name}.data").write_bytes(written(given, rows))
    (folder / "kickstand.toml").write_text(
        f'[project]\nname = "{made.project}"\n[data]\ntrain = "train.data"\nvalidation = "validation.data"\n'
        f'test = "test.data"\ncontent_type = "{CONTENT_TYPES[given.kind]}"\n[hyperparameters]\n'
        + "".join(f"{name} = {json.dumps(value)}\n" for name, value in settings.items())
        + f'{given.more}[environments.dev]\naccount = "{ACCOUNT}"\nregion = "{REGION}"\n'
    )
    made.deploy()
    return made


def recomputed(given: DataSet, release: Release, client: Client, folder: Path) -> float:
    """The figure of the released artifact on the test rows, by xgboost itself."""
    key = f"models/{release.artifact.sha256}/model.tar.gz"
    archive = folder / "model.tar.gz"
    archive.write_bytes(client("s3").get_object(Bucket=release.bucket, Key=key)["Body"].read())
    (unpacked,) = extract_model(archive, folder / "model")
    model = xgboost.Booster(model_file=bytearray(unpacked.read_bytes()))
    table = np.array([[float(cell or "nan") for cell in row] for row in channels(given)["test"]])
    label, predicted = table[:, 0], model.predict(xgboost.DMatrix(table[:, 1:]))
    if given.figure == "error":
        classes = predicted.argmax(axis=1) if predicted.ndim == 2 else predicted
        return float(np.mean(classes != label))
    if given.figure == "logloss":
        return float(-np.mean(np.log(np.where(label == 1, predicted, 1 - predicted))))
    return float(np.sqrt(np.mean((predicted - label) ** 2)))


@pytest.mark.parametrize("given", DATA, ids=lambda given: given.name)
def test_a_data_set_goes_from_fit_to_evaluate(
    given: DataSet,
    account: Client,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    world, terminal = project(given, tmp_path, account), Terminal(monkeypatch, capsys)
    monkeypatch.chdir(tmp_path)
    fitted = terminal.type("--config", "kickstand.toml", "fit", "dev")
    assert fitted.code == 0, fitted
    release = Release.model_validate_json(world.release_file.read_text())
    assert len(release.warnings) == len(given.warnings), release.warnings
    for found, expected in zip(release.warnings, given.warnings, strict=True):
        assert re.match(expected, found)
        assert fitted.out.count(f"Warning: {found}") == 1
    hosting, endpoint = World(world.names.bucket, world.role, account), world.names.endpoint
    hosting.config(endpoint, ("all", hosting.model(endpoint, release.artifact.s3_uri), 1.0))
    hosting.sagemaker.create_endpoint(EndpointName=endpoint, EndpointConfigName=endpoint)
    assert hosting.wait_for_endpoint(endpoint)["EndpointStatus"] == "InService"
    if given != DATA[0]:  # one drawing is enough: each takes 0.5 s of CPU
        monkeypatch.setattr(evaluation, "draw_predicted_actual", lambda *_, **__: None)
    measured = terminal.type("--config", "kickstand.toml", "evaluate", "dev", "--out", "out")
    if given.refused:
        assert (measured.code, given.refused in measured.err) == (2, True), measured
    else:
        assert measured.code == 0, measured
        metrics = json.loads((tmp_path / "out/metrics.json").read_text())["metrics"]
        assert metrics[f"model:{given.figure}"] == pytest.approx(
            recomputed(given, release, account, tmp_path), rel=1e-5
        )
        assert metrics[f"model:{given.figure}"] < given.at_most
        assert (tmp_path / "out/predicted-actual.png").is_file() == (given == DATA[0])
    hosting.sagemaker.delete_endpoint(EndpointName=endpoint)
