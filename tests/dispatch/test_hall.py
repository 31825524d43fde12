import pytest

from fand.dispatch import Hall
from fand.exceptions import RequestError, ShelfNotFoundError

from .halls import at, hall, instant, peer, shelf


def test_shelves_keep_their_order_and_are_found_by_name() -> None:
    where = hall(shelf("z"), shelf("a"))
    assert list(where.shelves) == ["z", "a"]
    assert where.shelf("a").name == "a"


def test_an_unknown_shelf_is_named_but_not_at_length() -> None:
    with pytest.raises(ShelfNotFoundError, match="no shelf is called 'nowhere'"):
        hall().shelf("nowhere")
    with pytest.raises(ShelfNotFoundError) as caught:
        hall().shelf("x" * 60_000)
    assert len(str(caught.value)) < 100


@pytest.mark.parametrize("name", [None, 3, True, b"shelf1", ["shelf1"], {"shelf1": 1}, ("shelf1",), float("nan")])
def test_what_is_no_text_names_no_shelf(name: object) -> None:
    with pytest.raises(RequestError, match="the name of a shelf is a text"):
        hall().shelf(name)


def test_who_leaves_is_pushed_nothing_any_more() -> None:
    where = Hall([shelf("a"), shelf("b")], instant)
    gone, stays = peer(), peer()
    for name in ("a", "b", "a"):
        where.subscribe(where.shelf(name), gone, at(0))
    where.subscribe(where.shelf("a"), stays, at(0))
    assert where.subscriptions(gone) == {where.shelf("a"), where.shelf("b")}
    where.leave(gone)
    assert list(where.shelf("a").subscribers) == [stays]
    assert not where.shelf("b").subscribers
    assert not where.subscriptions(gone)
    where.leave(peer())


def test_another_configuration_keeps_shelves_and_tells_which_are_gone() -> None:
    stays, goes = shelf("stays"), shelf("goes")
    where = hall(goes, stays)
    assert where.become([shelf("new"), stays]) == [goes]
    assert list(where.shelves) == ["new", "stays"]
    assert where.shelf("stays") is stays
    assert where.become(where.shelves.values()) == []


def test_a_shelf_that_came_anew_under_an_old_name_is_another() -> None:
    old, new = shelf("a"), shelf("a")
    where = hall(old)
    assert where.become([new]) == [old]
    assert where.shelf("a") is new
