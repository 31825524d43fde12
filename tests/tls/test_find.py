"""Where the files are looked for."""

import os
from pathlib import Path

import pytest

from fand.exceptions import ConfigError
from fand.tls import Files, find, folders, given, in_folder, is_this_host

FAR = "fans.example.org"


@pytest.fixture(autouse=True)
def _nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the host's files nor those of who tests count."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("fand.tls.ETC", str(tmp_path / "etc"))


def _variables(folder: str) -> dict[str, str]:
    return dict(zip(("FAND_TLS_CERTIFICATE", "FAND_TLS_KEY", "FAND_TLS_AUTHORITY"), in_folder(folder), strict=True))


def _accepted(tmp_path: Path, *parts: str) -> Files:
    folder = tmp_path.joinpath(*parts)
    folder.mkdir(parents=True)
    (folder / "certificate.pem").touch()
    return in_folder(str(folder))


def test_nothing_is_said() -> None:
    assert find(FAR, {}) is None


def test_a_unix_socket_needs_none() -> None:
    assert find("/run/fand/fand.sock", _variables("/a")) is None


class TestVariables:
    def test_all_three(self) -> None:
        assert find(FAR, _variables("/a")) == Files("/a/certificate.pem", "/a/key.pem", "/a/authority.pem")

    def test_they_come_before_the_configuration_and_count_for_this_host_too(self) -> None:
        assert find("localhost", _variables("/a"), in_folder("/b")) == in_folder("/a")

    @pytest.mark.parametrize("name", _variables("/a"))
    def test_one_is_missing(self, name: str) -> None:
        with pytest.raises(ConfigError, match=f"variable {name} is missing; .* belong together"):
            find(FAR, _variables("/a") | {name: ""})

    def test_a_relative_path(self) -> None:
        with pytest.raises(ConfigError, match=r"FAND_TLS_KEY is 'key\.pem', not an absolute path"):
            find(FAR, _variables("/a") | {"FAND_TLS_KEY": "key.pem"})


class TestConfiguration:
    def test_of_the_working_folder(self, tmp_path: Path) -> None:
        (tmp_path / "fand.toml").write_text('[tls]\nfolder = "/a"\n')
        assert find(FAR, {}) == in_folder("/a")
        assert find("127.0.0.1", {}) == in_folder("/a")

    def test_of_the_host(self, tmp_path: Path) -> None:
        (tmp_path / "etc").mkdir()
        (tmp_path / "etc/fand.toml").write_text('[tls]\ncertificate = "/c"\nkey = "/k"\nauthority = "/a"\n')
        assert find(FAR, {}) == Files("/c", "/k", "/a")

    def test_named_by_the_variable(self, tmp_path: Path) -> None:
        (tmp_path / "fand.toml").write_text('[tls]\nfolder = "/a"\n')
        other = tmp_path / "other"
        other.write_text('[tls]\nfolder = "/b"\n')
        assert find(FAR, {"FAND_CONFIG": str(other)}) == in_folder("/b")

    def test_already_read(self, tmp_path: Path) -> None:
        (tmp_path / "fand.toml").write_text('[tls]\nfolder = "/a"\n')
        assert find(FAR, {}, in_folder("/b")) == in_folder("/b")

    @pytest.mark.parametrize("text", ["[server]\nport = 1\n", "port = = 1", "", "[server.tls]\nfolder = '/a'\n"])
    def test_without_the_table(self, tmp_path: Path, text: str) -> None:
        (tmp_path / "fand.toml").write_text(text)
        assert find(FAR, {}) is None

    def test_an_ini_has_none(self, tmp_path: Path) -> None:
        (tmp_path / "fand.ini").write_text("[tls]\nfolder = /a\n")
        assert find(FAR, {}) is None

    def test_nor_has_one_without_its_suffix(self, tmp_path: Path) -> None:
        path = tmp_path / "fand.conf"
        path.write_text("[DEFAULT]\nshelves = tls\n")
        assert find(FAR, {"FAND_CONFIG": str(path)}) is None

    @pytest.mark.parametrize(
        ("text", "fault"),
        [
            ("tls = 1", "expected a table"),
            ("[tls]\nfolder = 1", "expected a table"),
            ("[tls]\nfolders = '/a'", "unknown key 'folders'"),
            ("[tls]\nkey = '/a'", "does not name all"),
            ("[tls]", "does not name all"),
            ("[tls", "fand.toml: Expected"),
        ],
    )
    def test_it_falls_short(self, tmp_path: Path, text: str, fault: str) -> None:
        (tmp_path / "fand.toml").write_text(text)
        with pytest.raises(ConfigError, match=fault):
            find(FAR, {})

    def test_the_one_named_is_not_there(self) -> None:
        with pytest.raises(ConfigError, match=r"/nowhere.toml, named by the variable FAND_CONFIG: No such file"):
            find(FAR, {"FAND_CONFIG": "/nowhere.toml"})

    def test_one_that_is_for_others_says_nothing(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (tmp_path / "fand.toml").symlink_to("/proc/self/mem")  # opens, and cannot be read
        monkeypatch.setattr(os.path, "isfile", os.path.lexists)
        assert find(FAR, {}) is None


class TestFolders:
    def test_the_folder_of_the_host(self, tmp_path: Path) -> None:
        files = _accepted(tmp_path, "etc", "fand", "tls")
        assert find(FAR, {}) == files

    def test_not_for_this_host(self, tmp_path: Path) -> None:
        _accepted(tmp_path, "etc", "fand", "tls")
        assert find("localhost", {}) is None

    def test_the_folder_of_a_user_comes_first(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(os, "geteuid", lambda: 1000)
        host = _accepted(tmp_path, "etc", "fand", "tls")
        own = _accepted(tmp_path, "home", ".config", "fand", "tls")
        assert find(FAR, {"HOME": str(tmp_path / "home")}) == own
        assert find(FAR, {"HOME": str(tmp_path / "elsewhere")}) == host

    def test_of_another_place(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(os, "geteuid", lambda: 1000)
        assert folders({"XDG_CONFIG_HOME": "/x", "HOME": "/h"})[0] == "/x/fand/tls"
        assert folders({"XDG_CONFIG_HOME": "x", "HOME": "/h"})[0] == "/h/.config/fand/tls"
        assert len(folders({})) == 1

    def test_one_that_this_user_may_not_enter(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def refuse(path: str) -> None:
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr(os, "stat", refuse)
        with pytest.raises(ConfigError, match=r"this user may not read it: .*/certificate\.pem"):
            find(FAR, {})


class TestGiven:
    def test_a_folder(self) -> None:
        assert given(None, None, None, "/a") == in_folder("/a")

    @pytest.mark.parametrize(
        ("paths", "fault"),
        [
            (("/c", "/k", None, None), "does not name all"),
            (("/c", None, None, "/f"), "a folder and files"),
            (("c", "/k", "/a", None), "'c' is not an absolute path"),
            ((None, None, None, "f"), "'f' is not an absolute path"),
        ],
    )
    def test_it_falls_short(self, paths: tuple[str | None, ...], fault: str) -> None:
        with pytest.raises(ValueError, match=fault):
            given(*paths)


@pytest.mark.parametrize("address", ["localhost", "127.0.0.1", "127.0.1.1", "::1"])
def test_this_host(address: str) -> None:
    assert is_this_host(address)


@pytest.mark.parametrize("address", ["192.0.2.1", "127.example.org", "127.0.0.1.example.org", "1270.0.0.1", "::2"])
def test_another_host(address: str) -> None:
    assert not is_this_host(address)
