"""Pages, their live parts, and what a page shows where a read fails."""

from __future__ import annotations

import asyncio
import re
import threading
from typing import Any

import pytest
from console_world import OWN, TOKEN, Clients, Response, ask, refused, source

from console.pages import TEMPLATES
from console.reading import Reads, Source, View, in_thread
from console.views.endpoint import ENDPOINT
from console.views.jobs import JOBS

BASE = f"/{TOKEN}/"
NOT_THERE = refused("DescribeEndpoint", "ValidationException", "Could not find endpoint.")
NO_STACK = refused("DescribeStacks", "ValidationError", "Stack with id bikes-dev-hosting does not exist")
NOTHING: dict[str, Any] = {
    "sagemaker.describe_endpoint": NOT_THERE,
    "sagemaker.list_training_jobs": {"TrainingJobSummaries": []},
    "sagemaker.list_transform_jobs": {"TransformJobSummaries": []},
    "cloudformation.describe_stacks": NO_STACK,
    "cloudwatch.describe_alarms": {"MetricAlarms": []},
}
VIEWS = (ENDPOINT, JOBS)


def get(path: str, clients: Clients, **more: Any) -> Response:
    return ask(VIEWS, source(clients), BASE + path, **more)


def text(answer: Response) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", answer.body).split())


def test_the_address_leads_to_the_first_view() -> None:
    answer = get("", Clients({}))
    assert (answer.status, answer.headers["location"]) == (303, f"{BASE}endpoint")


def test_a_page_holds_no_script_and_no_style_of_its_own() -> None:
    answer = get("endpoint", Clients(NOTHING))
    assert answer.status == 200
    assert re.findall(r"<script[^>]*>[^<]", answer.body) == []
    assert re.findall(r"<style|\sstyle=|\son\w+=|javascript:", answer.body) == []
    assert re.findall(r'(?:src|href)="([^"]*)"', answer.body) == [
        f"{BASE}icon.svg",
        f"{BASE}console.css",
        f"{BASE}console.js",
        "#main",
        f"{BASE}endpoint",
        f"{BASE}jobs",
    ]


def test_an_environment_that_was_never_deployed_says_so_and_what_to_type() -> None:
    clients = Clients(NOTHING)
    assert (
        "There is no endpoint bikes-dev: nothing is served. There is no release yet: kickstand --local deploy dev, "
        "then kickstand --local fit dev." in text(get("endpoint", clients))
    )
    assert (
        "dev was never deployed: there is no stack bikes-dev-training. Deploy it: kickstand --local deploy dev"
        in text(get("jobs", clients))
    )


def test_what_is_refused_is_a_card_and_the_other_parts_stay() -> None:
    denied = refused(
        "DescribeAlarms",
        "AccessDenied",
        "User: arn:aws:iam::111122223333:user/ann is not authorized to perform: cloudwatch:DescribeAlarms",
    )
    shown = text(get("endpoint", Clients({**NOTHING, "cloudwatch.describe_alarms": denied})))
    assert "There is no endpoint bikes-dev" in shown
    assert "Failed while looking at the alarms: DescribeAlarms: AccessDenied: User: arn:aws:iam" in shown
    assert "These credentials lack the permission cloudwatch:DescribeAlarms" in shown


def test_a_view_that_is_refused_altogether_says_so() -> None:
    denied = refused(
        "ListTrainingJobs", "AccessDeniedException", "not authorized to perform: sagemaker:ListTrainingJobs"
    )
    answer = get("jobs", Clients({**NOTHING, "sagemaker.list_training_jobs": denied}))
    assert answer.status == 200
    assert "This view could not be read" in text(answer)
    assert "These credentials lack the permission sagemaker:ListTrainingJobs" in text(answer)


def test_an_answer_that_makes_no_view_is_a_card_without_a_traceback() -> None:
    shown = text(get("jobs", Clients({**NOTHING, "sagemaker.list_training_jobs": {}})))
    assert "The view cannot be made of what was answered: KeyError" in shown
    assert "Traceback" not in shown


