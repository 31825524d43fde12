"""Files that are there whole, and only for whom they are meant."""

import grp
import os
import stat
from pathlib import Path

import pytest

from fand.exceptions import ConfigError
from fand.pki.folder import Folder


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    place = Folder(tmp_path / "above" / "folder")
    place.make()
    return place


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def _own_group() -> str:
    return grp.getgrgid(os.getgid()).gr_name


def test_for_its_owner_only(folder: Folder) -> None:
    folder.write("key.pem", "secret", shared=True)
    assert _mode(folder.path) == 0o700
    assert _mode(folder.path / "key.pem") == 0o600


def test_for_a_group(folder: Folder) -> None:
    folder.make(_own_group())
    folder.write("key.pem", "for the daemon", shared=True)
    folder.write("authority.key", "for nobody else")
    assert _mode(folder.path) == 0o750
    assert _mode(folder.path / "key.pem") == 0o640
    assert _mode(folder.path / "authority.key") == 0o600
    folder.make()  # as a renewal does
    assert _mode(folder.path) == 0o750


def test_an_open_one_is_closed(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    Folder(tmp_path).make()
    assert _mode(tmp_path) == 0o700


def test_a_file_is_replaced_whole(folder: Folder) -> None:
    for text in ("one", "two"):
        folder.write("file.pem", text)
        assert folder.read("file.pem") == text
    assert [path.name for path in folder.path.iterdir()] == ["file.pem"]


def test_what_is_there(folder: Folder) -> None:
    folder.write("b.pem", "")
    folder.write("a.pem", "")
    folder.write("a.key", "")
    assert folder.names(".pem") == ["a", "b"]
    assert folder.has("a.key")
    folder.remove("a.key")
    folder.remove("a.key")
    assert not folder.has("a.key")


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "nowhere")
    assert folder.names(".pem") == []
    assert not folder.has("a")
    for use in (lambda: folder.read("a"), lambda: folder.write("a", "")):
        with pytest.raises(ConfigError, match="nowhere/a: No such file or directory"):
            use()


def test_what_is_none(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"\xff")
    with pytest.raises(ConfigError, match="file: is no text"):
        Folder(tmp_path).read("file")
    folder = Folder(tmp_path / "file")
    with pytest.raises(ConfigError, match="file: File exists"):
        folder.make()
    with pytest.raises(ConfigError, match="file: Not a directory"):
        folder.names(".pem")
    with pytest.raises(ConfigError, match="file/a: Not a directory"):
        folder.remove("a")


def test_a_group_that_is_not_there(folder: Folder) -> None:
    with pytest.raises(ConfigError, match="there is no group 'nobody-at-all'"):
        folder.make("nobody-at-all")


def test_what_cannot_be_put_there_leaves_nothing(folder: Folder) -> None:
    (folder.path / "a").mkdir()
    with pytest.raises(ConfigError, match="folder/a: Is a directory"):
        folder.write("a", "text")
    assert [path.name for path in folder.path.iterdir()] == ["a"]
