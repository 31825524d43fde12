import asyncio
import os
import signal
from collections.abc import Callable

import pytest

from fand.signals import ENDS, heeded


def _told(number: int) -> list[str]:
    """What is called when this process gets signal ``number``."""

    async def main() -> list[str]:
        heard: list[str] = []
        come = asyncio.Event()

        def hear(what: str) -> Callable[[], None]:
            def call() -> None:
                asyncio.get_running_loop()  # which is where it is called
                heard.append(what)
                come.set()

            return call

        with heeded(asyncio.get_running_loop(), hear("stop"), hear("reload")):
            os.kill(os.getpid(), number)
            await asyncio.wait_for(come.wait(), 10)
        return heard

    return asyncio.run(main())


@pytest.mark.parametrize("number", ENDS)
def test_a_signal_to_end_stops_the_daemon(number: int) -> None:
    assert _told(number) == ["stop"]


def test_a_hangup_has_the_configuration_read_again() -> None:
    assert _told(signal.SIGHUP) == ["reload"]


def test_each_signal_does_again_what_it_did_before() -> None:
    before = [signal.getsignal(number) for number in (*ENDS, signal.SIGHUP)]
    _told(signal.SIGHUP)
    assert [signal.getsignal(number) for number in (*ENDS, signal.SIGHUP)] == before


def test_a_hangup_is_never_given_to_the_system() -> None:
    """Its default is the end of the process: whoever ignored it before ignores it again, though an error came."""

    async def main() -> None:
        with heeded(asyncio.get_running_loop(), int, int):
            raise RuntimeError

    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with pytest.raises(RuntimeError):
            asyncio.run(main())
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)
