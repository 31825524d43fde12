import pytest

from fand.dispatch.agenda import Agenda
from fand.units import Seconds


@pytest.fixture
def agenda() -> Agenda[str]:
    made: Agenda[str] = Agenda()
    for what, due in (("late", 9), ("b", 2), ("a", 1), ("second", 2)):
        made.put(what, Seconds(due))
    return made


def test_what_is_due_is_taken_in_its_order_and_once(agenda: Agenda[str]) -> None:
    assert not agenda.is_due(Seconds(0))
    assert agenda.take(Seconds(0), 10) == []
    assert agenda.is_due(Seconds(2))
    assert agenda.take(Seconds(2), 10) == ["a", "b", "second"]
    assert agenda.take(Seconds(2), 10) == []
    assert agenda.take(Seconds(9), 10) == ["late"]


def test_no_more_is_taken_than_is_wanted(agenda: Agenda[str]) -> None:
    assert [agenda.take(Seconds(9), 3), agenda.take(Seconds(9), 3)] == [["a", "b", "second"], ["late"]]


def test_a_thing_can_be_brought_forward_but_not_put_off(agenda: Agenda[str]) -> None:
    agenda.put("late", Seconds(3))
    agenda.put("late", Seconds(8))
    agenda.put("a", Seconds(5))
    assert agenda.take(Seconds(3), 10) == ["a", "b", "second", "late"]
    assert agenda.take(Seconds(99), 10) == []
    agenda.put("late", Seconds(100))
    assert agenda.take(Seconds(100), 10) == ["late"]
