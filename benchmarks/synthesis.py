"""The CDK app: how long its synthesis takes, and how large its templates are beside CloudFormation's quotas.

Both of the example as it is, and of an environment with every setting that adds resources.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from benchmarks.cloud import World
from benchmarks.figure import Figure
from benchmarks.measure import BIN, CDK, REPOSITORY, Use, run
from benchmarks.rounds import in_turn

TEMPLATE_BYTES, TEMPLATE_RESOURCES = 1_000_000, 500
"""Quotas: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html"""
_SIZE, _RESOURCES = 0.1, 0.12
"""Limits of what a template takes of the quotas: an app that adds stacks of its own still reads ours in a review."""
_RELEASES = REPOSITORY / "tests" / "unit" / "kickstand" / "release" / "releases_of_0_1_0"
_PROJECT = """\
[project]
name = "bikes"

[data]
train = "train.csv"

[hyperparameters]
objective = "reg:squarederror"
num_round = 5

[training]
schedule = "cron(0 3 * * ? *)"
on_new_data = true

[hosting]
instance_count = 4
dashboard = true

[hosting.update]
strategy = "linear"

[hosting.scaling]
maximum = 20
invocations_per_minute = 1000
schedule = ["cron(0 7 ? * MON-FRI *): 8 to 20", "cron(0 19 ? * MON-FRI *): 4 to 8"]
timezone = "Europe/Berlin"

[hosting.capture]
enabled = true

[alerts]
emails = ["a@example.com", "b@example.com"]

[environments.dev]
account = "111122223333"
region = "us-east-1"
expires_after = "8h"
awake = "Mon-Fri 08:00-19:00 Europe/Berlin"
idle_after = "2h"
"""
_EMPTY_APP = """\
import aws_cdk as cdk

app = cdk.App(analytics_reporting=False)
cdk.CfnWaitConditionHandle(cdk.Stack(app, "empty"), "Nothing")  # a stack without any resource is refused
app.synth()
"""


def synth_figures(_: World) -> list[Figure]:
    """`cdk synth -q` of every environment of the example, beside an app with one empty stack; then with all settings.

    The templates' sizes are the same each time: they are read once.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        empty = empty_app(folder)
        settings = _project_with_every_setting(folder)
        commands: Mapping[str, Callable[[], Use]] = {
            "ours": lambda: run([*CDK, "synth", "-q", "--output", folder / "ours"]),
            "settings": lambda: run([*CDK, "synth", "-q", *settings, "--output", folder / "settings"]),
            "peer": lambda: run(empty, cwd=folder),
        }
        timed = in_turn(commands, _times)
        return [*timed, *template_figures(folder / "settings")]


def _times(rounds: Sequence[Mapping[str, Use]]) -> list[Figure]:
    names = {"ours": "synthesis of the whole app", "settings": "synthesis of one environment with every setting"}
    return [
        figure
        for key, name in names.items()
        for figure in timed_figures(
            name, [(each[key], each["peer"]) for each in rounds], "synthesis of one empty stack", 2.5
        )
    ]


def timed_figures(name: str, rounds: Sequence[tuple[Use, Use]], peer: str, limit: float) -> list[Figure]:
    """The time, and the processor time with its limit, of ours and the peer's in each round."""
    waited = tuple((ours.seconds, others.seconds) for ours, others in rounds)
    worked = tuple((ours.processor, others.processor) for ours, others in rounds)
    return [Figure(f"{name}: time", waited, "s", peer), Figure(f"{name}: processor time", worked, "s", peer, limit)]


def template_figures(assembly: Path) -> list[Figure]:
    """Bytes and resources of each template of an assembly. Three equal pairs, as nothing in them varies."""
    figures = []
    for path in sorted(assembly.rglob("*.template.json")):
        content = path.read_bytes()
        name = f"template of {'hosting' if 'hosting' in path.name else 'training'} with every setting"
        kibibytes = (len(content) / 1024, TEMPLATE_BYTES / 1024)
        resources = (float(len(json.loads(content)["Resources"])), float(TEMPLATE_RESOURCES))
        figures += [
            Figure(f"{name}: size", (kibibytes,) * 3, "KiB", "CloudFormation's quota", _SIZE),
            Figure(f"{name}: resources", (resources,) * 3, "resources", "CloudFormation's quota", _RESOURCES),
        ]
    return figures


def _project_with_every_setting(folder: Path) -> list[str | Path]:
    """Write it; the context with which the app reads it."""
    project = folder / "project"
    project.mkdir()
    (project / "train.csv").write_text("1,2\n", "utf-8")
    (project / "kickstand.toml").write_text(_PROJECT, "utf-8")
    return ["-c", f"config={project / 'kickstand.toml'}", "-c", f"releases={_RELEASES}"]


def empty_app(folder: Path) -> list[str | Path]:
    """The command that synthesises an app with one empty stack, which it writes into `folder`."""
    (folder / "app.py").write_text(_EMPTY_APP, "utf-8")
    settings = json.loads((REPOSITORY / "cdk.json").read_text("utf-8"))
    (folder / "cdk.json").write_text(json.dumps({**settings, "app": f"{BIN / 'python'} app.py"}), "utf-8")
    return [*CDK, "synth", "-q", "--output", folder / "empty"]
