"""Every action, against the real server."""

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from fand.client import Client
from fand.exceptions import FanctlActionBadValue
from fand.fanctl import main
from fand.fanctl.actions import ACTIONS, call
from fand.wire import Request, encode
from tests.fanctl.conftest import Fanctl, Scripted
from tests.server.processes import Server, running, write_shelf


@pytest.fixture
def client(server: Server) -> Client:
    """Another client of the server, to see what fanctl has done."""
    return Client("127.0.0.1", server.port)


def override(client: Client) -> dict[str, Any]:
    with client:
        found: dict[str, Any] = client.status("shelf1")["override"]
        return found


def test_the_actions_of_0_1_1_are_there() -> None:
    old = {"ping", "get-pwm", "get-rpm", "set-pwm-override", "set-pwm-expire-in", "set-pwm-expire-on", "raw"}
    assert old <= set(ACTIONS)


def test_ping(fanctl: Fanctl) -> None:
    assert fanctl("ping") == (0, "ok\n", "")


def test_list_prints_a_shelf_a_line(fanctl: Fanctl) -> None:
    assert fanctl("list") == (0, "shelf1\n", "")


def test_get_pwm_prints_a_bare_number(fanctl: Fanctl) -> None:
    assert fanctl("get-pwm", "shelf1") == (0, "35\n", "")


def test_get_rpm_prints_what_was_reported(fanctl: Fanctl, server: Server) -> None:
    for rpm, shown in ((1500, "1500\n"), (1500.0, "1500\n"), (1500.5, "1500.5\n")):
        with server.talk() as talk:
            assert talk.ask(Request.SET_RPM, "shelf1", rpm) == (Request.ACK, ())
            assert fanctl("get-rpm", "shelf1") == (0, shown, "")


def test_an_override_comes_and_goes(fanctl: Fanctl) -> None:
    for text, shown in (("80", "80\n"), ("62.5", "62.5\n"), ("100%", "100\n"), ("0", "0\n"), ("NONE", "35\n")):
        assert fanctl("set-pwm-override", "shelf1", text) == (0, "ok\n", "")
        assert fanctl("get-pwm", "shelf1") == (0, shown, "")


@pytest.mark.parametrize("text", ["101", "nan", "inf", "fast", "", "%", "9" * 5000])
def test_a_duty_out_of_range_is_not_sent(text: str) -> None:
    with pytest.raises(FanctlActionBadValue, match="is not a number from 0 to 100, nor 'none'") as caught:
        call("set-pwm-override", ["shelf1", text])
    assert len(str(caught.value)) < 120


def test_an_override_ends_after_a_duration(fanctl: Fanctl, client: Client) -> None:
    assert fanctl("set-pwm-override", "shelf1", "80")[0] == 0
    before = time.time()
    assert fanctl("set-pwm-expire-in", "shelf1", "1.5h") == (0, "ok\n", "")
    assert before + 5400 - 1 < override(client)["until"] < time.time() + 5400 + 1


def test_an_override_ends_on_a_date(fanctl: Fanctl, client: Client) -> None:
    assert fanctl("set-pwm-override", "shelf1", "80")[0] == 0
    assert fanctl("set-pwm-expire-on", "shelf1", "2190-12-29T01:01:59+01:00") == (0, "ok\n", "")
    assert override(client)["until"] == datetime(2190, 12, 29, 0, 1, 59, tzinfo=UTC).timestamp()


def test_a_date_without_an_offset_is_in_the_servers_time(fanctl: Fanctl, client: Client) -> None:
    assert fanctl("set-pwm-override", "shelf1", "80")[0] == 0
    assert fanctl("set-pwm-expire-on", "shelf1", "2190-12-29 01:01") == (0, "ok\n", "")
    assert override(client)["until"] == datetime(2190, 12, 29, 1, 1).timestamp()  # the server's is ours


@pytest.mark.parametrize("action", ["set-pwm-expire-in", "set-pwm-expire-on"])
@pytest.mark.parametrize("text", ["none", "Never"])
def test_an_override_without_an_end(fanctl: Fanctl, client: Client, action: str, text: str) -> None:
    assert fanctl("set-pwm-override", "shelf1", "80")[0] == 0
    assert fanctl(action, "shelf1", text) == (0, "ok\n", "")
    assert override(client)["until"] is None


