"""One invocation of the model: a body and its headers in, the container's answer out.

The order of what can be wrong is the container's: the body first (415), then the prediction (400), then what is
accepted (406), then the writing of the answer (500).
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

from kickstand.xgboost_container import FAULTS, LIBSVM_SERVING, RECORDIO_OUTPUT, has_fault
from localcloud.container.contract import ACCEPTED_FAULTS, UserError, image_version
from localcloud.container.hosting.booster import Scores
from localcloud.container.hosting.selected_output import (
    RECORDIO,
    ContentTypeError,
    NoEncoderError,
    Reply,
    SelectedOutput,
    content_type_of,
    encode,
    media_type,
    negotiate,
)
from localcloud.container.hosting.served_model import ServedModel
from localcloud.container.hosting.settings import ServingSettings

_log = logging.getLogger("container")
_UNEXPECTED = b"""<!doctype html>
<html lang=en>
<title>500 Internal Server Error</title>
<h1>Internal Server Error</h1>
<p>The server encountered an internal error and was unable to complete your request. Either the server is overloaded \
or there is an error in the application.</p>
"""
"""What Flask, the container's server, answers where the program itself fails."""


class Invocation:
    """Answers bodies. May be used from several threads at once.

    Raises UserError where selected output is asked for that the model's objective does not have, or that is one of the
    image's known faults.
    """

    def __init__(self, model: ServedModel, settings: ServingSettings) -> None:
        self._model, self._settings = model, settings
        self._selected: SelectedOutput | None = None
        version = image_version()
        self._shifts = has_fault(version, LIBSVM_SERVING)
        self._fault = ""
        if settings.selected and has_fault(version, RECORDIO_OUTPUT) and RECORDIO_OUTPUT not in settings.accepted:
            self._fault = (
                f"{RECORDIO} is a known fault of image {version}, {RECORDIO_OUTPUT}: {FAULTS[RECORDIO_OUTPUT]}. Use "
                f"application/jsonlines, or accept it with its reason in the model's Environment: {ACCEPTED_FAULTS} = "
                f'{{"{RECORDIO_OUTPUT}": "…"}}.'
            )
            if settings.default_accept == RECORDIO:
                raise UserError(f"SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT: {self._fault}")
        if settings.selected:
            self._selected = SelectedOutput(settings.selected, model.objective, model.classes, settings.batch)
            if self._selected.warning:
                _log.warning(self._selected.warning)

    def answer(self, body: bytes, content_type: bytes, accept: bytes) -> Reply:
        """The answer to a body of any kind and size."""
        # NumPy and Arrow: imported by the first body that needs them, or ahead of it
        from localcloud.container.hosting.request_rows import UndecodableError, decode

        try:
            rows = decode(content_type_of(content_type.decode("latin-1")), body, shifts=self._shifts)
        except (ContentTypeError, UndecodableError) as error:
            return _refuse(415, str(error))
        try:
            self._model.check_width(rows.width)
            parts = [self._model.predict_matrix(block) for block in rows.blocks(self._model.features)]
        except Exception as error:
            return self.unpredictable(error)
        scores = Scores(b"".join(part.data for part in parts), parts[0].columns)
        return self.encoded(scores.values(), scores.columns, accept)

    def encoded(self, values: Sequence[float], columns: int, accept: bytes) -> Reply:
        """The answer that says these predictions."""
        try:
            wanted = negotiate(accept.decode("latin-1"), self._settings.default_accept)
        except ValueError as error:
            return _refuse(406, str(error))
        if self._selected is not None and wanted == RECORDIO and self._fault:
            return _refuse(406, self._fault)
        try:
            if self._selected is not None:
                body = self._selected.encode(values, columns, wanted)
            else:
                body = encode(values, columns, wanted, batch=self._settings.batch)
        except NoEncoderError as error:
            _log.error("500: %s", error)
            return Reply(500, _UNEXPECTED)
        return Reply(200, body, media_type(wanted).encode())

    def unpredictable(self, error: Exception) -> Reply:
        """The answer to rows that the model refuses."""
        return _refuse(400, f"Unable to evaluate payload provided: {str(error).split(chr(10), 1)[0]}")


def _refuse(status: int, message: str) -> Reply:
    _log.error("%d: %s", status, message)
    return Reply(status, message.encode())
