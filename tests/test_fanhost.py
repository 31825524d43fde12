from pathlib import Path

import pytest

from fand.exceptions import ConfigError, ServerNoConfigError
from fand.fanhost import configured, main
from tests.fanclient.parts import logging_kept

CLIENT = """
[client]
shelf = "shelf1"
servers = ["nas:9998", "[2001:db8::1]"]
[[client.fans]]
name = "front"
fake = "/nowhere/duty"
"""
SERVER = """
[curves.drives]
points = [[30, 60]]
[shelves.shelf1]
curves = { hdd = "drives" }
devices = [{ fake = 30, family = "hdd" }]
"""


@pytest.fixture
def toml(tmp_path: Path) -> str:
    path = tmp_path / "fand.toml"
    path.write_text(CLIENT)
    return str(path)


def test_servers_are_those_of_the_file_unless_options_say_otherwise(toml: str) -> None:
    assert configured(toml, None, None).servers == (("nas", 9998), ("2001:db8::1", 9999))
    assert configured(toml, "localhost", None).servers == (("localhost", 9999),)
    assert configured(toml, "localhost", 7).servers == (("localhost", 7),)
    assert configured(toml, None, 7).servers == (("nas", 7), ("2001:db8::1", 7))


def test_a_file_without_a_client_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "fand.toml"
    path.write_text(SERVER)
    with pytest.raises(ConfigError, match=r"describes no fan client; add a table \[client\]"):
        configured(str(path), None, None)


def test_no_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ServerNoConfigError):
        configured(str(tmp_path / "none.toml"), None, None)


def test_what_the_user_can_mend_is_a_sentence_and_no_success(toml: str, capsys: pytest.CaptureFixture[str]) -> None:
    with logging_kept():
        assert main(["-c", toml, "-q"]) == 1
    assert capsys.readouterr().err.startswith("fand-client: fan front: cannot write /nowhere/duty")
    with logging_kept(), pytest.raises(SystemExit) as caught:
        main(["-p", "many"])
    assert caught.value.code == 2
    assert "'many' is not a port" in capsys.readouterr().err
