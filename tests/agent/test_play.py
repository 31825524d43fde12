"""An agent's protocol in the worst of networks, in made time; play.py has the stage."""

import pytest

from fand.dispatch.mailbox import SILENCE
from fand.ports import Failed

from .play import INTERVAL, Play

SEEDS = range(12)


def trouble(play: Play) -> None:
    """Something happens to the network or to the agent."""
    match play.chance.randrange(6):
        case 0:
            play.darken(play.chance.uniform(1, 90))
        case 1:
            play.kill()
            play.run(play.chance.uniform(0.1, 60))
            play.start()
        case 2:
            play.hold(play.chance.uniform(1, 120))
        case 3:
            play.hold(play.chance.uniform(1, 120))
            play.run(play.chance.uniform(0, 30))
            play.kill()
            play.start()
        case 4:
            play.drop()
        case _:
            play.run(play.chance.uniform(1, 20))


@pytest.mark.parametrize("seed", SEEDS)
def test_s3_no_reading_is_taken_for_younger_than_it_is(seed: int) -> None:
    play = Play(seed, None)
    for _ in range(8):
        play.run(play.chance.uniform(1, 30))
        trouble(play)
    play.run(200)
    assert play.duty < 100
    last = play.box.last
    assert last is not None
    assert play.now - last.reading.at <= INTERVAL + 1.5


@pytest.mark.parametrize("seed", SEEDS)
def test_s5_no_reading_counts_twice(seed: int) -> None:
    play = Play(seed, 1.0)
    for _ in range(8):
        play.run(play.chance.uniform(1, 30))
        before = play.heard, play.readings
        trouble(play)
        assert play.heard - before[0] <= play.readings - before[1] + 1, "one may have been under way"
    assert play.heard <= play.readings


@pytest.mark.parametrize("seed", SEEDS)
def test_s2_half_a_minute_without_a_word_is_full_speed(seed: int) -> None:
    play = Play(seed, None)
    play.run(30)
    assert play.duty < 100
    play.darken(1000)
    play.run(32)
    assert play.duty == 100
    assert isinstance(play.shelf.devices[0].track.failure, Failed)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_report_that_was_held_up_for_a_minute_does_not_make_the_device_good(seed: int) -> None:
    play = Play(seed, None)
    play.run(30)
    play.darken(60)
    play.run(2 * SILENCE)
    play.kill()  # what it had sent is under way all the same
    play.run(60 - 2 * SILENCE + 1)
    assert play.duty == 100


def test_an_agent_that_is_only_restarted_is_not_missed() -> None:
    play = Play(1, None)
    play.run(30)
    for _ in range(5):
        play.kill()
        play.run(2)
        play.start()
        play.run(10)
        assert play.duty < 26
