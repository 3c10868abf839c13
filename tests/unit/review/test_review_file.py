"""`review.json` and its folder: canonical, checked when read, written whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest
from reviews import bundle, change_set
from samples import environment

from kickstand.errors import InputError
from review.bundle import bundle_json, read_bundle, review_folder, write_folder

MAKE = "kickstand review dev"


def refusal(file: Path) -> list[str]:
    with pytest.raises(InputError) as caught:
        read_bundle(file, environment(), make=MAKE)
    return [problem.message for problem in caught.value.problems]


def test_a_review_comes_back_as_it_was_written(tmp_path: Path) -> None:
    made = bundle(change_sets=(change_set("bikes-dev-hosting"),))
    write_folder(tmp_path / "dev", {"review.json": bundle_json(made)})
    assert read_bundle(tmp_path / "dev" / "review.json", environment(), make=MAKE) == made
    assert bundle_json(made) == bundle_json(made.model_copy())


def test_one_that_is_not_there_says_how_to_make_it(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        read_bundle(tmp_path / "review.json", environment(), make=MAKE)
    assert str(caught.value) == f"{tmp_path}/review.json: There is no review here. Make it: kickstand review dev"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"{", "The file holds no review: Expecting property name enclosed in double quotes."),
        (b'{"a": 1}', "The file holds no review."),
        (b'{"schema_version": 9}', "The review is of schema version 9; this Kickstand reads 1."),
        (
            bundle_json(bundle()).replace(b'"project": "bikes"', b'"project": "bikes" '),
            "The review was edited after it was made.",
        ),
        (
            bundle_json(bundle(project="cars", account="444455556666")),
            "The review is of the project cars; this is bikes.",
        ),
    ],
)
def test_what_is_wrong_with_it_is_named(tmp_path: Path, text: bytes, expected: str) -> None:
    (tmp_path / "review.json").write_bytes(text)
    assert refusal(tmp_path / "review.json")[0] == expected


def test_one_of_another_account_is_named_too(tmp_path: Path) -> None:
    (tmp_path / "review.json").write_bytes(bundle_json(bundle(account="444455556666")))
    assert refusal(tmp_path / "review.json") == ["The review is of the account 444455556666; this is 111122223333."]


def test_another_review_takes_the_place_of_the_whole_folder(tmp_path: Path) -> None:
    folder = tmp_path / "review" / "dev"
    write_folder(folder, {"review.json": b"1", "review.md": b"1"})
    write_folder(folder, {"review.json": b"2"})
    assert {one.name: one.read_bytes() for one in folder.iterdir()} == {"review.json": b"2"}
    assert [one.name for one in folder.parent.iterdir()] == ["dev"]


def test_a_review_that_cannot_be_written_leaves_the_former_one(tmp_path: Path) -> None:
    folder = tmp_path / "dev"
    write_folder(folder, {"review.json": b"1"})
    with pytest.raises(TypeError):
        write_folder(folder, {"review.json": b"2", "review.md": "text"})  # type: ignore[dict-item]
    assert {one.name: one.read_bytes() for one in folder.iterdir()} == {"review.json": b"1"}
    assert [one.name for one in tmp_path.iterdir()] == ["dev"]


def test_a_folder_of_something_else_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(InputError, match="This folder holds something else than a review, which would be lost"):
        write_folder(tmp_path, {"review.json": b"1"})
    assert (tmp_path / "thesis.txt").read_text() == "years of work"


def test_reviews_lie_beside_the_project_file_and_the_local_clouds_in_its_state() -> None:
    toml = Path("/work/kickstand.toml")
    assert review_folder(Path("/work/releases"), toml, "bikes", "dev", local=False) == Path("/work/review/dev")
    state = Path("/state/releases/bikes")
    assert review_folder(state, toml, "bikes", "dev", local=True) == Path("/state/review/bikes/dev")
