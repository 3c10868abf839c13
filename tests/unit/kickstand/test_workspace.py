"""An opened environment: how the user reaches it, its release, and the other environments of its project."""

from __future__ import annotations

from pathlib import Path

import pytest
from samples import environment, release
from workspaces import workspace

from kickstand.errors import InputError, KickstandError
from kickstand.release.file import write_release


def test_commands_are_as_the_user_types_them() -> None:
    plain, local = workspace(), workspace(options=("--local", "--config", "'my project.toml'"))
    assert plain.command("deploy", "--training") == "kickstand deploy dev --training"
    assert plain.command("release sign") == "kickstand release sign dev"
    assert (
        local.command("fit", "--follow", "job") == "kickstand --local --config 'my project.toml' fit dev --follow job"
    )
    assert local.typed("promote dev staging") == "kickstand --local --config 'my project.toml' promote dev staging"


@pytest.mark.parametrize(
    ("profile", "options"), [(None, "--region us-east-1"), ("ana", "--region us-east-1 --profile ana")]
)
def test_the_aws_command_reaches_it_by_region_and_profile(profile: str | None, options: str) -> None:
    assert workspace(of=environment(profile=profile)).aws_options == options


def test_its_release_is_the_file_of_its_name(tmp_path: Path) -> None:
    opened = workspace(releases=tmp_path)
    assert opened.release_file == tmp_path / "dev.json"
    assert opened.release_or_none() is None
    with pytest.raises(InputError, match="dev has no release yet"):
        opened.release()
    written = write_release(opened.release_file, release())
    assert (opened.release(), opened.release_or_none()) == (written, written)
    opened.release_file.write_text("{}")
    with pytest.raises(InputError):
        opened.release_or_none()


def test_another_environment_is_opened_where_there_is_a_way_to() -> None:
    staging = environment(name="staging", promotes_from="dev")
    other, asked = workspace(of=staging), list[str]()

    def opener(name: str) -> object:
        asked.append(name)
        return other

    opened = workspace(others=(staging,), opener=opener)
    assert opened.open("dev") is opened
    assert opened.open("staging") is other
    assert asked == ["staging"]
    with pytest.raises(KickstandError, match="There is no session for staging here"):
        workspace(others=(staging,)).open("staging")
