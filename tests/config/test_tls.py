"""What a file says of certificates, and who may connect by the file beside them."""

from pathlib import Path

import pytest

from fand.config import AllowConfig, Config
from fand.exceptions import ConfigError
from fand.tls import Files, in_folder
from tests.certificates import Pki

from .hand_made import read

SHELF = """
[curves.drives]
points = [[30, 25], [40, 100]]
[shelves.shelf1]
curves = { hdd = "drives" }
devices = [{ drive = "S1" }]
"""
CLIENT = """
[client]
shelf = "shelf1"
[[client.fans]]
name = "front"
hwmon = "nct6798"
pwm = 1
"""


def _faults(text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        read(text)
    return [fault.removeprefix("f: ") for fault in caught.value.faults]


def _server(folder: Path) -> str:
    return f'{SHELF}[server.tls]\nfolder = "{folder}"\n'


def _allowed(config: Config) -> tuple[AllowConfig, ...]:
    assert config.server is not None
    return config.server.allow


class TestServer:
    def test_files(self) -> None:
        config = read(f'{SHELF}[server.tls]\ncertificate = "/c"\nkey = "/k"\nauthority = "/a"\n')
        assert config.server is not None
        assert config.server.tls == Files("/c", "/k", "/a")

    def test_a_folder_at_any_address(self, tmp_path: Path) -> None:
        config = read(f'{SHELF}[server]\naddress = "0.0.0.0"\n[server.tls]\nfolder = "{tmp_path}"\n')
        assert config.server is not None
        assert config.server.tls == in_folder(str(tmp_path))

    def test_not_beside_plain(self) -> None:
        (fault,) = _faults(f'{SHELF}[server]\nplain = true\n[server.tls]\nfolder = "/f"\n')
        assert fault.startswith("server.plain: cannot be with [server.tls]")

    def test_without_either_an_address_is_refused(self) -> None:
        (fault,) = _faults(f'{SHELF}[server]\naddress = "0.0.0.0"\n')
        assert "give [server.tls], or say plain = true" in fault

    @pytest.mark.parametrize(
        ("table", "fault"),
        [
            ("", "server.tls: does not name all of certificate, key and authority; name each, or their folder"),
            ('folder = "f"', "server.tls: 'f' is not an absolute path"),
            ('folder = "/f"\nkey = "/k"', "server.tls: names a folder and files; either will do"),
            ('folders = "/f"', "server.tls: unknown key 'folders'; did you mean 'folder'?"),
        ],
    )
    def test_it_falls_short(self, table: str, fault: str) -> None:
        assert fault in _faults(f"{SHELF}[server.tls]\n{table}\n")

    @pytest.mark.parametrize("value", ["1", '"/f"', "[]"])
    def test_it_is_no_table(self, value: str) -> None:
        (fault,) = _faults(f"{SHELF}[server]\ntls = {value}\n")
        assert fault.startswith("server.tls: expected a table, not")


class TestAllowFile:
    def test_what_pki_writes(self, tmp_path: Path) -> None:
        pki = Pki(tmp_path)
        pki("client", "pi1", "--role", "report", "--shelf", "shelf1")
        pki("client", "ann", "--role", "read", "--role", "control")
        assert _allowed(read(_server(pki.path))) == (
            AllowConfig("pi1", None, None, frozenset({"report"}), frozenset({"shelf1"})),
            AllowConfig("ann", None, None, frozenset({"read", "control"})),
        )

    def test_there_is_none(self, tmp_path: Path) -> None:
        assert _allowed(read(_server(tmp_path))) == ()

    def test_it_counts_beside_the_configuration(self, tmp_path: Path) -> None:
        (tmp_path / "allow.toml").write_text('[[allow]]\nname = "pi1"\nroles = ["read"]\n')
        text = _server(tmp_path) + '[[server.allow]]\nname = "pi2"\nroles = ["read"]\n'
        assert [entry.name for entry in _allowed(read(text))] == ["pi2", "pi1"]

    @pytest.mark.parametrize(
        ("text", "fault"),
        [
            ("[", "server.tls.'allow.toml': allow.toml: end of document: Invalid"),
            ("\xff", "server.tls.'allow.toml': cannot be read: it is not UTF-8 text"),
            (
                '[[allow]]\nuser = "1234"\nroles = ["control"]',
                "server.tls.'allow.toml': user '1234' has no certificate; put the entry into [[server.allow]]",
            ),
            ("allows = 1", "server.tls.'allow.toml': unknown key 'allows'; did you mean 'allow'?"),
            (
                '[[allow]]\nname = "pi2"\nroles = ["report"]',
                "server.tls.'allow.toml': name 'pi2' has an entry in [[server.allow]] too; take one of them out",
            ),
        ],
    )
    def test_it_falls_short(self, tmp_path: Path, text: str, fault: str) -> None:
        (tmp_path / "allow.toml").write_bytes(text.encode("latin-1"))
        (found,) = _faults(_server(tmp_path) + '[[server.allow]]\nname = "pi2"\nroles = ["read"]\n')
        assert found.startswith(fault)

    def test_a_shelf_that_is_not_there_is_a_warning(self, tmp_path: Path) -> None:
        pki = Pki(tmp_path)
        pki("client", "pi1", "--role", "report", "--shelf", "shelf1")
        pki("client", "pi2", "--role", "report", "--shelf", "shelf9")
        config = read(_server(pki.path))
        assert [entry.name for entry in _allowed(config)] == ["pi1", "pi2"]
        assert config.warnings == (
            "f: server.tls.'allow.toml'.allow[2].shelves[1]: there is no shelf 'shelf9', so pi2 is granted nothing "
            "there; did you mean 'shelf1'?",
        )

    def test_it_is_no_file(self, tmp_path: Path) -> None:
        (tmp_path / "allow.toml").mkdir()
        assert _faults(_server(tmp_path)) == ["server.tls.'allow.toml': cannot be read: Is a directory"]

    def test_of_a_relative_folder_nothing_is_read(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        Path("pki").mkdir()
        Path("pki/allow.toml").write_text("[")
        assert _faults(_server(Path("pki"))) == ["server.tls: 'pki' is not an absolute path"]


class TestClient:
    def test_its_files(self) -> None:
        config = read(f'{CLIENT}[tls]\nfolder = "/f"\n')
        assert config.client is not None
        assert config.client.tls == in_folder("/f")

    def test_none(self) -> None:
        config = read(CLIENT)
        assert config.client is not None
        assert config.client.tls is None

    @pytest.mark.parametrize(
        ("table", "fault"),
        [('key = "/k"', "tls: does not name all"), ("key = 1", "tls.key: expected text, not 1")],
    )
    def test_it_falls_short(self, table: str, fault: str) -> None:
        assert any(found.startswith(fault) for found in _faults(f"{CLIENT}[tls]\n{table}\n"))
