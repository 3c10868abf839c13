"""`gh` for the steps of a local run: the calls that Kickstand's workflows make, with the rights of the job's token.

python gh_stand_in.py HUB OWNER/NAME run download 7 --name kickstand-dev --dir .
"""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from github_hub import BOT, LONGEST_COMMENT, Hub


class Refused(Exception):  # noqa: N818 - GitHub's answer, not a fault of this program
    """What GitHub would answer instead."""


def main(words: Sequence[str]) -> int:
    hub, told = Hub(Path(words[0]), words[1]), list(words[2:])
    try:
        if os.environ.get("GH_REPO") != hub.name:
            raise Refused("no git remotes found: set GH_REPO")
        if told[:2] == ["run", "download"]:
            _download(hub, told[2], _options(told[3:]))
        elif told[:1] == ["api"]:
            print(json.dumps(_api(hub, told[1:])))  # noqa: T201
        else:
            raise Refused(f"this gh knows no {' '.join(told[:2])}")
    except Refused as error:
        print(f"gh: {error}", file=sys.stderr)  # noqa: T201
        return 1
    return 0


def _options(words: Sequence[str]) -> dict[str, str]:
    return {words[i].lstrip("-"): words[i + 1] for i in range(0, len(words), 2)}


def _require(hub: Hub, scope: str, level: str = "read") -> None:
    """The job's token must have a permission; `write` holds `read`."""
    permissions: Mapping[str, str] = hub.read("tokens").get(os.environ.get("GH_TOKEN", ""), {})
    if permissions.get(scope) not in (level, "write"):
        raise Refused(f"HTTP 403: Resource not accessible by integration ({scope}: {level})")


def _download(hub: Hub, run: str, options: Mapping[str, str]) -> None:
    _require(hub, "actions")
    artifact = hub.artifact(run, options["name"])
    if not artifact.is_dir():
        raise Refused("no valid artifacts found to download")
    shutil.copytree(artifact, options["dir"], dirs_exist_ok=True)


def _api(hub: Hub, words: Sequence[str]) -> Any:
    flags = {"--paginate", "--slurp"} & set(words)
    rest = [word for word in words if word not in flags]
    place = next(w for i, w in enumerate(rest) if w.startswith("repos/") and rest[i - 1 : i] != ["--method"])
    options = _options([word for word in rest if word != place])
    url = urlsplit(place.removeprefix(f"repos/{hub.name}/"))
    query = {key: values[0] for key, values in parse_qs(url.query).items()}
    method = options.get("method", "GET")
    body = _body(options["field"]) if "field" in options else ""
    for pattern, answer in _ROUTES.items():
        found = re.fullmatch(pattern, f"{method} {url.path}")
        if found:
            told = answer(hub, found[1], query, body)
            return [told] if "--slurp" in flags else told
    raise Refused(f"HTTP 404: Not Found ({method} {place})")


def _body(field: str) -> str:
    name, _, value = field.partition("=")
    if name != "body" or not value.startswith("@"):
        raise Refused(f"this gh knows no --field {field}")
    text = Path(value[1:]).read_text("utf-8")
    if len(text) > LONGEST_COMMENT:
        raise Refused(f"HTTP 422: Body is too long (maximum is {LONGEST_COMMENT} characters)")
    return text


def _comments(hub: Hub, number: str, query: Mapping[str, str], body: str) -> Any:
    _require(hub, "pull-requests")
    return [one for one in hub.read("comments").values() if one["number"] == number]


def _new_comment(hub: Hub, number: str, query: Mapping[str, str], body: str) -> Any:
    _require(hub, "pull-requests", "write")
    comments = hub.read("comments")
    made = {"id": len(comments) + 1, "number": number, "user": {"login": BOT}, "body": body}
    hub.write("comments", {**comments, str(made["id"]): made})
    return made


def _edit_comment(hub: Hub, comment: str, query: Mapping[str, str], body: str) -> Any:
    _require(hub, "pull-requests", "write")
    comments = hub.read("comments")
    comments[comment]["body"] = body
    hub.write("comments", comments)
    return comments[comment]


def _pulls(hub: Hub, commit: str, query: Mapping[str, str], body: str) -> Any:
    _require(hub, "pull-requests")
    return [one for one in hub.read("pulls").values() if commit in (one["merge_commit_sha"], one["head"]["sha"])]


def _branch_pulls(hub: Hub, what: str, query: Mapping[str, str], body: str) -> Any:
    """The pull requests of a branch, open and closed, into whatever base: `?state=all&head=OWNER:BRANCH`."""
    _require(hub, "pull-requests")
    if query["state"] != "all":
        raise Refused(f"this gh knows no state={query['state']}")
    owner, _, branch = query["head"].partition(":")
    pulls = hub.read("pulls").values()
    return [
        one
        for one in pulls
        if one["head"]["ref"] == branch and one["head"]["repo"]["full_name"].partition("/")[0] == owner
    ]


def _timeline(hub: Hub, number: str, query: Mapping[str, str], body: str) -> Any:
    _require(hub, "pull-requests")
    return [{"event": event} for event in hub.read("timelines").get(number, [])]


def _runs(hub: Hub, workflow: str, query: Mapping[str, str], body: str) -> Any:
    _require(hub, "actions")
    wanted = {"head_sha": query["head_sha"], "event": query["event"], "conclusion": query["status"]}
    if "branch" in query:
        wanted["head_branch"] = query["branch"]
    found = [one for one in hub.read("runs").values() if one["path"] == f".github/workflows/{workflow}"]
    return {"workflow_runs": [one for one in found if all(one[key] == value for key, value in wanted.items())]}


_ROUTES: dict[str, Any] = {
    r"GET issues/(\d+)/comments": _comments,
    r"POST issues/(\d+)/comments": _new_comment,
    r"PATCH issues/comments/(\d+)": _edit_comment,
    r"GET commits/([0-9a-f]{40})/pulls": _pulls,
    r"GET (pulls)": _branch_pulls,
    r"GET issues/(\d+)/timeline": _timeline,
    r"GET actions/workflows/([\w.-]+)/runs": _runs,
}

if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
