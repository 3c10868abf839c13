"""`kickstand demo-promotion` from nothing to its end: three accounts, three releases, one digest, two canaries."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from documented_answers import answers, shape
from typed_command import Typed, run_here, type_here
from warm_background import begin
from warm_cdk import run_warm

from cli.demo import promotion
from cli.demo.promotion_script import promotion_steps
from cli.demo.users import DemoUsers
from kickstand.config.load import load_project
from kickstand.names import Names
from kickstand.release.file import read_release, release_path
from kickstand.release.model import Release
from localcloud.cloud import LocalCloud

REPOSITORY = Path(__file__).resolve().parents[2]
AUDIT = answers(REPOSITORY / "docs" / "audit.md")


@dataclass(frozen=True)
class Demo:
    """A demo that has ended. errors: its standard error; variables: what `enter.sh` makes of a shell's."""

    folder: Path
    screen: str
    errors: str
    variables: Mapping[str, str]

    @property
    def project(self) -> Path:
        return self.folder / "rentals"

    def step(self, name: str) -> str:
        """What the screen shows of a step."""
        (part,) = re.findall(rf"^\d+\. {re.escape(name)}: .*?^   [\d.]+ s$", self.screen, re.MULTILINE | re.DOTALL)
        return str(part)

    def release(self, name: str) -> Release:
        project = load_project(self.project / "kickstand.toml")
        environment = {str(key): value for key, value in project.environments.items()}[name]
        return read_release(release_path(project.releases, name), environment)

    def type(self, line: str) -> str:
        """A line of bash typed after `source enter.sh`, as the demo says how to go on."""
        done = subprocess.run(
            ["bash", "-c", line], cwd=self.project, env=self.variables, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def kickstand(self, line: str, **variables: str) -> Typed:
        """`kickstand …` typed there, by somebody else where the variables say so."""
        return type_here(self.project, {**self.variables, **variables}, *line.split()[1:])


def here(command: Sequence[str], **how: Any) -> int:
    """What the demo runs: Kickstand's own commands in this process, the CDK's by a Node.js that has loaded them."""
    if list(command[1:3]) == ["-m", "cli"]:
        return run_here(command[3:], how["cwd"], how["env"])
    # The demo's own folder has no app, so that its `cdk bootstrap` runs none.
    without = {name: value for name, value in (how.get("env") or os.environ).items() if name != "CDK_APP"}
    return run_warm(command, **how | {"env": without})


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    folder = tmp_path_factory.mktemp("stage") / "demo"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(promotion, "run_child", here)
        patch.setattr(promotion, "subprocess", SimpleNamespace(**vars(subprocess) | {"Popen": begin}))
        ended = type_here(REPOSITORY, os.environ, "demo-promotion", "--folder", folder)
    try:
        ended.good()
        entered = subprocess.run(
            ["bash", "-c", f"source {folder}/enter.sh && env -0"], capture_output=True, text=True, check=True
        ).stdout
        yield Demo(folder, ended.out, ended.err, dict(one.split("=", 1) for one in entered.split("\0") if one))
    finally:
        LocalCloud(folder / "cloud").stop()


@pytest.fixture(scope="module")
def auditor(demo: Demo) -> dict[str, str]:
    """What makes a command an auditor's: a user of prod who holds two managed policies."""
    project = load_project(demo.project / "kickstand.toml")
    prod, cloud = project.environments["prod"], LocalCloud(demo.folder / "cloud")
    policies = [
        f"arn:aws:iam::{prod.account}:policy/{Names(prod).managed_policy(job)}" for job in ("reviewer", "predictor")
    ]
    DemoUsers(cloud, project, demo.folder / "people").create("eve", "prod", policies[0])
    iam = cloud.client("iam", prod.account, prod.region)
    iam.attach_user_policy(UserName="eve", PolicyArn=policies[1])
    return {"AWS_SHARED_CREDENTIALS_FILE": f"{demo.folder}/people/eve"}


def test_every_scene_is_told(demo: Demo) -> None:
    names = re.findall(r"^\d+\. (.+?): ", demo.screen, re.MULTILINE)
    assert names[1:-1] == [scene.name for scene in promotion_steps(())]


def test_one_digest_is_in_three_releases_and_three_buckets(demo: Demo) -> None:
    digests = {demo.release(name).artifact.sha256 for name in ("dev", "staging", "prod")}
    (digest,) = digests
    listed = re.findall(rf"^   (dev|staging|prod) +(\d{{12}})  {digest}$", demo.screen, re.MULTILINE)
    assert listed == [("dev", "111122223333"), ("staging", "444455556666"), ("prod", "777788889999")]


def test_the_worse_model_was_refused_by_figures_and_left_nothing(demo: Demo) -> None:
    refusal = demo.step("staging refuses it")
    assert re.search(r"^FAIL  metrics +validation:rmse 0\.7\d+$", refusal, re.MULTILINE)
    assert re.search(r"^FAIL  not-worse +original:rmsle 0\.7\d+ against 0\.399\d+", refusal, re.MULTILINE)
    assert "3 failed: metrics, not-worse, slices." in refusal
    assert demo.type("git log --format=%s -- releases/staging.json").splitlines() == [
        "staging: a better model, from dev",
        "staging: the first model, from dev",
    ]


def test_prod_was_promoted_by_one_person_and_approved_by_another(demo: Demo) -> None:
    promotion = demo.release("prod").promoted_from
    assert promotion is not None
    assert promotion.by == "arn:aws:iam::777788889999:user/ana"
    (approval,) = [gate for gate in promotion.gates if gate.name == "approval"]
    assert "arn:aws:iam::444455556666:user/ben" in approval.figure
    assert [one.environment for one in demo.release("prod").earlier_promotions] == ["dev"]


@pytest.mark.parametrize(
    "step",
    [
        "prod is reviewed from its first stack on",
        "From staging to prod",
        "prod tries it on one of two instances",
    ],
)
def test_prod_was_deployed_by_the_change_set_of_a_review(demo: Demo, step: str) -> None:
    prepared, executed = (
        re.findall(rf"^(rentals-prod-\w+): {verb}(arn:\S+:changeSet/\S+)$", demo.step(step), re.MULTILINE)
        for verb in ("", "executing ")
    )
    assert executed == prepared != []


def test_the_review_that_is_left_is_of_the_release_that_prod_serves(demo: Demo) -> None:
    review = json.loads((demo.project / "review" / "prod" / "review.json").read_text())
    (executed,) = [one for one in review["change_sets"] if not one["empty"]]
    assert executed["stack"] == "rentals-prod-hosting"
    assert f"rentals-prod-hosting: executing {executed['arn']}" in demo.step("prod tries it on one of two instances")
    assert review["release_sha256"] == demo.release("prod").sha256


def counted(part: str, row: str) -> int:
    """A count in the table of `kickstand traffic`."""
    found = re.search(rf"^│ +{row} +│ +([\d,]+)\b", part, re.MULTILINE)
    assert found is not None, part
    return int(found[1].replace(",", ""))


def test_a_canary_fails_no_request_and_is_seen_as_it_moves(demo: Demo) -> None:
    canary = demo.step("prod tries it on one of two instances")
    assert re.search(r"^rentals-prod: [012] of 2 new instances answer requests\. ", canary, re.MULTILINE)
    assert counted(canary, "failed") == 0
    assert counted(canary, "answered") == counted(canary, "requests") > 0
    assert counted(canary, "golden rows, of another model") > 0  # until the canary, which is the release
    assert counted(canary, "golden rows, as the release says") > 0
    assert "is InService and serves the release's model" in canary


def test_an_alarm_rolls_back_what_no_gate_has_seen(demo: Demo) -> None:
    """With its figure and its limit. Callers failed on the one new instance, and the model before answers them."""
    rolled_back = demo.step("prod rolls it back by itself")
    assert "exit code 1, as it should be" in rolled_back
    errors = " ".join(demo.errors.split())
    assert re.search(r"the alarm rentals-prod-(new|all)-model-errors \w[\w ]* ALARM", errors)
    assert re.search(r"\[(1\.0|0\.\d+) \([^\]]*\] were greater than the threshold \(0\.05\)", errors)
    assert counted(rolled_back, "failed") == counted(rolled_back, "ModelError 400") > 0
    assert 2 * counted(rolled_back, "failed") < counted(rolled_back, "requests")
    assert counted(rolled_back, "golden rows, of another model") == 0


def test_verify_fails_until_git_has_the_release_that_prod_serves(demo: Demo) -> None:
    before, after = demo.step("Git says what prod serves").split("ana$ kickstand rollback prod")
    assert "endpoint     DOES NOT FIT; see the end" in before
    assert "exit code 1, as it should be" in before
    assert "is InService and serves the release's model" in after
    assert demo.type("git log -4 --format=%s").splitlines() == [
        "prod: back to the better model",
        "prod: a model without the wind speed",
        "Leave out the wind speed",
        "prod: a better model, from staging",
    ]
    assert demo.type("git diff --stat HEAD~3") == ""  # byte for byte


def test_the_history_of_prod_tells_the_story_from_git_alone(demo: Demo) -> None:
    variables = {"PATH": os.environ["PATH"], "HOME": str(demo.folder)}
    words = ("--config", demo.project / "kickstand.toml", "release", "history", "prod")
    told = type_here(demo.project, variables, *words).good().out
    release = demo.release("prod")
    for fact in (
        release.artifact.sha256[:12],
        release.training_job.name,
        "validation:rmse 0.28961",
        "signed        by key",
        "promoted      from staging into prod",
        "arn:aws:iam::777788889999:user/ana",
    ):
        assert fact in told


def test_the_repository_is_clean_and_keeps_no_private_key(demo: Demo) -> None:
    assert demo.type("git status --porcelain") == ""
    assert "keys/rentals.pem" not in demo.type("git ls-files").splitlines()


def test_the_auditors_page_has_every_question() -> None:
    assert list(AUDIT) == [
        "kickstand release show prod",
        "kickstand release history prod",
        "kickstand access prod",
        "kickstand cost prod",
        "kickstand verify prod",
        "kickstand verify prod --data",
    ]


@pytest.mark.parametrize("command", AUDIT)
def test_a_command_of_the_auditors_page_gives_the_answer_that_it_shows(demo: Demo, command: str) -> None:
    said = shape(demo.kickstand(command).good().out)
    for piece in AUDIT[command]:
        assert shape(piece) in said


def test_the_answers_are_of_the_release_that_prod_serves(demo: Demo, auditor: dict[str, str]) -> None:
    """With an auditor's own credentials: the policies `reviewer` and `predictor` of prod, and no others."""
    release = demo.release("prod")
    which, who, read, cost, swapped = (demo.kickstand(one, **auditor).good().out for one in list(AUDIT)[:5])
    assert release.artifact.sha256 in which
    assert all(channel.sha256 in which and channel.files[0].sha256 in which for channel in release.channels)
    words = " ".join(who.split())
    assert "approved by arn:aws:iam::444455556666:user/ben: Better on every slice." in words
    assert "by arn:aws:iam::777788889999:user/ana, " in words
    assert f"arn:aws:s3:::{release.bucket}/models/*" in read.partition("What can training jobs do?")[0]
    assert release.training_job.name in cost
    assert "All of it fits: rentals-prod serves the model that was released." in swapped


def test_a_swap_that_was_undone_is_found(demo: Demo) -> None:
    """The last test of this file: prod's artifact has a history from here on."""
    release = demo.release("prod")
    place = {"Bucket": release.bucket, "Key": f"models/{release.artifact.sha256}/model.tar.gz"}
    s3 = LocalCloud(demo.folder / "cloud").client("s3", release.account, release.region)
    model = s3.get_object(**place)["Body"].read()
    for body in (b"other\n", model):
        s3.put_object(**place, Body=body)
    ended = demo.kickstand("kickstand verify prod")
    assert ended.code == 1
    assert "written      DOES NOT FIT; see the end" in ended.out
    assert "endpoint     rentals-prod is InService and serves the release's model" in ended.out
    assert "All of it fits" not in ended.out
    assert re.search(r"The version \S+ of the model artifact, of .* holds 6 bytes of SHA-256", ended.err)
