"""fand.wire.encode: what is sent, and what is refused before a byte of it is."""

import enum
import pickle
import pickletools
from datetime import datetime, timedelta, timezone, tzinfo
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given

import fand.communication
from fand.exceptions import UnpicklableError
from fand.wire import HEADER_SIZE, MAGIC, MAX_PAYLOAD, Request, decode, encode

from . import vocabulary


def _payload(*args: Any, request: Request = Request.PING) -> bytes:
    return encode(request, args)[HEADER_SIZE:]


def _round(value: Any) -> Any:
    return decode(_payload(value))[1][0]


def test_the_frame_byte_by_byte() -> None:
    assert encode(Request.GET_PWM, ("myshelf1",)) == (
        b"99F90041"
        b"\x80\x04\x95\x36\0\0\0\0\0\0\0"
        b"\x8c\x12fand.communication\x8c\x07Request\x93\x8c\x07get_pwm\x85R"
        b"\x8c\x08myshelf1\x85\x86."
    )


@given(vocabulary.requests, vocabulary.args)
def test_what_is_encoded_is_decoded(request: Request, args: tuple[Any, ...]) -> None:
    frame = encode(request, args)
    got = decode(frame[HEADER_SIZE:])
    assert got[0] is request
    assert vocabulary.form(got[1]) == vocabulary.form(args)


@given(vocabulary.requests, vocabulary.args)
def test_pythons_own_unpickler_reads_the_same(request: Request, args: tuple[Any, ...]) -> None:
    assert fand.communication.Request is Request  # by this name pickle finds it
    got = pickle.loads(encode(request, args)[HEADER_SIZE:])
    assert got[0] is request
    assert vocabulary.form(got[1]) == vocabulary.form(args)


@given(vocabulary.requests, vocabulary.args)
def test_the_header_gives_the_length_and_the_pickle_is_of_protocol_4(request: Request, args: tuple[Any, ...]) -> None:
    frame = encode(request, args)
    assert frame[:4] == MAGIC
    assert frame[4:8] == b"%04x" % (len(frame) - HEADER_SIZE)
    operations = list(pickletools.genops(frame[HEADER_SIZE:]))
    assert [operation[0].name for operation in operations[:2]] == ["PROTO", "FRAME"]
    assert max(operation[0].proto for operation in operations) <= 4


@pytest.mark.parametrize(
    "number",
    [0, 255, 256, 65_535, 65_536, -1, 2**31 - 1, 2**31, -(2**31), -(2**31) - 1, 2**39, 2**63 - 1, -(2**63)],
)
def test_integers_up_to_64_bits(number: int) -> None:
    assert _round(number) == number
    assert pickle.loads(_payload(number))[1] == (number,)


@pytest.mark.parametrize("number", [2**63, -(2**63) - 1, 2**100_000], ids=["2**63", "-2**63-1", "2**100000"])
def test_a_larger_integer_is_refused(number: int) -> None:
    with pytest.raises(UnpicklableError, match="integer of"):
        _payload(number)


@pytest.mark.parametrize("size", [0, 255, 256, 60_000])
def test_texts_and_bytes_of_any_length(size: int) -> None:
    assert _round("x" * size) == "x" * size
    assert _round(b"x" * size) == b"x" * size


def test_a_lone_surrogate_is_refused() -> None:
    with pytest.raises(UnpicklableError, match="surrogate"):
        _payload("\ud800")


class _Kind(enum.IntEnum):
    ONE = 1


class _Text(str):
    __slots__ = ()


@pytest.mark.parametrize(
    "value",
    [
        object(),
        len,
        _Kind.ONE,
        _Text("x"),
        bytearray(b"x"),
        {1, 2},
        frozenset(),
        1j,
        Decimal(1),
        range(3),
        timedelta(1),
        timezone.utc,  # noqa: UP017
        datetime(2030, 1, 1).date(),
        Request,
        [object()],
        {"key": object()},
        {1: 2},
        {_Text("x"): 2},
        {b"x": 2},
    ],
    ids=lambda value: type(value).__name__,
)
def test_anything_else_is_refused(value: Any) -> None:
    with pytest.raises(UnpicklableError, match="no form on the wire"):
        _payload(value)