def test_a_date_that_has_passed_is_refused(fanctl: Fanctl) -> None:
    past = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
    status, out, err = fanctl("set-pwm-expire-on", "shelf1", past)
    assert (status, out) == (1, "")
    assert "past" in err


def test_status_of_one_shelf_and_of_all(fanctl: Fanctl) -> None:
    status, out, err = fanctl("status", "shelf1")
    assert (status, err) == (0, "")
    lines = out.splitlines()
    assert lines[0] == "shelf1"
    assert lines[1].split() == ["duty", "35", "%"]
    assert any(line.split()[:4] == ["1,1", "S1", "hdd", "32.0"] for line in lines)
    assert any(line.endswith("asleep") for line in lines)
    assert fanctl("status")[1].splitlines()[0] == "shelf1"


@pytest.mark.parametrize("words", [["list"], ["status"], ["status", "shelf1"], ["reload"]])
def test_a_server_of_0_1_1_hangs_up_on_what_it_does_not_know(
    words: list[str], scripted: Scripted, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    port = scripted(encode(Request.DISCONNECT, (None,)))
    monkeypatch.setenv("FAND_SERVER", f"127.0.0.1:{port}")
    assert main(words) == 1
    assert capsys.readouterr().err.endswith("; servers of fand 0.1.1 know no list, status or reload\n")


def test_s11_reload_tells_what_is_wrong_and_nothing_has_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fanctl(*words: str) -> tuple[int, str, str]:
        return (main(words), *capsys.readouterr())

    path = write_shelf(tmp_path, '{ fake = 32, name = "S1" }')
    good = path.read_text()
    with running(path) as server:
        monkeypatch.setenv("FAND_SERVER", f"127.0.0.1:{server.port}")
        path.write_text(good.replace("devices", "flor = 3\ndevcies"))
        status, out, err = fanctl("reload")
        assert (status, out) == (1, "")
        assert err.startswith("fanctl: ")
        assert f"{path}: shelves.shelf1: unknown key 'flor'; did you mean 'floor'?" in err
        assert err.endswith(" more, see the server's log\n")
        assert fanctl("list") == (0, "shelf1\n", "")
        path.write_text(good.replace("shelf1", "renamed"))
        assert fanctl("reload") == (0, "ok\n", "")
        assert fanctl("list") == (0, "renamed\n", "")


def test_status_of_an_unknown_shelf(fanctl: Fanctl) -> None:
    status, out, err = fanctl("status", "nosuch")
    assert (status, out) == (1, "")
    assert "nosuch" in err
    assert "0.1.1" not in err


def test_raw_prints_the_answer_as_0_1_1_does(fanctl: Fanctl) -> None:
    assert fanctl("raw", "get_pwm", "shelf1") == (0, "Request.SET_PWM('shelf1', 35)\n", "")
    assert fanctl("raw", "Request.PING") == (0, "Request.ACK()\n", "")


@pytest.mark.parametrize(
    ("words", "syntax"),
    [
        (["ping", "shelf1"], "fanctl ping$"),
        (["get-pwm"], "cannot use 0 arguments; it is used as: fanctl get-pwm SHELF$"),
        (["get-pwm", "a", "b"], "cannot use 2 arguments"),
        (["status", "a", "b"], r"fanctl status \[SHELF\]$"),
        (["set-pwm-override", "shelf1"], r"cannot use 1 argument; .* SHELF PERCENT\|none$"),
        (["raw"], r"fanctl raw REQUEST \[ARG\.\.\.\]$"),
    ],
)
def test_too_many_or_too_few_arguments(words: list[str], syntax: str) -> None:
    with pytest.raises(FanctlActionBadValue, match=syntax):
        call(words[0], words[1:])


def test_bytes_that_are_no_text_are_told_before_anybody_is_asked() -> None:
    with pytest.raises(FanctlActionBadValue, match=r"argument 's\\udcff' is not text in the encoding"):
        call("get-pwm", ["s\udcff"])


@pytest.mark.parametrize(
    ("name", "meant"),
    [("get_pwm", "'get-pwm'"), ("Status", "'status'"), ("set-pwm-expire", "'set-pwm-expire-"), ("frobnicate", "")],
)
def test_an_unknown_action_and_what_was_meant(name: str, meant: str) -> None:
    with pytest.raises(FanctlActionBadValue, match=f"unknown action '{name}'") as caught:
        call(name, [])
    assert ("did you mean" in str(caught.value)) is bool(meant)
    assert meant in str(caught.value)
