"""What several instances do not train together: refused before the job, each tried on xgboost itself."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from training.hyperparameters.check import check_hyperparameters

BASE = {"num_round": "2"}
REFUSED = [
    ({"tree_method": "exact"}, "tree_method", "doesn't support distributed training"),
    ({"updater": "grow_colmaker,prune"}, "updater", "doesn't support distributed training"),
    ({"updater": "grow_histmaker,prune"}, "updater", "Invalid cast, from Null to Object"),
    ({"updater": "grow_histmaker,sync"}, "updater", "Invalid cast, from Null to Object"),
    ({"objective": "survival:cox"}, "objective", "Cox metric does not support distributed evaluation"),
    ({"booster": "gblinear"}, "booster", "two models"),
]
ACCEPTED = [
    {},
    {"tree_method": "approx"},
    {"updater": "grow_histmaker,refresh"},
    {"booster": "dart", "grow_policy": "lossguide"},
    {"objective": "binary:logistic", "eval_metric": "auc,aucpr,error"},
]
# Two workers of this very machine that train on other rows each; what each of them ends with.
WORKERS = """
import json, sys, threading
import numpy as np, xgboost as xgb
from multiprocessing import get_context
from xgboost.collective import CommunicatorContext
from xgboost.tracker import RabitTracker

def work(name, arguments, parameters, answers):
    rows = np.random.default_rng(name).random((60, 3))
    matrix = xgb.DMatrix(rows, label=(rows[:, 0] > 0.5) + (parameters.get("objective") == "survival:cox") * 0.1)
    try:
        with CommunicatorContext(**arguments, dmlc_task_id=str(name)):
            booster = xgb.train({**parameters, "nthread": 1}, matrix, 2, evals=[(matrix, "train")], verbose_eval=False)
            answers.put(booster.save_raw("json").hex())
    except Exception as error:
        answers.put(f"error: {error}")

if __name__ == "__main__":
    found = []
    for parameters in json.loads(sys.argv[1]):
        tracker = RabitTracker(n_workers=2, host_ip="127.0.0.1", sortby="task")
        tracker.start()
        context = get_context("fork")
        answers = context.Queue()
        both = [context.Process(target=work, args=(n, tracker.worker_args(), parameters, answers)) for n in (0, 1)]
        for one in both:
            one.start()
        ends = [answers.get(timeout=20) for _ in both]
        for one in both:
            one.join(5)
            one.kill()
        failed = [end for end in ends if end.startswith("error: ")]
        found.append(" ".join(failed) if failed else "one model" if ends[0] == ends[1] else "two models")
    print(json.dumps(found))
    sys.stdout.flush()
    import os
    os._exit(0)  # a tracker whose workers failed complains when it is freed
"""


def on_two_workers(*asked: dict[str, str]) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", WORKERS, json.dumps([_for_xgboost(one) for one in asked])],
        capture_output=True,
        text=True,
        check=True,
    )
    found: list[str] = json.loads(done.stdout.splitlines()[-1])
    return found


def _for_xgboost(values: dict[str, str]) -> dict[str, object]:
    return {name: value.split(",") if name == "eval_metric" else value for name, value in values.items()}


@pytest.mark.parametrize(("values", "name", "_"), REFUSED)
def test_it_is_refused_with_several_instances_and_not_with_one(values: dict[str, str], name: str, _: str) -> None:
    found = check_hyperparameters({**BASE, **values}, instances=2, where=lambda place: place)
    assert name in [problem.where for problem in found]
    assert all(problem.fix.endswith("train on one instance.") for problem in found)
    assert check_hyperparameters({**BASE, **values}, instances=1) == []


@pytest.mark.parametrize("values", ACCEPTED)
def test_everything_else_is_accepted(values: dict[str, str]) -> None:
    assert check_hyperparameters({**BASE, **values}, instances=4) == []


def test_xgboost_itself_fails_on_what_is_refused_and_makes_one_model_of_the_rest() -> None:
    found = on_two_workers(*(values for values, *_ in REFUSED), *ACCEPTED)
    assert [words in end for (*_, words), end in zip(REFUSED, found, strict=False)] == [True] * len(REFUSED), found
    assert found[len(REFUSED) :] == ["one model"] * len(ACCEPTED)
