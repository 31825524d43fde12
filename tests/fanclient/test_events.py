from fand.fanclient.events import CROWDED, Answer, Board, Event, FanReport, Missed, Post, Stop
from fand.units import Percent, Rpm, Seconds


def test_events_come_out_in_order_and_together() -> None:
    post = Post()
    events: list[Event] = [Answer(0, Percent(40), Seconds(1)), Missed(0), Stop()]
    for event in events:
        post.put(event)
    assert post.get(Seconds(60)) == events
    assert post.get(Seconds(-1)) == []


def test_a_crowd_is_taken_piece_by_piece_and_told() -> None:
    post = Post()
    for number in range(CROWDED + 5):
        assert post.crowded == (number >= CROWDED)
        post.put(Missed(number))
    assert len(post.get(Seconds(0))) == CROWDED
    assert not post.crowded
    assert post.get(Seconds(0)) == [Missed(CROWDED + number) for number in range(5)]


def test_a_report_tells_the_fans_until_the_loop_has_been_silent_for_a_lease() -> None:
    board = Board((FanReport("front", Rpm(1500), Percent(40), "ok"),), Seconds(100))
    assert board.report(Seconds(20), Seconds(120)) == board.fans
    assert board.report(Seconds(20), Seconds(120.1)) == (FanReport("front", None, None, "fault"),)
