"""The contract of training, sentence by sentence: versions, layout, environment, log, ends."""

from __future__ import annotations

import logging
import os
import re
import time
from pathlib import Path
from unittest import mock

import pytest
import xgboost
from contract_pages import PAGES, statements
from sagemaker_fakes import make_plane
from training_folder import CSV, numbers, text, training_folder

from kickstand.images import image_table, image_uri, versions
from kickstand.xgboost_container import OWN_IMAGE, XGBOOST
from localcloud.container.contract import training_environment
from localcloud.container.train import run
from localcloud.jobs.runs import JobRun
from training.hyperparameters.support import KNOWN_VERSIONS

ROOT = Path(__file__).parents[4]


@pytest.mark.contract("V01", "V03")
def test_the_page_has_the_versions_of_the_image_table() -> None:
    (row,) = (one for one in statements("page", PAGES[0].read_text(encoding="utf-8")) if one.id == "V01")
    tags = re.findall(r"\b\d+\.\d+-\d+\b", row.text)
    assert tuple(tags) == KNOWN_VERSIONS == tuple(version for version in versions() if version in tags)
    assert {tag: re.search(rf"{re.escape(tag)} \((\S+);", row.text)[1] for tag in XGBOOST} == dict(XGBOOST)  # type: ignore[index]
    assert OWN_IMAGE == "3.2-0"


@pytest.mark.contract("V06")
def test_the_laptop_has_the_images_own_xgboost() -> None:
    lines = (ROOT / "requirements.in").read_text(encoding="utf-8").splitlines()
    pinned = [re.sub(r" +;", ";", line.partition("#")[0]).strip() for line in lines if line.startswith("xgboost")]
    assert pinned == ['xgboost-cpu==3.2.0; sys_platform != "darwin"', 'xgboost==3.2.0; sys_platform == "darwin"']
    assert xgboost.__version__ == XGBOOST[OWN_IMAGE]


@pytest.mark.contract("R01", "R03")
def test_thirty_seven_regions_have_one_account_each_for_every_version() -> None:
    accounts = image_table().accounts
    assert len(accounts) == 37
    assert image_uri("us-east-1", "3.2-0").startswith("683313688378.dkr.ecr.us-east-1.")
    for region in accounts:
        assert len({image_uri(region, version).partition("/")[0] for version in versions()}) == 1


@pytest.mark.contract("T01")
def test_the_layout_is_sagemakers(tmp_path: Path) -> None:
    hyperparameters = {"num_round": "1", "objective": "reg:squarederror", "_kfold": "2"}
    layout = training_folder(tmp_path, hyperparameters, {"train/a.csv": text(numbers(20))})
    with mock.patch.dict(os.environ):
        run(layout)
    written = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()}
    assert written == {
        "input/config/hyperparameters.json",
        "input/config/inputdataconfig.json",
        "input/config/resourceconfig.json",
        "input/data/train/a.csv",
        "model/xgboost-model-0",
        "model/xgboost-model-1",
        "output/data/predictions.csv",
    }
    assert layout.failure == tmp_path / "output/failure"


