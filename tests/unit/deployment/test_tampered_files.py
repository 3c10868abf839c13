"""Files that somebody changed: the first command that reads one refuses it by name, and changes nothing.

A table for the files of a repository, read by commands as they are typed; below it reviews, assemblies, and the two
files that a promotion writes. Each byte of a signature: test_signing_tampering.py. A promotion's steps:
test_promotion_work.py. Data in S3: test_data_check.py. Between accounts: tests/local/test_tampering.py.
"""

from __future__ import annotations

import errno
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from promotion_stage import Stage
from release_repository import Repository
from reviews import bundle
from samples import environment, release
from test_assembly import TRAINING
from test_assembly import make as make_assembly
from typed import Terminal

from cli.options import Root, options_of
from deployment.assembly import require_assembly
from kickstand.errors import InputError, KickstandError
from kickstand.release.file import canonical, write_release
from kickstand.signing.envelope import signature_path
from kickstand.workspace import command_line
from promotion.rollback import restore
from review.bundle import bundle_json, read_bundle

SIGNING = '[signing]\nprivate_key = "keys/dev.pem"\npublic_keys = ["keys/dev.pub"]\n'


@pytest.fixture(autouse=True)
def made_up_digests(monkeypatch: pytest.MonkeyPatch) -> None:
    """The samples' digests are of nothing; that such a release is refused is tested with the rules."""
    monkeypatch.setattr("kickstand.release.schema.content_faults", lambda release: ())


@dataclass(frozen=True)
class Case:
    """What somebody does to the repository, the command that meets it first, and what that says first."""

    name: str
    tamper: Callable[[Repository], object]
    words: tuple[str, ...]
    place: str
    says: str
    code: int = 2


def edit(repository: Repository, name: str, change: Callable[[str], str]) -> None:
    file = repository.path(name)
    file.write_text(change(file.read_text()))


def sealed(repository: Repository, name: str, **changes: Any) -> None:
    """A release by somebody who knows how it is sealed."""
    edit(repository, name, lambda text: canonical({**json.loads(text), **changes}))


def link(repository: Repository, to: str) -> None:
    file = repository.path("dev")
    shutil.move(file, repository.folder / "elsewhere.json")
    file.symlink_to(repository.folder / to)


def folder(file: Path) -> None:
    file.unlink()
    file.mkdir()


def swap(one: Path, other: Path) -> None:
    first, second = one.read_bytes(), other.read_bytes()
    one.write_bytes(second)
    other.write_bytes(first)


def signature(repository: Repository, name: str = "dev") -> Path:
    return signature_path(repository.path(name))


def other_project(repository: Repository) -> None:
    repository.config.write_text(repository.config.read_text().replace('name = "bikes"', 'name = "wine"'))


def second_signature(repository: Repository) -> None:
    """A further signature of nobody's, put first, and the trusted one broken."""
    fields = json.loads(signature(repository).read_text())
    (good,) = fields["signatures"]
    fields["signatures"] = [{"keyid": "0" * 64, "sig": good["sig"]}, {**good, "sig": "A" * 86 + "=="}]
    signature(repository).write_text(canonical(fields))


def another_key(repository: Repository) -> None:
    (repository.folder / "keys" / "dev.pub").write_bytes((repository.folder / "keys" / "other.pub").read_bytes())


CHECK, VERIFY = ("release", "check", "dev"), ("release", "verify", "dev")
JSON, SIG = "releases/dev.json", "releases/dev.dsse.json"

