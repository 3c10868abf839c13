"""An environment's session: whose credentials it has, in which account it may work, how it refuses.

STS is a small server on this machine, named by AWS_ENDPOINT_URL: botocore's own code does the rest.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs

import pytest
from project_files import SMALLEST, write

from kickstand.aws.session import open_session
from kickstand.config.load import load_project
from kickstand.config.model import Environment
from kickstand.errors import InputError, KickstandError

ROLE = "arn:aws:iam::111122223333:role/deployer"


@dataclass
class Sts:
    """An STS that knows one caller. answers: by action, a status and an error code to give instead."""

    url: str = ""
    account: str = "111122223333"
    lifetime: timedelta = timedelta(hours=1)
    errors: dict[str, tuple[int, str, str]] = field(default_factory=dict)
    calls: list[tuple[str, str]] = field(default_factory=list)
    """The action and the access key of every request."""

    def answer(self, action: str, key: str) -> tuple[int, str]:
        self.calls.append((action, key))
        if action in self.errors:
            status, code, message = self.errors[action]
            return (
                status,
                f"<ErrorResponse><Error><Code>{code}</Code><Message>{message}</Message></Error></ErrorResponse>",
            )
        if action == "AssumeRole":
            number = sum(name == "AssumeRole" for name, _ in self.calls)
            until = (datetime.now(UTC) + self.lifetime).strftime("%Y-%m-%dT%H:%M:%SZ")
            body = (
                f"<Credentials><AccessKeyId>ROLE{number}</AccessKeyId><SecretAccessKey>s</SecretAccessKey>"
                f"<SessionToken>t</SessionToken><Expiration>{until}</Expiration></Credentials>"
                f"<AssumedRoleUser><Arn>arn:aws:sts::{self.account}:assumed-role/deployer/kickstand</Arn>"
                "<AssumedRoleId>A:kickstand</AssumedRoleId></AssumedRoleUser>"
            )
        else:
            body = f"<Account>{self.account}</Account><UserId>U</UserId><Arn>arn:aws:iam::{self.account}:user/ann</Arn>"
        return 200, f"<{action}Response><{action}Result>{body}</{action}Result></{action}Response>"


@pytest.fixture
def sts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Sts]:
    cloud = Sts()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            query = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
            key = self.headers["Authorization"].partition("Credential=")[2].partition("/")[0]
            status, body = cloud.answer(query["Action"][0], key)
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: object) -> None:
            """Nothing on the terminal."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    cloud.url = f"http://127.0.0.1:{server.server_port}"
    clean(monkeypatch, tmp_path)
    monkeypatch.setenv("AWS_ENDPOINT_URL", cloud.url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AMBIENT")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    yield cloud
    server.shutdown()
    thread.join()
    server.server_close()


def clean(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """No credentials of this machine, and none from a metadata service."""
    import os

    for name in list(os.environ):
        if name.startswith("AWS_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(folder / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(folder / "credentials"))


def dev(folder: Path, line: str = "") -> Environment:
    return load_project(write(folder, SMALLEST + line)).environments["dev"]


def refusal(environment: Environment) -> KickstandError:
    with pytest.raises(KickstandError) as caught:
        open_session(environment)
    assert len(caught.value.problems) == 1
    return caught.value


def test_a_session_of_the_right_account_is_in_the_environments_region(sts: Sts, tmp_path: Path) -> None:
    session = open_session(dev(tmp_path))
    assert session.region_name == "us-east-1"
    credentials = session.get_credentials()
    assert credentials is not None
    assert credentials.access_key == "AMBIENT"
    assert sts.calls == [("GetCallerIdentity", "AMBIENT")]


def test_another_account_is_refused_with_both_and_the_line(sts: Sts, tmp_path: Path) -> None:
    sts.account = "999999999999"
    error = refusal(dev(tmp_path))
    assert isinstance(error, InputError)
    assert str(error) == (
        f"{tmp_path}/kickstand.toml:6: dev is in account 111122223333, but the credentials in use are of account "
        "999999999999 (arn:aws:iam::999999999999:user/ann). Nothing was changed. Use credentials of 111122223333 "
        "(profile or role_arn in [environments.dev], or AWS_PROFILE), or correct the account there."
    )


def test_the_profile_beats_the_credentials_of_the_process(sts: Sts, tmp_path: Path) -> None:
    (tmp_path / "credentials").write_text("[team]\naws_access_key_id = TEAM\naws_secret_access_key = s\n")
    session = open_session(dev(tmp_path, 'profile = "team"\n'))
    credentials = session.get_credentials()
    assert credentials is not None
    assert credentials.access_key == "TEAM"
    assert sts.calls == [("GetCallerIdentity", "TEAM")]


def test_a_profile_of_another_account_is_named(sts: Sts, tmp_path: Path) -> None:
    (tmp_path / "credentials").write_text("[team]\naws_access_key_id = TEAM\naws_secret_access_key = s\n")
    sts.account = "999999999999"
    assert "but the profile team is of account 999999999999 (" in str(refusal(dev(tmp_path, 'profile = "team"\n')))


def test_a_profile_that_does_not_exist(sts: Sts, tmp_path: Path) -> None:
    error = refusal(dev(tmp_path, 'profile = "team"\n'))
    assert isinstance(error, InputError)
    assert str(error) == (
        f"{tmp_path}/kickstand.toml:8: The config profile (team) could not be found. "
        "Known ones: aws configure list-profiles."
    )
    assert sts.calls == []


def test_the_role_is_assumed_with_the_credentials_of_the_process(sts: Sts, tmp_path: Path) -> None:
    session = open_session(dev(tmp_path, f'role_arn = "{ROLE}"\n'))
    credentials = session.get_credentials()
    assert credentials is not None
    assert credentials.get_frozen_credentials().access_key == "ROLE1"
    assert sts.calls == [("AssumeRole", "AMBIENT"), ("GetCallerIdentity", "ROLE1")]


def test_the_roles_credentials_are_renewed_before_they_expire(sts: Sts, tmp_path: Path) -> None:
    sts.lifetime = timedelta(minutes=2)
    session = open_session(dev(tmp_path, f'role_arn = "{ROLE}"\n'))
    client = session.client("sts")
    client.get_caller_identity()
    client.get_caller_identity()
    keys = [key for action, key in sts.calls if action == "GetCallerIdentity"]
    assert len(set(keys)) == 3
    assert {key for action, key in sts.calls if action == "AssumeRole"} == {"AMBIENT"}


def test_a_role_that_may_not_be_assumed(sts: Sts, tmp_path: Path) -> None:
    words = f"User: x is not authorized to perform: sts:AssumeRole on resource: {ROLE}"
    sts.errors["AssumeRole"] = (403, "AccessDenied", words)
    assert str(refusal(dev(tmp_path, f'role_arn = "{ROLE}"\n'))) == (
        f"{tmp_path}/kickstand.toml:8: Failed while assuming the role {ROLE}: AssumeRole: AccessDenied: {words}. "
        "The role must exist and its trust policy must name who assumes it. "
        "These credentials lack the permission sts:AssumeRole: "
        "attach the environment's policy for the job, or use others."
    )


@pytest.mark.parametrize(
    ("code", "fix"),
    [
        ("ExpiredToken", "The credentials have expired: sign in again, then run the same command."),
        ("InvalidClientTokenId", "AWS does not know these credentials: check the access key, or sign in again."),
        ("SignatureDoesNotMatch", "AWS does not know these credentials: check the access key, or sign in again."),
    ],
)
def test_credentials_that_aws_does_not_take(sts: Sts, tmp_path: Path, code: str, fix: str) -> None:
    sts.errors["GetCallerIdentity"] = (403, code, "No")
    error = refusal(dev(tmp_path))
    assert not isinstance(error, InputError)
    assert str(error) == (
        f"{tmp_path}/kickstand.toml:6: Failed while asking AWS whose credentials these are, for dev: "
        f"GetCallerIdentity: {code}: No. {fix}"
    )


SIGN_IN = (
    "Sign in (aws sso login, aws configure), or name a profile or role_arn in the environment's table. "
    "To try it without AWS: kickstand --local."
)


@pytest.mark.parametrize("line", ["", f'role_arn = "{ROLE}"\n'])
def test_no_credentials(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, line: str) -> None:
    clean(monkeypatch, tmp_path)
    assert str(refusal(dev(tmp_path, line))) == (
        f"{tmp_path}/kickstand.toml:6: Failed while asking AWS whose credentials these are, for dev: "
        f"Unable to locate credentials. {SIGN_IN}"
    )


def test_an_sso_session_that_is_not_signed_in(sts: Sts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "config").write_text(
        "[profile team]\nsso_session = ours\nsso_account_id = 111122223333\nsso_role_name = dev\nregion = us-east-1\n"
        "[sso-session ours]\nsso_start_url = https://example.invalid/start\nsso_region = us-east-1\n"
    )
    words = str(refusal(dev(tmp_path, 'profile = "team"\n')))
    assert words.startswith(f"{tmp_path}/kickstand.toml:8: Failed while asking AWS whose credentials these are")
    assert words.endswith("Sign in again: aws sso login (with --profile where a profile is used).")


def unused_url(scheme: str) -> str:
    with ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as server:
        return f"{scheme}://127.0.0.1:{server.server_port}"


def test_a_local_cloud_that_does_not_run_is_told_in_seconds(
    sts: Sts, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    url = unused_url("https")
    monkeypatch.setenv("AWS_ENDPOINT_URL", url)
    began = time.monotonic()
    words = str(refusal(dev(tmp_path)))
    assert time.monotonic() - began < 5
    assert words == (
        f"{tmp_path}/kickstand.toml:6: Failed while asking AWS whose credentials these are, for dev: "
        f'Could not connect to the endpoint URL: "{url}/". '
        f"AWS_ENDPOINT_URL is {url}: start it (kickstand local start), or unset AWS_ENDPOINT_URL to reach AWS."
    )


def test_boto3_is_imported_only_when_a_session_is_opened() -> None:
    import subprocess
    import sys

    program = "import sys, kickstand.aws.session; print('boto3' in sys.modules or 'botocore' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
