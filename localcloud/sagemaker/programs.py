"""The real programs: training runs and model servers of `localcloud.platform`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from localcloud.platform.hosting import ModelContainer, ModelServer
from localcloud.platform.training import TrainingRun
from localcloud.platform.transform import TransformedBy, TransformRun
from localcloud.sagemaker.processes import Event, Run, Server, ServerOrder, TransformOrder


class Programs:
    """Gives runs and servers that work as processes of their own."""

    def training(
        self,
        request: Mapping[str, Any],
        folder: Path,
        environment: Mapping[str, str],
        on_event: Callable[[Event], None],
    ) -> Run:
        return TrainingRun(request, folder=folder, environment=environment, on_event=on_event)

    def hosting(self, order: ServerOrder) -> Server:
        return ModelServer(
            ModelContainer(order.image, order.model_data_url, order.variables),
            variant=order.variant,
            folder=order.folder,
            environment=order.environment,
            log_group=order.log_group,
            log_stream=order.log_stream,
            startup_seconds=order.startup_seconds,
        )

    def transform(self, order: TransformOrder, on_event: Callable[[Event], None]) -> Run:
        return TransformRun(
            order.request,
            TransformedBy(order.image, order.model_data_url, order.variables, order.role),
            folder=order.folder,
            environment=order.environment,
            on_event=on_event,
        )