CASES = (
    Case(
        "release of another project",
        other_project,
        CHECK,
        f"{JSON} and kickstand.toml:2",
        "The release names the project bikes; dev is project wine.",
    ),
    Case(
        "schema from the future",
        lambda there: sealed(there, "dev", schema_version=9),
        CHECK,
        JSON,
        "The release is of schema version 9; this Kickstand reads 3.",
    ),
    Case(
        "one byte of the release",
        lambda there: edit(there, "dev", lambda text: text.replace("0.29", "0.28")),
        CHECK,
        JSON,
        "The release was changed after it was written: its sha256 is ",
    ),
    Case(
        "release that was cut",
        lambda there: edit(there, "dev", lambda text: text[:-40]),
        CHECK,
        "releases/dev.json:",
        "Not JSON: ",
    ),
    Case(
        "release that is empty",
        lambda there: edit(there, "dev", lambda _: ""),
        CHECK,
        "releases/dev.json:1:1",
        "Not JSON: Expecting value.",
    ),
    Case(
        "merge conflict",
        lambda there: edit(there, "dev", lambda text: text.replace('  "bucket"', '<<<<<<< HEAD\n  "bucket"')),
        CHECK,
        "releases/dev.json:",
        "Not JSON: ",
    ),
    Case(
        "no releases at all",
        lambda there: shutil.rmtree(there.folder / "releases"),
        CHECK,
        JSON,
        "dev has no release yet.",
    ),
    Case(
        "link to a release",
        lambda there: link(there, "elsewhere.json"),
        CHECK,
        JSON,
        "The release is a symbolic link: git would keep where it leads, not what it says.",
    ),
    Case("link to nowhere", lambda there: link(there, "nowhere"), CHECK, JSON, "The release is a symbolic link: "),
    Case(
        "folder for a release",
        lambda there: folder(there.path("dev")),
        CHECK,
        JSON,
        "The release cannot be read: Is a directory.",
    ),
    Case(
        "release of another environment",
        lambda there: swap(there.path("dev"), there.path("staging")),
        CHECK,
        f"{JSON} and kickstand.toml",
        "The release names the environment staging; dev is environment dev.",
    ),
    Case(
        "one byte of the signature",
        lambda there: signature(there).write_text(signature(there).read_text().replace('"sig": "', '"sig": "AAAA', 1)),
        VERIFY,
        SIG,
        "The signature",
    ),
    Case(
        "release changed and sealed again",
        lambda there: there.release(source_commit="another"),
        VERIFY,
        SIG,
        "The signature is about another release, or the release was changed since: dev.json was ",
    ),
    Case(
        "signatures swapped",
        lambda there: swap(signature(there), signature(there, "staging")),
        VERIFY,
        SIG,
        "The signature is not about dev.json; it is about model.tar.gz, staging.json.",
    ),
    Case("second signature", second_signature, VERIFY, SIG, f"Signed by the key {'0' * 64}, which is not trusted; "),
    Case("unknown key", another_key, VERIFY, SIG, "Signed by the key "),
    Case(
        "folder for a signature",
        lambda there: folder(signature(there)),
        VERIFY,
        SIG,
        "The signature cannot be read: Is a directory.",
    ),
    Case(
        "key that others can read",
        lambda there: (there.folder / "keys" / "dev.pem").chmod(0o644),
        ("release", "sign", "dev"),
        "kickstand.toml",
        "The private key can be read by others (mode 0644), so its signature would prove nothing.",
    ),
    Case(
        "rollback outside git",
        lambda there: shutil.rmtree(there.folder / ".git"),
        ("rollback", "dev"),
        JSON,
        "No git repository can be read here, so it has no history: ",
    ),
    Case(
        "rollback over a change",
        lambda there: there.release(source_commit="not committed"),
        ("rollback", "dev"),
        JSON,
        "dev.json in the working folder is not what HEAD has: going back would lose it.",
    ),
)


@pytest.fixture(scope="module")
def signed_repository(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    """dev and staging with a release and its signature each, all in git; a key of a stranger beside."""
    there = tmp_path_factory.mktemp("signed") / "bikes and trains"
    there.mkdir()
    made = Repository.make(there)
    with pytest.MonkeyPatch.context() as patch:
        from cli.main import run

        def type_(*words: str) -> None:
            patch.setattr("sys.argv", ["kickstand", *words])
            assert run() == 0

        patch.chdir(made.folder)
        type_("release", "key", "keys/dev.pem")
        type_("release", "key", "keys/other.pem")
        made.config.write_text(made.config.read_text() + SIGNING)
        (made.folder / ".gitignore").write_text("*.pem\n")
        for letter in "ba":
            made.release("dev", letter)
            made.release("staging", letter)
            type_("release", "sign", "dev")
            type_("release", "sign", "staging")
            made.commit(f"Serve {letter}")
    return made


@pytest.fixture
def repository(signed_repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    there = tmp_path / "bikes and trains"
    shutil.copytree(signed_repository.folder, there)
    monkeypatch.chdir(there)
    return Repository(there, signed_repository.minutes)


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Terminal:
    return Terminal(monkeypatch, capsys)


def every_file(top: Path) -> dict[str, tuple[int, bytes]]:
    """Mode and content of each file; git's own are left out, as it writes its index when it looks at files."""
    return {
        str(file.relative_to(top)): (file.lstat().st_mode, b"" if file.is_dir() else _content(file))
        for file in top.rglob("*")
        if ".git" not in file.relative_to(top).parts
    }


def _content(file: Path) -> bytes:
    return str(file.readlink()).encode() if file.is_symlink() else file.read_bytes()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_first_command_refuses_by_name_and_changes_nothing(
    case: Case, repository: Repository, terminal: Terminal
) -> None:
    case.tamper(repository)
    before = every_file(repository.folder)
    screen = terminal.type(*case.words)
    assert (screen.code, screen.out) == (case.code, ""), screen
    told = screen.err.replace(f"{repository.folder}/", "")
    first = next(line for line in told.splitlines() if not line.endswith(" problems:"))
    where, _, message = first.removeprefix("error: ").removeprefix("  - ").partition(": ")
    assert where.startswith(case.place), screen.err
    assert message.startswith(case.says), screen.err
    assert every_file(repository.folder) == before


def test_untouched_they_are_good(repository: Repository, terminal: Terminal) -> None:
    for words in (CHECK, VERIFY, ("release", "verify", "staging")):
        assert (terminal.type(*words).code, terminal.type(*words).err) == (0, "")


def test_both_of_an_environments_files_are_told_of_at_once(repository: Repository, terminal: Terminal) -> None:
    """Project, bucket and places are of another project, in one message."""
    other_project(repository)
    assert terminal.type(*CHECK).err.startswith("2 problems:\n")


def test_commands_to_type_are_quoted(tmp_path: Path) -> None:
    root = Root(config=tmp_path / "bikes and trains" / "kickstand.toml", local=False)
    assert command_line(options_of(root), "review dev") == f"kickstand --config '{root.config}' review dev"


# A review and an assembly.


def review_fields() -> dict[str, Any]:
    fields: dict[str, Any] = json.loads(bundle_json(bundle()))
    return fields


def rewritten(**changes: Any) -> bytes:
    """By somebody who keeps the form and does not know of the seal."""
    text = json.dumps({**review_fields(), **changes}, sort_keys=True, indent=2, ensure_ascii=False)
    return f"{text}\n".encode()


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (rewritten(assembly_sha256="0" * 64), ["The review was edited after it was made."]),
        (rewritten(as_of="2020-01-01"), ["The review was edited after it was made."]),
        (rewritten(sha256="0" * 64), ["The review was edited after it was made."]),
        (
            rewritten(environment="staging"),
            ["The review is of the environment staging; this is dev.", "The review was edited after it was made."],
        ),
        (bundle_json(bundle(environment="staging")), ["The review is of the environment staging; this is dev."]),
        (rewritten(schema_version=0), ["The review is of schema version 0; this Kickstand reads 1."]),
        (rewritten(schema_version=2), ["The review is of schema version 2; this Kickstand reads 1."]),
        (bundle_json(bundle())[:500], ["The file holds no review: Expecting ',' delimiter."]),
        (b"[" * 100_000, ["The file holds no review: it is nested deeper than 100 brackets."]),
        (b"\xff\xfe", ["The file holds no review: it is not UTF-8, byte 0xff."]),
    ],
    ids=["assembly", "day", "seal", "environment", "other", "older", "future", "cut", "deep", "binary"],
)
def test_a_review_that_is_not_what_was_made(tmp_path: Path, content: bytes, says: list[str]) -> None:
    file = tmp_path / "review.json"
    file.write_bytes(content)
    with pytest.raises(InputError) as caught:
        read_bundle(file, environment(), make="kickstand review dev")
    assert [problem.message for problem in caught.value.problems] == says
    assert {problem.where.split(":")[0] for problem in caught.value.problems} == {str(file)}


