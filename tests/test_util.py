"""fand.util: the end of a program, and what its beginning has in common with the others."""

from fand.util import Termination


def test_handlers_run_once_the_last_first() -> None:
    end = Termination()
    calls: list[str] = []
    end.when(lambda: calls.append("first"))
    end.when(lambda: calls.append("second"))
    end.terminate()
    end.terminate()
    assert calls == ["second", "first"]


def test_no_sleep_once_terminating() -> None:
    end = Termination()
    end.begin()
    end.sleep(3600)
    end.sleep(3600)
    assert end.begun