def test_a_page_goes_on_when_the_credentials_are_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID", raising=False)
    expired = refused(
        "DescribeEndpoint", "ExpiredTokenException", "The security token included in the request is expired"
    )
    now = [expired, NOT_THERE]
    opened = []

    def answer(**_: Any) -> Any:
        raise now[0]

    clients = Clients({**NOTHING, "sagemaker.describe_endpoint": answer})
    read: Source

    def reopen() -> Any:
        opened.append(1)
        del now[0]
        return read.workspace

    read = source(clients, reopen=reopen)
    first = read.read_now(ENDPOINT, {})
    assert first.value is None
    assert first.problems[0].message == (
        "Failed while reading endpoint: DescribeEndpoint: ExpiredTokenException: "
        "The security token included in the request is expired."
    )
    assert first.problems[0].fix == (
        "Sign in again (aws sso login, or renew the profile's keys); this page then goes on by itself."
    )
    second = read.read_now(ENDPOINT, {})
    assert second.problems == ()
    assert second.value.exists is False
    assert opened == [1]
    assert read.read_now(ENDPOINT, {}).problems == ()
    assert opened == [1]


def test_keys_of_the_environment_cannot_come_back_by_themselves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    clients = Clients({"sagemaker.describe_endpoint": refused("DescribeEndpoint", "ExpiredToken", "expired")})
    (problem,) = source(clients).read_now(ENDPOINT, {}).problems
    assert problem.fix == (
        "The credentials are those of this console's environment variables: start it again with new ones."
    )


def counted(seconds: float) -> tuple[View, list[int]]:
    """A view of a number that grows with each read, and those reads."""
    reads: list[int] = []

    def read(_: Reads) -> Any:
        reads.append(1)
        return ENDPOINT.read(_)

    return View("endpoint", "Endpoint", read, lambda _: seconds), reads


def test_a_live_page_gets_its_view_once_and_then_only_what_changes() -> None:
    view, reads = counted(0.01)
    answer = ask([view], source(Clients(NOTHING)), f"{BASE}live/endpoint", events=3)
    assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
    events = [block.split("\n") for block in answer.body.strip().split("\n\n")]
    assert [lines[0] for lines in events] == ["event: view", "event: read", "event: read", "event: read"]
    assert events[0][1].startswith('data: <section id="serving"')
    assert all(line.startswith("data: ") for lines in events for line in lines[1:])
    assert len(reads) == 3


def test_what_was_just_read_is_not_read_again() -> None:
    view, reads = counted(60.0)
    read = source(Clients(NOTHING))
    for _ in range(3):
        assert ask([view], read, f"{BASE}endpoint").status == 200
    assert len(reads) == 1


@pytest.mark.parametrize(
    "path", ["none", "live/none", "endpoint/x", "jobs/a/../../x/", "../x", "%2e%2e", "templates/page.html"]
)
def test_there_are_no_other_pages(path: str) -> None:
    clients = Clients({"sagemaker.describe_training_job": pytest.fail})
    answer = get(path, clients)
    assert answer.status == 404 if not path.startswith("jobs") else 200
    assert "no such page" in answer.body or "There is no training job of this name" in answer.body


def test_head_has_no_body() -> None:
    page, head = get("endpoint", Clients(NOTHING)), get("endpoint", Clients(NOTHING), method="HEAD")
    assert (head.status, head.body, head.headers["content-length"]) == (200, "", str(len(page.body.encode())))
    live = get("live/endpoint", Clients(NOTHING), method="HEAD")
    assert (live.status, live.body) == (200, "")
    assert OWN == (("host", "127.0.0.1:14000"),)


@pytest.mark.parametrize("begun", [True, False])
def test_an_end_during_a_read_is_quiet(begun: bool) -> None:
    """A thread that ends after nobody waits any more says nothing: pytest makes an error of what it would say."""
    going, read = threading.Event(), threading.Event()

    def work() -> None:
        going.set()
        read.wait(10)

    async def run() -> None:
        task = asyncio.create_task(in_thread(work))
        await asyncio.sleep(0)
        if begun:
            await asyncio.to_thread(going.wait, 10)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(run())
    threads = [one for one in threading.enumerate() if one.name == "console-read"]
    read.set()
    for one in threads:
        one.join(10)


def test_nothing_but_parts_that_were_drawn_is_markup() -> None:
    """One `safe` in all templates: the sections of a view, which another template has escaped."""
    texts = {file.name: file.read_text("utf-8") for file in TEMPLATES.glob("*.html")}
    marked = {name: re.findall(r"\|\s*safe|autoescape", text) for name, text in texts.items()}
    assert {name: found for name, found in marked.items() if found} == {"page.html": ["|safe"]}
    assert re.search(r'<div id="view">\{\{ body\|safe \}\}</div>', texts["page.html"])