@pytest.mark.contract("T05", "T06")
def test_every_variable_of_the_toolkit_is_text_or_compact_json(tmp_path: Path) -> None:
    layout = training_folder(tmp_path, {}, {})
    found = training_environment(
        layout,
        hyperparameters={"num_round": "5", "eta": "0.1", "objective": "reg:linear", "monotone_constraints": "(1,0)"},
        channels={"train": CSV},
        resources={"current_host": "algo-2", "hosts": ["algo-1", "algo-2"], "network_interface_name": "lo"},
        cpus=4,
    )
    csv = '{"ContentType":"text/csv","S3DistributionType":"FullyReplicated","TrainingInputMode":"File"}'
    read = '"eta":0.1,"monotone_constraints":"(1,0)","num_round":5,"objective":"reg:linear"'
    arguments = '"--eta","0.1","--monotone_constraints","(1,0)","--num_round","5","--objective","reg:linear"'
    assert found == {
        "SM_HOSTS": '["algo-1","algo-2"]',
        "SM_CURRENT_HOST": "algo-2",
        "SM_MASTER_ADDR": "algo-1",
        "SM_NETWORK_INTERFACE_NAME": "lo",
        "SM_HPS": f"{{{read}}}",
        "SM_USER_ARGS": f"[{arguments}]",
        "SM_FRAMEWORK_PARAMS": "{}",
        "SM_RESOURCE_CONFIG": '{"current_host":"algo-2","hosts":["algo-1","algo-2"],"network_interface_name":"lo"}',
        "SM_INPUT_DATA_CONFIG": f'{{"train":{csv}}}',
        "SM_OUTPUT_DATA_DIR": f"{tmp_path}/output/data",
        "SM_OUTPUT_DIR": f"{tmp_path}/output",
        "SM_OUTPUT_INTERMEDIATE_DIR": f"{tmp_path}/output/intermediate",
        "SM_CHANNELS": '["train"]',
        "SM_NUM_CPUS": "4",
        "SM_NUM_GPUS": "0",
        "SM_MODEL_DIR": f"{tmp_path}/model",
        "SM_INPUT_DIR": f"{tmp_path}/input",
        "SM_INPUT_CONFIG_DIR": f"{tmp_path}/input/config",
        "SM_LOG_LEVEL": "20",
        "SM_CHANNEL_TRAIN": f"{tmp_path}/input/data/train",
        "SM_HP_NUM_ROUND": "5",
        "SM_HP_ETA": "0.1",
        "SM_HP_OBJECTIVE": "reg:linear",
        "SM_HP_MONOTONE_CONSTRAINTS": "(1,0)",
    }


@pytest.mark.contract("T51")
def test_rounds_are_on_standard_output_and_everything_else_on_standard_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = {"train/a.csv": text(numbers(40)), "validation/a.csv": text(numbers(20))}
    with mock.patch.dict(os.environ):
        run(training_folder(tmp_path, {"num_round": "2"}, files))
    logging.getLogger("container").handlers.clear()
    told = capsys.readouterr()
    number = r"\d+\.\d{5}"
    assert re.fullmatch(
        rf"\[0\]\ttrain-rmse:{number}\tvalidation-rmse:{number}\n\[1\]\ttrain-rmse:{number}\tvalidation-rmse:{number}\n",
        told.out,
    )
    lines = told.err.splitlines()
    assert [line for line in lines if not re.match(r"\[\d{4}(-\d\d){2}(:\d\d){3}:(INFO|WARNING)\] ", line)] == []
    messages = [line.partition("] ")[2] for line in lines]
    assert "Train matrix has 40 rows and 4 columns" in messages
    assert "Validation matrix has 20 rows" in messages


@pytest.mark.contract("T68")
def test_a_stopped_program_is_killed_after_120_seconds(tmp_path: Path) -> None:
    job = JobRun("training", {}, folder=tmp_path, environment={}, on_event=lambda event: None)
    assert job._order()["kill_after"] == 120.0


@pytest.mark.contract("T72")
def test_a_spot_job_is_stopped_when_its_waiting_time_is_over(tmp_path: Path) -> None:
    plane = make_plane(tmp_path)
    stopping = {"MaxRuntimeInSeconds": 1, "MaxWaitTimeInSeconds": 1}
    plane.train(EnableManagedSpotTraining=True, StoppingCondition=stopping)
    job = plane.fakes.runs[0]
    deadline = time.monotonic() + 5
    while not job.stopped_as and time.monotonic() < deadline:
        time.sleep(0.02)
    assert job.stopped_as == ["MaxWaitTimeExceeded"]
    job.say("finished", outcome="Stopped")
    assert (plane.job()["TrainingJobStatus"], plane.job()["SecondaryStatus"]) == ("Stopped", "MaxWaitTimeExceeded")
