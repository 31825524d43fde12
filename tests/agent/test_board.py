import select

from fand.agent.board import ALIVE, Board, emptied
from fand.agent.conversation import News
from fand.ports import Temperature
from fand.units import Celsius, Seconds

NEWS = News(Temperature(Celsius(40), Seconds(0)))


def test_the_last_reading_of_each_device_is_there() -> None:
    board = Board()
    assert board.news == {}
    board.put("sda", NEWS)
    board.put("sdb", NEWS)
    other = News(NEWS.reading)
    board.put("sda", other)
    assert board.news == {"sda": other, "sdb": NEWS}


def test_of_devices_that_are_no_more_nothing_is_kept() -> None:
    board = Board()
    board.put("sda", NEWS)
    board.put("sdb", NEWS)
    board.keep({"sdb", "sdc"})
    assert board.news == {"sdb": NEWS}


def test_who_waits_for_news_is_woken() -> None:
    board = Board()
    with board.watched() as one, board.watched() as other:
        assert select.select([one, other], [], [], 0)[0] == []
        board.put("sda", NEWS)
        assert select.select([one, other], [], [], 30)[0] == [one, other]
        emptied(one)
        assert select.select([one, other], [], [], 0)[0] == [other]
    board.put("sda", NEWS)


def test_who_does_not_look_holds_up_nothing() -> None:
    board = Board()
    with board.watched() as waker:
        for _ in range(10_000):
            board.put("sda", NEWS)
        emptied(waker)
        assert select.select([waker], [], [], 0)[0] == []


def test_the_sensors_are_looked_after_as_long_as_somebody_says_so() -> None:
    board = Board()
    assert not board.alive(Seconds(0))
    board.beat(Seconds(10))
    assert board.alive(Seconds(10 + ALIVE))
    assert not board.alive(Seconds(10.1 + ALIVE))
