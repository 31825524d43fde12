"""fand.wire.frame: the same bytes give the same, however they are split."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fand.exceptions import CorruptedDataError
from fand.wire import HEADER_SIZE, MAX_PAYLOAD, Decoder, Request, decode, encode, is_frame

from . import vocabulary

PING = encode(Request.PING, ())
PWM = encode(Request.SET_PWM, ("shelf1", 40))
SAME_LENGTH = encode(Request.SET_PWM, ("shelf1", 41))


def _drain(decoder: Decoder) -> list[Any]:
    """What the decoder has to give: requests, and the text of a fault, after which no more is asked."""
    events: list[Any] = []
    try:
        while (event := decoder.next()) is not None:
            events.append(vocabulary.form(event))
    except CorruptedDataError as error:
        events.append(str(error))
    return events


def _events(pieces: list[bytes]) -> list[Any]:
    decoder = Decoder()
    events: list[Any] = []
    for piece in pieces:
        decoder.feed(piece)
        events += _drain(decoder)
        if events and isinstance(events[-1], str):
            break
    return events


@given(
    st.lists(
        st.builds(encode, vocabulary.requests, vocabulary.args) | st.sampled_from([PWM, SAME_LENGTH, PING]),
        max_size=6,
    ),
    st.binary(max_size=12) | st.sampled_from([b"99F90001.", b"99F9", PING[:20]]),
    st.data(),
)
def test_the_same_bytes_give_the_same_however_split(frames: list[bytes], tail: bytes, data: st.DataObject) -> None:
    stream = b"".join(frames) + tail
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=6)))
    pieces = [stream[start:end] for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    whole = _events([stream])
    assert whole[: len(frames)] == [event for frame in frames for event in _events([frame])]
    assert _events(pieces) == whole
    assert _events([bytes((byte,)) for byte in stream]) == whole


@pytest.mark.parametrize("size", [1, HEADER_SIZE, 1000])
def test_taken_piece_by_piece_the_same_comes_as_at_once(size: int) -> None:
    stream = PWM + PWM + SAME_LENGTH + PWM + PING + PING
    decoder, said = Decoder(), []
    while stream:
        size_now = min(size, decoder.missing)
        if (request := decoder.take(stream[:size_now])) is not None:
            said.append(request)
        stream = stream[size_now:]
    one, other, ping = (Request.SET_PWM, ("shelf1", 40)), (Request.SET_PWM, ("shelf1", 41)), (Request.PING, ())
    assert said == [one, one, other, one, ping, ping]
    assert not decoder.mid_frame


def test_several_frames_at_once() -> None:
    decoder = Decoder()
    decoder.feed(PING + PWM + PING)
    assert [decoder.next(), decoder.next(), decoder.next(), decoder.next()] == [
        (Request.PING, ()),
        (Request.SET_PWM, ("shelf1", 40)),
        (Request.PING, ()),
        None,
    ]


def test_frames_undecoded() -> None:
    decoder = Decoder()
    decoder.feed(PING + PWM[:-1])
    assert decoder.next_frame() == PING
    assert decoder.next_frame() is None
    decoder.feed(PWM[-1:])
    assert decoder.next_frame() == PWM


def test_the_same_frame_again_says_the_same() -> None:
    decoder = Decoder()
    for frame in (PWM, PWM, PING, PWM, PING, PING):
        decoder.feed(frame)
        assert decoder.next() == decode(frame[HEADER_SIZE:])


@pytest.mark.parametrize("args", [(["a"], True), ("s", {"a": 1}), (("a", []),)])
def test_what_can_be_changed_is_made_anew_each_time(args: tuple[object, ...]) -> None:
    decoder = Decoder()
    decoder.feed(encode(Request.SET_STATUS, args) * 2)
    first, second = decoder.next(), decoder.next()
    assert first == second == (Request.SET_STATUS, args)
    assert first is not None
    assert second is not None
    assert first[1] is not second[1]


def test_mid_frame() -> None:
    decoder = Decoder()
    assert not decoder.mid_frame
    for byte in PING[:-1]:
        decoder.feed(bytes((byte,)))
        assert decoder.next() is None
        assert decoder.mid_frame
    decoder.feed(PING[-1:])
    assert decoder.next() == (Request.PING, ())
    assert not decoder.mid_frame


def test_missing_never_reaches_beyond_a_frame() -> None:
    decoder = Decoder()
    stream = PING + PWM
    got = []
    while stream:
        assert decoder.next() is None
        piece, stream = stream[: decoder.missing], stream[decoder.missing :]
        decoder.feed(piece)
        if not decoder.missing and (request := decoder.next()):
            got.append(request)
            assert not decoder.mid_frame
    assert got == [(Request.PING, ()), (Request.SET_PWM, ("shelf1", 40))]


@pytest.mark.parametrize(
    "header",
    [
        b"0000",
        b"00AF",
        b"FFFF",
        b"+001",
        b"-001",
        b" 001",
        b"001 ",
        b"0_01",
        b"0x01",
        b"001\n",
        b"001\0",
        b"zzzz",
        "00\N{ARABIC-INDIC DIGIT ONE}".encode(),
    ],
    ids=ascii,
)
def test_a_length_is_four_lower_case_hexadecimal_digits_and_not_0(header: bytes) -> None:
    assert len(header) == 4
    decoder = Decoder()
    decoder.feed(b"99F9" + header + b"x" * 300)
    with pytest.raises(CorruptedDataError, match="four lower-case"):
        decoder.next()


@pytest.mark.parametrize(
    "start", [b"G", b"GET / HTTP/1.1\r\n", b"99f9", b"\x16\x03\x01", b"99F8", b" 99F90001", b"9 "]
)
def test_a_wrong_start_is_told_at_once(start: bytes) -> None:
    decoder = Decoder()
    decoder.feed(start)
    with pytest.raises(CorruptedDataError, match=r"begin with 99F9|is TLS"):
        decoder.next()


def test_after_a_fault_of_framing_nothing_is_trusted() -> None:
    decoder = Decoder()
    decoder.feed(b"xxxxxxxx" + PING)
    for _ in range(3):
        with pytest.raises(CorruptedDataError):
            decoder.next()
        decoder.feed(PING)


def test_a_fault_in_one_payload_uses_up_that_payload() -> None:
    decoder = Decoder()
    decoder.feed(b"99F90001." + PING)
    with pytest.raises(CorruptedDataError):
        decoder.next()
    assert decoder.next() == (Request.PING, ())


def test_the_longest_payload_is_waited_for() -> None:
    decoder = Decoder()
    decoder.feed(b"99F9ffff")
    assert decoder.next() is None
    assert decoder.missing == MAX_PAYLOAD
    decoder.feed(b"x" * MAX_PAYLOAD)
    assert decoder.next_frame() == b"99F9ffff" + b"x" * MAX_PAYLOAD


@pytest.mark.parametrize("data", [b"\x15\x03\x03\x00\x02\x02\x46\x00\x00", b"\x16"])
def test_who_speaks_tls_is_told_from_others(data: bytes) -> None:
    decoder = Decoder()
    decoder.feed(data)
    with pytest.raises(CorruptedDataError, match="is TLS, which only one of the two ends speaks"):
        decoder.next()


@given(
    st.builds(encode, vocabulary.requests, vocabulary.args)
    | st.binary(max_size=20)
    | st.builds(lambda size, more: b"99F9%04x" % size + bytes(more), st.integers(0, 9), st.integers(0, 9))
    | st.builds(lambda head, more: head + bytes(more), st.sampled_from([b"99F9000A", b"99f9000a"]), st.just(10))
)
def test_one_frame_is_what_a_decoder_gives_whole(data: bytes) -> None:
    decoder = Decoder()
    decoder.feed(data)
    try:
        cut = decoder.next_frame()
    except CorruptedDataError:
        cut = None
    assert is_frame(data) == (cut == data)


@pytest.mark.parametrize("size", [1, 0xFF, MAX_PAYLOAD, MAX_PAYLOAD + 1, 16 * MAX_PAYLOAD])
def test_the_longest_frame_is_one_and_a_longer_one_is_not(size: int) -> None:
    assert is_frame((b"99F9%04x" % size)[:HEADER_SIZE] + b"0" * size) == (size <= MAX_PAYLOAD)