@pytest.mark.parametrize("request_", ["ping", None, Request, [], {}], ids=repr)
def test_only_a_request_is_sent(request_: Any) -> None:
    with pytest.raises(UnpicklableError, match="not a Request"):
        encode(request_, ())


def test_only_a_tuple_of_arguments_is_sent() -> None:
    with pytest.raises(UnpicklableError, match="PING with a value of type list"):
        encode(Request.PING, ["x"])  # type: ignore[arg-type]


class TestDatetimes:
    WHEN = datetime(2030, 12, 29, 1, 2, 3, 456_789)

    @pytest.mark.parametrize("fold", [0, 1])
    def test_a_naive_one_is_sent_as_it_is(self, fold: int) -> None:
        when = self.WHEN.replace(fold=fold)
        assert vocabulary.form(_round(when)) == vocabulary.form(when)

    @pytest.mark.parametrize("fold", [0, 1])
    def test_a_zone_is_sent_as_the_offset_of_that_instant(self, fold: int) -> None:
        # 02:30 comes twice that night in Berlin: at +02:00, then at +01:00.
        when = datetime(2030, 10, 27, 2, 30, tzinfo=ZoneInfo("Europe/Berlin"), fold=fold)
        got = _round(when)
        assert got.utcoffset() == timedelta(hours=2 - fold)
        assert got.timestamp() == when.timestamp()
        assert type(got.tzinfo) is timezone

    def test_a_name_of_a_zone_stays_behind(self) -> None:
        got = _round(self.WHEN.replace(tzinfo=timezone(timedelta(hours=2), "CEST")))
        assert got.tzname() == "UTC+02:00"

    def test_a_zone_without_an_offset_is_none(self) -> None:
        class Nowhere(tzinfo):
            def utcoffset(self, _when: datetime | None) -> None:
                return None

            dst = tzname = utcoffset

        assert vocabulary.form(_round(self.WHEN.replace(tzinfo=Nowhere()))) == vocabulary.form(self.WHEN)

    def test_a_subclass_is_refused(self) -> None:
        class Late(datetime):
            pass

        with pytest.raises(UnpicklableError, match="Late"):
            _payload(Late(2030, 1, 1))


class TestLimits:
    def test_the_longest_frame(self) -> None:
        room = MAX_PAYLOAD - len(_payload("x" * 1000)) + 1000
        frame = encode(Request.PING, ("x" * room,))
        assert frame[4:8] == b"ffff"
        assert decode(frame[HEADER_SIZE:]) == (Request.PING, ("x" * room,))
        assert pickle.loads(frame[HEADER_SIZE:]) == (Request.PING, ("x" * room,))

    def test_one_byte_more_is_refused(self) -> None:
        room = MAX_PAYLOAD - len(_payload("x" * 1000)) + 1000
        with pytest.raises(UnpicklableError, match="PING needs 65536 bytes"):
            encode(Request.PING, ("x" * (room + 1),))

    @pytest.mark.parametrize("value", ["x" * 10_000_000, b"x" * 10_000_000, [None] * 100_000, ["x" * 200] * 1000])
    def test_a_frame_too_long_is_refused(self, value: Any) -> None:
        with pytest.raises(UnpicklableError, match="send less"):
            _payload(value)

    def test_the_deepest_nesting(self) -> None:
        assert _round([[[[[[[]]]]]]]) == [[[[[[[]]]]]]]
        assert _round({"a": ({"b": ({"c": ({},)},)},)}) == {"a": ({"b": ({"c": ({},)},)},)}

    def test_one_level_more_is_refused(self) -> None:
        with pytest.raises(UnpicklableError, match="nested deeper than 8"):
            _payload([[[[[[[[]]]]]]]])

    def test_what_holds_itself_is_refused(self) -> None:
        loop: list[Any] = []
        loop.append(loop)
        with pytest.raises(UnpicklableError, match="nested deeper"):
            _payload(loop)

    def test_what_fans_out_without_end_is_refused_soon(self) -> None:
        wide: list[Any] = []
        for _ in range(6):
            wide = [wide] * 1000  # 10**18 lists, of which not many are looked at
        with pytest.raises(UnpicklableError, match="send less"):
            _payload(wide)