@pytest.mark.parametrize("content", [None, b"{", b"[]", b"\xff"], ids=["gone", "cut", "list", "binary"])
def test_an_assembly_whose_template_is_broken(tmp_path: Path, content: bytes | None) -> None:
    made = make_assembly(tmp_path / "out", {"bikes-dev-training": TRAINING})
    template = made / "assembly-dev" / "bikes-dev-training.template.json"
    template.unlink()
    if content is not None:
        template.write_bytes(content)
    with pytest.raises(InputError) as caught:
        require_assembly(made, environment(), None)
    assert str(caught.value) == (
        f"{template}: The cloud assembly is broken: this template is missing, or no template. "
        "Synthesise it again, or leave --assembly out."
    )


# A promotion's two files.


def test_a_source_with_a_bad_signature_is_not_promoted(tmp_path: Path) -> None:
    """Also where the target demands none: a signature that does not fit tells that something was changed."""
    stage = Stage(tmp_path)
    signature_path(tmp_path / "dev.json").write_text("{}")
    with pytest.raises(InputError, match=r"dev.dsse.json: The signature file is broken: it is no DSSE envelope"):
        stage.promote()
    assert stage.in_target() == {}


def full_disk(patch: pytest.MonkeyPatch, *, after: int = 0) -> None:
    """So many files still find room."""
    room = iter(range(after))

    def refuse(_: int) -> None:
        if next(room, None) is not None:
            return
        raise OSError(errno.ENOSPC, "No space left on device")

    patch.setattr("kickstand.atomic_file.os.fsync", refuse)


def test_a_full_disk_leaves_the_former_release_with_its_signature(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = Stage(tmp_path)
    former = write_release(stage.file, release(environment="staging"))
    signature_path(stage.file).write_text("its signature")
    before = every_file(tmp_path)
    work = stage.work
    made = work.source.release()
    full_disk(monkeypatch, after=1)  # the draft, which is signed elsewhere
    with pytest.raises(KickstandError, match=rf"{stage.file}: The file could not be written: No space left on device"):
        work._write(made)  # the last step alone: those before it write to S3
    assert every_file(tmp_path) == before
    assert former.sha256 in stage.file.read_text()


def test_a_full_disk_leaves_a_rollback_undone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from promotion.rollback import EarlierRelease

    file = tmp_path / "dev.json"
    present = write_release(file, release())
    signature_path(file).write_text("its signature")
    before = every_file(tmp_path)
    full_disk(monkeypatch)
    with pytest.raises(KickstandError, match=r"dev.json: The file could not be written: No space left on device"):
        restore(EarlierRelease("0" * 40, present, "earlier", present, None), file)
    assert every_file(tmp_path) == before
