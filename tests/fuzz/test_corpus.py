"""What fuzzing has kept, played again; and the promises are worth something: each can be seen broken."""

import logging
import pickle
import random
import tracemalloc
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fand.control import Decision, decision
from fand.dispatch import ALL, Hall, fans, requests, shelf
from fand.exceptions import RequestError, UnpicklableError
from fand.server import answering, connection, state
from fand.server.connection import Connection
from fand.server.encrypted import Encrypted
from fand.server.identity import Access
from fand.units import Percent
from fand.wire import HEADER_SIZE, Decoder, Request, decode, encode
from tests.fuzz import corpus, dispatch, frames, handshake, seeds, values
from tests.fuzz.stage import Loop
from tests.fuzz.targets import TARGETS

FRAMES = corpus.read("frames")
EVENTS = corpus.read("dispatch")
HANDSHAKES = corpus.read("handshake")
PARTS = 6
"""Into so many tests the inputs of a target are divided: a busy host takes a minute for all."""
MOST_MEMORY = 2 * 2**20
"""Bytes that the decoder may take for an input, which is of 4 KiB at most, with all that checking it takes."""


def test_no_input_breaks_a_promise_of_the_decoder() -> None:
    assert len(FRAMES) > 100
    for data in chain(FRAMES, seeds.frames()):
        TARGETS["frames"].check(data)


@pytest.mark.parametrize("part", range(PARTS))
def test_no_input_breaks_a_promise_of_the_server(part: int) -> None:
    assert len(EVENTS) > 100
    for data in EVENTS[part::PARTS]:
        TARGETS["dispatch"].check(data)


def test_no_seed_breaks_a_promise_of_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """And there is one that is granted, and one that is refused, of each request."""
    granted, refused = set(), set()
    genuine = requests.answer

    def spy(hall: Hall, request: Request, *args: Any) -> Any:
        try:
            answer = genuine(hall, request, *args)
        except RequestError:
            refused.add(request)
            raise
        granted.add(request)
        return answer

    monkeypatch.setattr(answering, "answer", spy)
    for data in seeds.events():
        TARGETS["dispatch"].check(data)
    assert granted == {*(request for request in Request if requests.role_for(request)), Request.DISCONNECT}
    assert refused == set(Request) - {Request.DISCONNECT}


@pytest.mark.parametrize("part", range(PARTS))
def test_no_input_breaks_a_promise_of_the_handshake(part: int) -> None:
    assert HANDSHAKES
    for data in [*HANDSHAKES, *seeds.handshakes()][part::PARTS]:
        TARGETS["handshake"].check(data)


def test_the_friend_is_let_in_and_answered() -> None:
    loop = Loop()  # type: ignore[abstract]
    with dispatch.quietly(loop):
        play = handshake.Play(loop, handshake.FRIEND)
        for byte in (b"\0", b"\0", b"\7\2", b"\0", b"\0"):
            play.step(values.Reader(byte))
        assert play.answers == encode(Request.ACK, ()) * 3
        play.end()


def test_no_input_takes_much_memory() -> None:
    frames.audit()
    tracemalloc.start()
    try:
        for data in FRAMES:
            tracemalloc.reset_peak()
            before = tracemalloc.get_traced_memory()[0]
            frames.check(data)
            assert tracemalloc.get_traced_memory()[1] - before < MOST_MEMORY, data.hex()
    finally:
        tracemalloc.stop()


@given(st.binary(max_size=200))
def test_any_bytes_as_frames(data: bytes) -> None:
    TARGETS["frames"].check(data)


@given(st.binary(max_size=60))
def test_any_bytes_as_events(data: bytes) -> None:
    TARGETS["dispatch"].check(data)


@given(st.sampled_from(FRAMES) | st.sampled_from(EVENTS), st.randoms(use_true_random=False))
def test_a_kept_input_with_changes(data: bytes, chance: random.Random) -> None:
    changed = bytearray(data)
    for _ in range(chance.randrange(1, 4)):
        at = chance.randrange(len(changed) + 1)
        changed[at : at + chance.randrange(3)] = chance.randbytes(chance.randrange(3))
    for target in TARGETS.values():
        target.check(bytes(changed))


def _broken(target: str, inputs: Iterable[bytes]) -> Iterator[str]:
    """What is said of the promises that these inputs find broken."""
    for data in inputs:
        try:
            TARGETS[target].check(data)
        except Exception as error:
            yield str(error)


HONEST = [bytes((frames.PAYLOAD | 7,)) + frame[HEADER_SIZE:] for frame in seeds.recorded()]


