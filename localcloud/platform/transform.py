"""One transform job as the control plane sees it: start it, hear of it, stop it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from localcloud.platform.training import TrainingRun
from localcloud.platform.training_event import TrainingEvent


@dataclass(frozen=True, slots=True)
class TransformedBy:
    """The model of a transform job: image (checked by the control plane), artifact, environment, execution role."""

    image: str
    url: str
    variables: Mapping[str, str]
    role: str


class TransformRun(TrainingRun):
    """A transform job in a process of its own, as a TrainingRun is; events "status" (Transforming) and "finished".

    request: the CreateTransformJob request. model: taken down when the job was made: the model itself may go.
    environment: AWS_* with temporary credentials of the model's execution role.
    """

    _agent = "localcloud.platform.transform_agent"
    _kind = "Transform"

    def __init__(
        self,
        request: Mapping[str, Any],
        model: TransformedBy,
        *,
        folder: Path,
        environment: Mapping[str, str],
        on_event: Callable[[TrainingEvent], None],
    ) -> None:
        super().__init__(request, folder=folder, environment=environment, on_event=on_event)
        self._model = model

    def _order(self) -> dict[str, Any]:
        return {"request": self._request, "model": asdict(self._model), "folder": str(self._folder)}
