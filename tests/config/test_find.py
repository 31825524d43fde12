from pathlib import Path

import pytest

from fand.config import find
from fand.exceptions import ServerNoConfigError


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    cwd, etc = tmp_path / "here", tmp_path / "etc"
    cwd.mkdir()
    etc.mkdir()
    return cwd, etc


def test_the_files_are_tried_in_order(folders: tuple[Path, Path]) -> None:
    cwd, etc = folders
    for path in (etc / "fand.ini", etc / "fand.toml", cwd / "fand.ini", cwd / "fand.toml"):
        path.touch()
        assert find(None, {}, cwd, etc) == path


def test_the_variable_comes_before_the_files(folders: tuple[Path, Path]) -> None:
    cwd, etc = folders
    (cwd / "fand.toml").touch()
    (etc / "other.toml").touch()
    assert find(None, {"FAND_CONFIG": str(etc / "other.toml")}, cwd, etc) == etc / "other.toml"
    assert find(None, {"FAND_CONFIG": ""}, cwd, etc) == cwd / "fand.toml"


def test_the_option_comes_before_all(folders: tuple[Path, Path]) -> None:
    cwd, etc = folders
    (cwd / "mine.ini").touch()
    (etc / "other.toml").touch()
    assert find("mine.ini", {"FAND_CONFIG": str(etc / "other.toml")}, cwd, etc) == cwd / "mine.ini"
    assert find(str(etc / "other.toml"), {}, cwd, etc) == etc / "other.toml"


def test_a_folder_of_that_name_is_passed_over(folders: tuple[Path, Path]) -> None:
    cwd, etc = folders
    (cwd / "fand.toml").mkdir()
    (etc / "fand.toml").touch()
    assert find(None, {}, cwd, etc) == etc / "fand.toml"


def test_no_file_at_all_is_told_with_every_place(folders: tuple[Path, Path]) -> None:
    cwd, etc = folders
    with pytest.raises(ServerNoConfigError) as caught:
        find(None, {}, cwd, etc)
    for path in (cwd / "fand.toml", cwd / "fand.ini", etc / "fand.toml", etc / "fand.ini", "-c FILE", "FAND_CONFIG"):
        assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    ("explicit", "environ", "by"),
    [
        ("gone.toml", {}, "by option -c"),
        ("", {}, "by option -c"),
        (None, {"FAND_CONFIG": "gone.toml"}, "by the variable FAND_CONFIG"),
    ],
)
def test_a_named_file_must_be_there(
    folders: tuple[Path, Path], explicit: str | None, environ: dict[str, str], by: str
) -> None:
    cwd, etc = folders
    (cwd / "fand.toml").touch()
    with pytest.raises(ServerNoConfigError, match=by):
        find(explicit, environ, cwd, etc)