class TestFrames:
    """What must not become of the decoder."""

    def test_a_general_unpickler(self, monkeypatch: pytest.MonkeyPatch) -> None:
        # on honest frames only: the others would do to this process what they are made for
        monkeypatch.setattr(frames, "decode", pickle.loads)
        assert any("decoding has done" in said and "pickle.find_class" in said for said in _broken("frames", HONEST))

    def test_another_value(self, monkeypatch: pytest.MonkeyPatch) -> None:
        genuine = decode
        monkeypatch.setattr(frames, "decode", lambda payload: (genuine(payload)[0], (1,)))
        assert set(_broken("frames", FRAMES)) == {"Python's unpickler reads something else"}

    def test_bytes_lost_between_two_pieces(self, monkeypatch: pytest.MonkeyPatch) -> None:
        class Forgetful(Decoder):
            __slots__ = ()

            def feed(self, data: bytes) -> None:
                if len(data) > 2:
                    super().feed(data)

        monkeypatch.setattr(frames, "Decoder", Forgetful)
        assert "bytes are lost, or kept that were given out" in _broken("frames", FRAMES)

    def test_an_answer_taken_for_the_one_before(self, monkeypatch: pytest.MonkeyPatch) -> None:
        class Hasty(Decoder):
            __slots__ = ()

            def take(self, data: bytes) -> tuple[Request, tuple[Any, ...]] | None:
                before = self._said
                said = super().take(data)
                return said if said is None or before is None else before

        monkeypatch.setattr(frames, "Decoder", Hasty)
        assert "who reads frame by frame gets something else" in _broken("frames", FRAMES)

    def test_what_cannot_be_sent_again(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def encode(_request: Request, _args: tuple[object, ...]) -> bytes:
            raise UnpicklableError

        monkeypatch.setattr(frames, "encode", encode)
        assert set(_broken("frames", FRAMES)) == {"what was accepted cannot be sent"}


_DECIDE = decision.decide
_FAREWELL = connection._farewell
_ACCESS = requests._check_access


def _obeys(*args: Any, **kwargs: Any) -> tuple[Decision, Any]:
    """An override counts for more than any fault."""
    made, memory = _DECIDE(*args, **kwargs)
    return (made if made.override is None else replace(made, duty=made.override.percent)), memory


def _lazy(*args: Any, **kwargs: Any) -> tuple[Decision, Any]:
    made, memory = _DECIDE(*args, **kwargs)
    return replace(made, duty=Percent(20.0)), memory


def _nothing(*_args: object) -> None:
    return


def _fails(*_args: object) -> None:
    raise ZeroDivisionError("division by zero")


def _repeats(_hall: Hall, name: object) -> None:
    raise RequestError(f"no shelf is called {name}")


def _lets_all_report(request: Request, *args: Any) -> None:
    if request is not Request.SET_FANS:
        _ACCESS(request, *args)


def _lets_all_command(request: Request, *args: Any) -> None:
    if request is not Request.SET_PWM_OVERRIDE:
        _ACCESS(request, *args)


def _cut(reason: str) -> bytes:
    return _FAREWELL(reason)[:-1]


@pytest.mark.parametrize(
    ("where", "name", "wrong", "said"),
    [
        (shelf, "decide", _obeys, "and needs 100"),
        (shelf, "decide", _lazy, "and needs 25"),
        (requests, "_check_access", _lets_all_report, "reported by"),
        (requests, "_check_access", _lets_all_command, "overridden by"),
        (Hall, "leave", _nothing, "somebody who has gone is a subscriber"),
        (answering, "answer", _fails, "internal error"),
        (Connection, "push", _fails, "division by zero"),
        (Hall, "shelf", _repeats, "is no line"),
        (connection, "_farewell", _cut, "part of a frame"),
        (fans, "line", lambda text, _limit: text, "a line of the log is none"),
        (state, "_saved", lambda _kept: {"alarms": 1}, "the state file has faults"),
    ],
)
def test_a_bug_of_the_server_is_seen(
    where: object, name: str, wrong: Callable[..., object], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(where, name, wrong)
    assert any(said in text for text in _broken("dispatch", chain(seeds.events(), EVENTS)))


@pytest.mark.parametrize(
    ("where", "name", "wrong", "said"),
    [
        (Access, "grant", lambda _self, _visitor: ALL, "without an entry: let in"),
        (Encrypted, "_late", _nothing, "a handshake takes for ever"),
        (Encrypted, "_flush", _fails, "division by zero"),
        (Encrypted, "connection_lost", _nothing, "somebody who has gone is still there"),
        (connection, "_farewell", _cut, "the server has sent part of a frame"),
    ],
)
def test_a_bug_of_the_handshake_is_seen(
    where: object, name: str, wrong: Callable[..., object], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(where, name, wrong)
    assert any(said in text for text in _broken("handshake", chain(seeds.handshakes(), HANDSHAKES)))


@pytest.fixture(autouse=True)
def log_untouched() -> Iterator[None]:
    logger = logging.getLogger("fand")
    before = (logger.level, logger.propagate, logger.handlers)
    yield
    assert (logger.level, logger.propagate, logger.handlers) == before


class TestPacking:
    """A corpus as one file."""

    INPUTS = (b"", b"\0\xff" * 9, b"a", b"b", b"\n")

    def test_what_is_packed_is_read_again(self, tmp_path: Path) -> None:
        (tmp_path / "x.txt").write_bytes(corpus.pack(self.INPUTS))
        assert corpus.read("x", tmp_path) == sorted(self.INPUTS, key=lambda data: (len(data), data))

    def test_nothing_is_kept_of_a_target_that_is_new(self, tmp_path: Path) -> None:
        assert corpus.read("x", tmp_path) == []

    def test_a_file_has_its_bounds(self) -> None:
        packed = corpus.pack((bytes(40) + bytes((n,)) for n in range(100)), 1000)
        assert 900 < len(packed) <= 1000

    def test_the_files_are_small(self) -> None:
        assert {path.stem for path in corpus.FOLDER.iterdir()} == TARGETS.keys()
        assert all(path.stat().st_size <= corpus.MOST for path in corpus.FOLDER.iterdir())

    def test_laid_out_and_gathered(self, tmp_path: Path) -> None:
        corpus.lay_out(self.INPUTS, tmp_path / "in")
        assert sorted(corpus.gather(tmp_path / "in")) == sorted(self.INPUTS)
