"""Options, the way to the server, and the answer in print."""

import json
import logging
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from fand.exceptions import ConnectionFailedError, FanctlActionBadValue
from fand.fanctl.command import Options, parse, run, server
from fand.util import DEFAULT_PORT
from tests.server.processes import Server, running, write_shelf


@pytest.fixture(autouse=True)
def _logging_as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.fixture
def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port: int = gone.getsockname()[1]
    return port


@pytest.mark.parametrize(
    ("line", "options"),
    [
        ("ping", Options("ping", [])),
        ("get-pwm shelf1", Options("get-pwm", ["shelf1"])),
        ("-a nas -p 1 get-pwm shelf1", Options("get-pwm", ["shelf1"], "nas", 1)),
        ("-p 1 -a 192.0.2.7 ping", Options("ping", [], "192.0.2.7", 1)),
        ("-a my-nas_2.example.org ping", Options("ping", [], "my-nas_2.example.org")),
        ("-a ::1 ping", Options("ping", [], "::1")),
        ("-a /run/fand.sock ping", Options("ping", [], "/run/fand.sock")),
        ("-p 1 -p 2 ping", Options("ping", [], None, 2)),
        ("get-pwm -a nas shelf1 --port 1", Options("get-pwm", ["shelf1"], "nas", 1)),
        ("status --json", Options("status", [], json=True)),
        ("-vvq ping", Options("ping", [])),
        ("set-pwm-override shelf1 -5", Options("set-pwm-override", ["shelf1", "-5"])),
        ("raw set_rpm shelf1 -- -x", Options("raw", ["set_rpm", "shelf1", "-x"])),
    ],
)
def test_options_stand_anywhere(line: str, options: Options) -> None:
    assert parse(line.split()) == options


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("", "the following arguments are required: ACTION\n"),
        ("-p 99999 ping", "'99999' is not a port"),
        ("-p 1.5 ping", "'1.5' is not a port"),
        ("-a nas:1 ping", "'nas:1' is no host"),
        ("-a nas -p 1", "the following arguments are required: ACTION\n"),
        ("--nosuch ping", "unrecognized arguments: --nosuch"),
    ],
)
def test_wrong_options_are_status_2(line: str, sentence: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        parse(line.split())
    assert caught.value.code == 2
    assert sentence in capsys.readouterr().err


def test_help_names_every_action_within_80_columns(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        parse(["--help"])
    out = capsys.readouterr().out
    assert caught.value.code == 0
    assert "  set-pwm-override SHELF PERCENT|none\n" in out
    assert max(map(len, out.splitlines())) <= 80


@pytest.mark.parametrize(
    ("options", "variable", "where"),
    [
        (Options("ping", []), "", (None, DEFAULT_PORT)),
        (Options("ping", [], None, 1), "", (None, 1)),
        (Options("ping", [], "nas", 1), "pi:2", ("nas", 1)),
        (Options("ping", [], "nas"), "pi:2", ("nas", DEFAULT_PORT)),
        (Options("ping", []), "pi", ("pi", DEFAULT_PORT)),
        (Options("ping", []), "pi:2", ("pi", 2)),
        (Options("ping", [], None, 1), "pi:2", ("pi", 1)),
        (Options("ping", []), "[::1]:2", ("::1", 2)),
        (Options("ping", []), "[::1]", ("::1", DEFAULT_PORT)),
        (Options("ping", []), "fe80::1", ("fe80::1", DEFAULT_PORT)),
        (Options("ping", []), "/run/a:1.sock", ("/run/a:1.sock", DEFAULT_PORT)),
        (Options("ping", [], "/run/a.sock"), "pi:2", ("/run/a.sock", DEFAULT_PORT)),
    ],
)
def test_where_the_server_is(options: Options, variable: str, where: tuple[str | None, int]) -> None:
    assert server(options, variable) == where


@pytest.mark.parametrize("variable", [":1", "pi:", "pi:x", "pi:99999", "[]:1", "p\udcff", "\t", "/\t"])
def test_a_variable_that_names_no_server(variable: str) -> None:
    with pytest.raises(FanctlActionBadValue, match=r"FAND_SERVER is '.*'; it has to be like"):
        server(Options("ping", []), variable)


def test_the_server_on_this_host_is_found_without_an_address(
    server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    run(["-p", str(server.port), "ping"], {})
    assert capsys.readouterr().out == "ok\n"


def test_nobody_there_is_told_with_the_remedy(closed_port: int) -> None:
    with pytest.raises(ConnectionFailedError) as caught:
        run(["-p", str(closed_port), "ping"], {})
    assert str(caught.value) == (
        f"no connection to localhost:{closed_port}: Connection refused; is fand-server running there?"
    )


def test_an_address_that_was_given_is_the_only_one_tried(closed_port: int) -> None:
    with pytest.raises(ConnectionFailedError, match=f"no connection to 127.0.0.1:{closed_port}: Connection refused"):
        run(["-a", "127.0.0.1", "-p", str(closed_port), "ping"], {})


def test_a_name_that_is_no_host_is_told(closed_port: int) -> None:
    with pytest.raises(ConnectionFailedError, match=r"nosuch\.invalid port") as caught:
        run(["-a", "nosuch.invalid", "-p", str(closed_port), "ping"], {})
    assert "fand-server" not in str(caught.value)
    assert str(caught.value).endswith("; is the address right?")


def test_the_port_stands_apart_from_an_address_of_ipv6() -> None:
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as server:
        port = server.getsockname()[1]
    with pytest.raises(ConnectionFailedError, match=rf"no connection to \[::1\]:{port}: Connection refused"):
        run(["-a", "[::1]", "-p", str(port), "ping"], {})


def test_a_unix_socket_is_named_by_its_path(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, config = str(tmp_path / "a:1.sock"), write_shelf(tmp_path, "{ fake = 32 }")
    config.write_text(config.read_text() + f'[server]\nsocket = "{path}"\n')
    with running(config):
        run(["-a", path, "ping"], {})
        run(["ping"], {"FAND_SERVER": path})
    assert capsys.readouterr().out == "ok\nok\n"
    with socket.socket(socket.AF_UNIX) as left_behind:
        left_behind.bind(path)
    with pytest.raises(ConnectionFailedError) as caught:
        run(["-a", path, "ping"], {})
    assert str(caught.value) == f"no connection to {path}: Connection refused; is fand-server running there?"


def test_a_server_that_listens_on_the_hosts_name_only(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # 127.0.0.2 is loopback too, but not what localhost is
    monkeypatch.setattr("socket.gethostname", lambda: "127.0.0.2")
    with running(write_shelf(tmp_path, "{ fake = 32 }"), "-a", "127.0.0.2") as elsewhere:
        run(["-p", str(elsewhere.port), "ping"], {})
    assert capsys.readouterr().out == "ok\n"


def test_answers_as_json(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    where = {"FAND_SERVER": f"127.0.0.1:{server.port}"}

    def answer(*words: str) -> object:
        run([*words, "--json"], where)
        return json.loads(capsys.readouterr().out)

    assert answer("ping") == "ok"
    assert answer("get-pwm", "shelf1") == 35
    assert answer("list") == ["shelf1"]
    assert answer("raw", "get_pwm", "shelf1") == {"request": "set_pwm", "args": ["shelf1", 35]}
    one, every = answer("status", "shelf1"), answer("status")
    assert isinstance(one, dict)
    assert isinstance(every, list)
    assert one["shelf"] == every[0]["shelf"] == "shelf1"
    assert [device["name"] for device in one["devices"]] == ["S1", "S2"]
