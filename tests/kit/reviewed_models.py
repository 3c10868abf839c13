"""Two small models, their releases, and buckets in memory that hold them: what the model section of a review reads."""

from __future__ import annotations

import hashlib
import io
import pickle
import tarfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import wraps
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xgboost as xgb
from memory_s3 import MemoryS3
from samples import BUCKET, environment, release

from kickstand.aws.s3 import ArtifactBucket
from kickstand.config.model import Data, Environment
from kickstand.config.promotion import Gates
from kickstand.errors import KickstandError
from kickstand.release.model import Artifact, Channel, DataFile, Release
from review.model import evidence, section
from review.model.section import Signer, model_report
from review.reports import ModelReport
from training.data.files import channel_sha256
from training.evaluation.stores import ModelStore
from training.job.log import Round
from training.model.inspection.model_run import Scores, score_rows
from training.model.learning_curve import curve_of, keep_curve

COLUMNS = ("count", "hour", "temp", "noise")
RANDOM = np.random.default_rng(7)
ROWS = RANDOM.random((400, 3)).round(3)
ROWS[:, 0] = np.floor(ROWS[:, 0] * 4)
COUNTS = np.floor(ROWS[:, 0] * 20 + ROWS[:, 1] * 10).astype(np.float64)


def packed(*boosters: xgb.Booster) -> bytes:
    """A model.tar.gz with one model, or with those of an ensemble; the same bytes each time."""
    names = [f"xgboost-model-{number}" for number in range(len(boosters))] if len(boosters) > 1 else ["xgboost-model"]
    models = (bytes(booster.save_raw("ubj")) for booster in boosters)
    return archive_of(dict(zip(names, models, strict=True)))


def archive_of(files: Mapping[str, bytes]) -> bytes:
    """A gzipped tar; the same bytes each time."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, body in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(body)
            tar.addfile(member, io.BytesIO(body))
    import gzip

    return gzip.compress(out.getvalue(), mtime=0)


def csv(labels: np.ndarray) -> bytes:
    rows = (",".join(repr(float(cell)) for cell in (label, *row)) for label, row in zip(labels, ROWS, strict=True))
    return ("\n".join(rows) + "\n").encode()


@dataclass
class World:
    """dev's bucket and project files, with whatever models a test puts there."""

    folder: Path
    objective: str = "reg:squarederror"
    transform: str = "none"
    gates: Gates = field(default_factory=Gates)
    s3: MemoryS3 = field(default_factory=MemoryS3)
    stores: list[ModelStore] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.stores = [ModelStore(self.s3, BUCKET)]
        self.test_file.write_bytes(csv(self.labels))

    @property
    def test_file(self) -> Path:
        return self.folder / "test.csv"

    @property
    def labels(self) -> np.ndarray:
        if self.objective.startswith("binary:"):
            return (COUNTS > 40).astype(np.float64)
        if self.objective.startswith("multi:"):
            return np.minimum(np.floor(COUNTS / 25), 2)
        return np.log1p(COUNTS) if self.transform == "log1p" else COUNTS

    @property
    def environment(self) -> Environment:
        data = Data(train=Path("/none"), test=self.test_file, columns=COLUMNS)
        return environment(data=data, gates=self.gates)

    def model(self, rounds: int, *, curve: bool = True, **changes: Any) -> Release:
        """Train a model, put it and its curve into the bucket; its release.

        settings: further hyperparameters; with _kfold there are so many models, each of its own share of the rows.
        """
        classes = {"num_class": 3} if self.objective.startswith("multi:") else {}
        parameters = {"objective": self.objective, "max_depth": 3, "nthread": 1, "verbosity": 0, **classes}
        settings: dict[str, str] = changes.pop("settings", {})
        folds = int(settings.get("_kfold", 1))
        parts = [slice(fold, None, folds) for fold in range(folds)]
        boosters = [xgb.train(parameters, xgb.DMatrix(ROWS[part], label=self.labels[part]), rounds) for part in parts]
        body = packed(*boosters)
        sha256 = hashlib.sha256(body).hexdigest()
        place = f"s3://{BUCKET}/models/{sha256}/model.tar.gz"
        self.s3.put(place, body)
        lines = [
            Round(number, {"train-rmse": 9 / (number + 1), "validation-rmse": 10 / (number + 1)})
            for number in range(rounds)
        ]
        kept = keep_curve(self.s3, curve_of(lines), sha256, ArtifactBucket(BUCKET)) if curve else None
        fields: dict[str, Any] = {
            "artifact": Artifact(s3_uri=place, sha256=sha256, size=len(body)),
            "hyperparameters": {"num_round": str(rounds), "objective": self.objective, **settings},
            "target_transform": self.transform,
            "channels": (self.channel("train"), self.channel("test")),
            "metrics": {"train:rmse": 9 / rounds},
            "learning_curve": kept,
            "sha256": f"{rounds:064x}",
        }
        return release(**{**fields, **changes})

    def channel(self, name: str) -> Channel:
        body = csv(self.labels)
        sha256 = hashlib.sha256(body).hexdigest()
        digest = channel_sha256([(f"{name}.csv", sha256)])
        file = DataFile(name=f"{name}.csv", sha256=sha256, size=len(body), rows=400)
        return Channel(
            name=name,
            s3_uri=f"s3://{BUCKET}/data/{digest}/{name}/",
            content_type="text/csv",
            sha256=digest,
            rows=400,
            columns=4,
            files=(file,),
        )

    def report(
        self,
        released: Release,
        live: Release | None = None,
        *,
        signer: Signer | KickstandError | None = None,
        live_artifact_sha256: str | None = None,
    ) -> ModelReport:
        def signed() -> Signer | None:
            if isinstance(signer, KickstandError):
                raise signer
            return signer

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(evidence, "score_rows", _scored_once)
            for name in _DRAWN:
                patch.setattr(section, name, _DRAWN[name])
            return model_report(
                self.environment,
                released,
                live,
                stores=self.stores,
                signed=signed,
                live_artifact_sha256=live_artifact_sha256,
            )


_known: dict[bytes, Any] = {}
"""What a process of the tests has asked the same few models before: each question takes a process, each chart 0.2 s."""


def _scored_once(
    models: Sequence[Path], files: Sequence[Path], label_columns: int, *, columns: int, where: str
) -> Scores:
    read = [[file.read_bytes() for file in some] for some in (models, files)]
    key = pickle.dumps((read, label_columns, columns))
    if key not in _known:
        _known[key] = score_rows(models, files, label_columns, columns=columns, where=where)
    scores: Scores = _known[key]
    return scores


def _drawn_once(draw: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(draw)
    def drawn(*data: Any, **settings: Any) -> Any:
        key = pickle.dumps((draw.__name__, data, settings))
        if key not in _known:
            _known[key] = draw(*data, **settings)
        return _known[key]

    return drawn


_DRAWN = {name: _drawn_once(getattr(section, name)) for name in dir(section) if name.startswith("draw_")}


def headlines(report: ModelReport, level: str) -> list[str]:
    return [one.sentence for one in report.headlines if one.level == level]
