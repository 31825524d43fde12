import threading

import pytest

from fand.fanclient.crew import Crew, in_turn
from fand.units import Seconds

PATIENCE = Seconds(30)
NO_PATIENCE = Seconds(0.05)


def test_in_turn_each_is_done_here_and_now() -> None:
    here = threading.get_ident()
    assert in_turn({0: threading.get_ident, 7: lambda: 5}) == {0: here, 7: 5}


def test_each_fan_has_a_thread_of_its_own_and_keeps_it() -> None:
    crew = Crew(PATIENCE)
    both = threading.Barrier(2)
    first = crew({0: lambda: (both.wait(30), threading.get_ident())[1], 1: lambda: (both.wait(30), 1)[1]})
    assert first[1] == 1
    assert crew({0: threading.get_ident}) == {0: first[0]}
    assert first[0] != threading.get_ident()


def test_what_hangs_is_left_alone_until_it_is_done_and_holds_up_nobody() -> None:
    crew, gate, begun = Crew(NO_PATIENCE), threading.Event(), threading.Event()

    def hang() -> int:
        begun.set()
        assert gate.wait(30)
        return 0

    patient = Crew(PATIENCE)
    assert crew({0: hang}) == {}
    assert begun.wait(30)
    assert crew({0: lambda: pytest.fail("begun beside a job that hangs")}) == {}
    assert patient({1: lambda: 1}) == {1: 1}
    gate.set()
    while (done := crew({0: lambda: 3})) == {}:
        pass
    assert done == {0: 3}


def test_a_job_that_dies_is_told_and_its_thread_lives_on(caplog: pytest.LogCaptureFixture) -> None:
    def die() -> int:
        raise SystemExit("of a driver")

    crew = Crew(PATIENCE)
    assert crew({0: die}) == {}
    assert "SystemExit: of a driver" in caplog.text
    assert crew({0: lambda: 1}) == {0: 1}
