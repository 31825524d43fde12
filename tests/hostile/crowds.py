"""Attacks by how many come, and how much they ask."""

from collections.abc import Iterator
from typing import Final

from fand.wire import Request, encode
from tests.hostile.attack import Attack, Play, frame
from tests.hostile.flood import Manner, crowd
from tests.hostile.live import Live
from tests.wire import attacks as wire

PING: Final = encode(Request.PING, ())
GET_PWM: Final = encode(Request.GET_PWM, ("shelf1",))
STATUS: Final = encode(Request.GET_STATUS, ("shelf1",))
UNKNOWN: Final = encode(Request.GET_PWM, ("nowhere",))
HOSTS: Final = tuple(f"127.0.0.{number}" for number in range(2, 42))

_WAITS: Final = "answered in turn; others are answered between"


def _crowd(count: int, manner: Manner, enough: int, sources: tuple[str, ...] = ("127.0.0.1",)) -> Play:
    """A crowd of so many; others are served once it has sent ``enough`` bytes, and once it has sent twice as much."""

    def play(live: Live) -> Iterator[None]:
        with crowd(live.port, count, manner, sources) as there:
            for times in (1, 2):
                there.until(lambda crowd, least=enough * times: crowd.sent >= least)  # type: ignore[misc]
                yield

    return play


def _came(count: int, manner: Manner, enough: int, sources: tuple[str, ...] = ("127.0.0.1",)) -> Play:
    """The same, counted by the connections that were made."""

    def play(live: Live) -> Iterator[None]:
        with crowd(live.port, count, manner, sources) as there:
            for times in (1, 2):
                there.until(lambda crowd, least=enough * times: crowd.came >= least)  # type: ignore[misc]
                yield

    return play


def _spellings() -> bytes:
    """GET_PWM of one shelf, written in 1,500 ways: by how often what stands there is put into the memo."""
    head = wire.PROTO + wire.REQUEST + wire.text("get_pwm") + b"\x85R"
    return b"".join(frame(head + b"\x94" * count + wire.text("shelf1") + b"\x85\x86.") for count in range(1500))


def _strangers_go(live: Live) -> Iterator[None]:
    """All places are taken by who asks nothing; a newcomer that asks gets one."""
    with crowd(live.port, 60, Manner(b"9", endless=False)) as there:
        there.until(lambda crowd: crowd.let_go > 0)
        yield


_MANY: Final = "connections = 40\nper_peer = 30"


def _full(live: Live) -> Iterator[None]:
    with crowd(live.port, 100, Manner(PING, endless=False), HOSTS) as there:
        there.until(lambda crowd: crowd.let_go >= 50)
        yield


ATTACKS: Final = (
    Attack("flood: PING", "One connection sends PING without end.", _WAITS, _crowd(1, Manner(PING), 2_000_000)),
    Attack(
        "flood: GET_PWM",
        "One connection asks for the duty without end.",
        _WAITS,
        _crowd(1, Manner(GET_PWM), 2_000_000),
    ),
    Attack(
        "flood: GET_STATUS",
        "Twenty connections ask for the longest answer there is, without end.",
        _WAITS,
        _crowd(20, Manner(STATUS), 500_000),
    ),
    Attack(
        "flood: of many",
        "Two hundred connections send PING without end.",
        _WAITS,
        _crowd(200, Manner(PING), 4_000_000),
    ),
    Attack(
        "flood: of many, unread",
        "Two hundred connections ask for the status without end, and read nothing.",
        "not read from any more; dropped after 30 seconds",
        _crowd(200, Manner(STATUS, reads=False), 2_000_000),
    ),
    Attack(
        "flood: of single bytes",
        "A hundred connections send requests without end, in packets of one byte.",
        _WAITS,
        _crowd(100, Manner(STATUS, step=1), 50_000),
    ),
    Attack(
        "flood: of refusals",
        "Twenty connections ask for a shelf that is not there, are refused, and come again at once.",
        "refused each time: no shelf is called 'nowhere'",
        _came(20, Manner(UNKNOWN), 500),
    ),
    Attack(
        "flood: of bad payloads",
        "Five connections send the longest payload that nests without end, are refused, and come again at once.",
        "refused each time: the payload nests deeper than 8",
        _came(5, Manner(frame(wire.ALL["60,000 tuples, one in another"])), 50),
    ),
    Attack(
        "flood: of connections",
        "Connections are made and ended as fast as can be.",
        "let in, and forgotten",
        _came(20, Manner(b"9", endless=False, leaves=True), 1000),
    ),
    Attack(
        "flood: of spellings",
        "One connection asks for the duty by 1,500 different payloads, so that no answer is at hand.",
        _WAITS,
        _crowd(1, Manner(_spellings()), 1_000_000),
    ),
    Attack(
        "flood: of subscriptions",
        "Two hundred connections subscribe to the same shelf again and again.",
        _WAITS,
        _crowd(200, Manner(encode(Request.SUBSCRIBE_PWM, ("play",))), 1_000_000),
    ),
    Attack(
        "flood: of overrides",
        "Ten connections set and end overrides without end, of a shelf that they may override.",
        "carried out, one after the other; each answer waits for the disk",
        _crowd(
            10,
            Manner(encode(Request.SET_PWM_OVERRIDE, ("play", 60)) + encode(Request.SET_PWM_OVERRIDE, ("play", None))),
            100_000,
        ),
    ),
    Attack(
        "flood: of reloads",
        "Ten connections have the server read its configuration again without end.",
        "carried out, one after the other; who asks meanwhile shares the next one",
        _crowd(10, Manner(encode(Request.RELOAD, ())), 20_000),
    ),
    Attack(
        "flood: of strangers",
        "Sixty connections say nothing, where there is room for forty in all and thirty of one host.",
        "the surplus is refused, or goes for others: too many clients are connected",
        _strangers_go,
        _MANY,
    ),
    Attack(
        "flood: of guests",
        "A hundred connections from forty hosts, where there is room for forty; they ask, and are let go.",
        "the surplus is refused: too many clients are connected",
        _full,
        "connections = 40",
    ),
)
