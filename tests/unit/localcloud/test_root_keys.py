"""The root secret of a state folder: made once, readable by its owner alone, another one for each account."""

from __future__ import annotations

import hmac
import re
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from unittest.mock import Mock

import pytest

from kickstand.errors import KickstandError
from localcloud.root_keys import RootKeys
from localcloud.state import StateFolder

ACCOUNT = "111122223333"
SECRET = "0123456789abcdef" * 4


@pytest.fixture
def folder(tmp_path: Path) -> StateFolder:
    made = StateFolder(tmp_path / "state")
    made.create()
    return made


def test_a_secret_is_as_aws_makes_them_and_stays(folder: StateFolder) -> None:
    first = RootKeys(folder).key(ACCOUNT)
    assert first["AccessKeyId"] == ACCOUNT
    assert re.fullmatch(r"[A-Za-z0-9+/]{40}", first["SecretAccessKey"])
    assert RootKeys(folder).key(ACCOUNT) == first
    assert [path.name for path in folder.root.iterdir() if path.name.startswith("root-secret")] == ["root-secret"]


def test_it_is_derived_from_the_files_secret_and_the_accounts_number(folder: StateFolder) -> None:
    folder.root_secret.write_text(f"{SECRET}\n")
    # printf 'root of 111122223333' | openssl dgst -sha256 -hmac "$SECRET" -binary | head -c 30 | base64
    assert RootKeys(folder).secret(ACCOUNT) == "cbIMenOR3VUsP0cun8AdX+lav3qGwhmc6QGIQ50X"
    assert RootKeys(folder).secret("444455556666") != RootKeys(folder).secret(ACCOUNT)


def test_it_is_derived_once_for_many_requests(folder: StateFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    keys, digest = RootKeys(folder), Mock(side_effect=hmac.digest)
    monkeypatch.setattr(hmac, "digest", digest)
    assert len({keys.secret(ACCOUNT) for _ in range(3)} | {keys.secret("444455556666")}) == 2
    assert [call.args[1] for call in digest.call_args_list] == [b"root of 111122223333", b"root of 444455556666"]


def test_two_folders_have_two_secrets(tmp_path: Path) -> None:
    made = [StateFolder(tmp_path / name) for name in "ab"]
    for one in made:
        one.create()
    assert len({RootKeys(one).secret(ACCOUNT) for one in made}) == 2


def test_nobody_else_can_read_it_whatever_the_umask_and_whoever_opened_it_up(folder: StateFolder) -> None:
    RootKeys(folder)
    assert stat.S_IMODE(folder.root_secret.stat().st_mode) == 0o600
    folder.root_secret.chmod(0o644)
    RootKeys(folder)
    assert stat.S_IMODE(folder.root_secret.stat().st_mode) == 0o600


def test_those_that_make_it_at_once_agree(folder: StateFolder) -> None:
    with ThreadPoolExecutor(8) as pool:
        made = set(pool.map(lambda _: RootKeys(folder).secret(ACCOUNT), range(32)))
    assert len(made) == 1


@pytest.mark.parametrize("content", ["", "secret", SECRET[:-1], f"{SECRET}{SECRET}\n"])
def test_a_damaged_secret_is_named_and_left(folder: StateFolder, content: str) -> None:
    folder.root_secret.write_text(content)
    with pytest.raises(KickstandError, match="64 hexadecimal digits") as refused:
        RootKeys(folder)
    assert refused.value.problems[0].where == str(folder.root_secret)
    assert folder.root_secret.read_text() == content


@pytest.mark.parametrize("account", ["", "test", "11112222333", "1111222233334", "１１１１２２２２３３３３"])
def test_only_an_account_has_a_root_key(folder: StateFolder, account: str) -> None:
    with pytest.raises(ValueError, match="number of an account"):
        RootKeys(folder).secret(account)
