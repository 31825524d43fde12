"""The whole server: a real process, real sockets."""

import signal
from pathlib import Path

import pytest

from fand.wire import Request

from .processes import running, write_shelf


def test_a_shelf_is_served(tmp_path: Path) -> None:
    with running(write_shelf(tmp_path, "{ fake = 32 }")) as server, server.talk() as talk:
        talk.send(Request.SUBSCRIBE_PWM, "shelf1")
        while (told := talk.reply()) == (Request.SET_PWM, ("shelf1", 100)):
            pass
        assert told == (Request.SET_PWM, ("shelf1", 35))
        assert talk.ask(Request.PING) == (Request.ACK, ())
        assert talk.ask(Request.GET_PWM, "shelf1") == (Request.SET_PWM, ("shelf1", 35))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_it_with_a_word_to_its_clients(tmp_path: Path, number: int) -> None:
    with running(write_shelf(tmp_path, "{ fake = 32 }")) as server, server.talk() as talk:
        assert talk.ask(Request.PING) == (Request.ACK, ())
        assert server.stop(number) == ""
        assert talk.reply() == (Request.DISCONNECT, ("the server stops",))
        assert talk.closed()
        assert server.process.returncode == 0
