"""Sound models are asked in the tests' own process: a process for each would import xgboost for 0.5 s of CPU."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from kickstand.xgboost_container import OWN_IMAGE
from training.model.inspection import model_run, run
from training.model.inspection.archive import reading_image


@contextmanager
def models_run_here() -> Iterator[None]:
    """The process that opens models (`run_isolated`) has only those that it refuses, and those of other images."""
    isolated = model_run.run_isolated

    def run_here(program: str, asked: Mapping[str, Any], models: Sequence[Path], where: str, **limits: Any) -> Any:
        if program == run.__name__ and reading_image(models[0]) == OWN_IMAGE:
            answer = run.respond(asked)
            if not answer.keys() & {"damaged", "error"}:
                return json.loads(json.dumps(answer))
        return isolated(program, asked, models, where, **limits)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(model_run, "run_isolated", run_here)
        yield
