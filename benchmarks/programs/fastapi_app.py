"""The server that a user would write: FastAPI, NumPy's CSV reader, xgboost's inplace_predict.

It runs in an environment of its own: `uvicorn --app-dir benchmarks/programs fastapi_app:app`, with the model's file
in the variable MODEL.
"""

import io
import os

import numpy as np
import xgboost
from fastapi import FastAPI, Request
from fastapi.responses import PlainTextResponse

booster = xgboost.Booster(model_file=os.environ["MODEL"])
booster.set_param({"nthread": 1})


async def ping() -> PlainTextResponse:
    return PlainTextResponse("")


async def invocations(request: Request) -> PlainTextResponse:
    rows = np.loadtxt(io.BytesIO(await request.body()), delimiter=",", dtype=np.float32, ndmin=2)
    predictions = booster.inplace_predict(rows).tolist()
    return PlainTextResponse("\n".join(map(repr, predictions)) + "\n", media_type="text/csv")


app = FastAPI()
app.add_api_route("/ping", ping, response_class=PlainTextResponse)
app.add_api_route("/invocations", invocations, methods=["POST"], response_class=PlainTextResponse)
