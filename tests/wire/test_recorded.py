"""Every frame recorded from fand 0.1.1, on every Python at hand, is read as what was sent."""

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from fand.exceptions import CorruptedDataError
from fand.wire import HEADER_SIZE, Decoder, Request, decode

_FILE = Path(__file__).parent.parent / "data" / "wire" / "frames-0.1.1.txt"
_FRAMES = [line.split("|") for line in _FILE.read_text("ascii").splitlines()]
_WHEN = datetime(2030, 12, 29, 1, 1, 59)

_SENT: dict[str, tuple[Request, tuple[Any, ...]]] = {
    "GET_PWM shelf": (Request.GET_PWM, ("myshelf1",)),
    "SET_PWM int": (Request.SET_PWM, ("myshelf1", 100)),
    "SET_PWM float": (Request.SET_PWM, ("myshelf1", 40.0)),
    "SET_RPM int0": (Request.SET_RPM, ("myshelf1", 0)),
    "SET_RPM int300": (Request.SET_RPM, ("myshelf1", 300)),
    "SET_RPM int70000": (Request.SET_RPM, ("myshelf1", 70_000)),
    "SET_RPM float": (Request.SET_RPM, ("myshelf1", 1234.5)),
    "OVERRIDE 50": (Request.SET_PWM_OVERRIDE, ("myshelf1", 50)),
    "OVERRIDE None": (Request.SET_PWM_OVERRIDE, ("myshelf1", None)),
    "EXPIRE None": (Request.SET_PWM_EXPIRE, ("myshelf1", None)),
    "EXPIRE naive": (Request.SET_PWM_EXPIRE, ("myshelf1", _WHEN)),
    "EXPIRE naive us": (Request.SET_PWM_EXPIRE, ("myshelf1", _WHEN.replace(microsecond=123_456))),
    "EXPIRE fold": (Request.SET_PWM_EXPIRE, ("myshelf1", _WHEN.replace(fold=1))),
    "EXPIRE utc": (Request.SET_PWM_EXPIRE, ("myshelf1", _WHEN.replace(tzinfo=UTC))),
    "EXPIRE +01:00": (Request.SET_PWM_EXPIRE, ("myshelf1", _WHEN.replace(tzinfo=timezone(timedelta(hours=1))))),
    "EXPIRE -09:30": (Request.SET_PWM_EXPIRE, ("myshelf1", _WHEN.replace(tzinfo=timezone(-timedelta(hours=9.5))))),
    "EXPIRE named": (
        Request.SET_PWM_EXPIRE,
        ("myshelf1", _WHEN.replace(tzinfo=timezone(timedelta(hours=2), "CEST"))),
    ),
    "DISCONNECT None": (Request.DISCONNECT, (None,)),
    "DISCONNECT str": (Request.DISCONNECT, ("Invalid request",)),
    "shelf non-ascii": (Request.GET_PWM, ("étagère",)),
    "shelf long": (Request.GET_PWM, ("x" * 300,)),
    "shelf is value": (Request.GET_PWM, ("get_pwm",)),
}
"""What was sent, where the name of the line does not say it: a request without arguments."""


def _fields(args: tuple[Any, ...]) -> list[Any]:
    """The arguments told apart even where they compare equal: int and float, fold, name of the zone."""
    return [
        (arg.isoformat(), arg.fold, arg.tzname()) if isinstance(arg, datetime) else (type(arg), arg) for arg in args
    ]


def test_the_file_is_whole() -> None:
    assert len(_FRAMES) == 570
    assert len({line[0] for line in _FRAMES}) == 9


@pytest.mark.parametrize("line", _FRAMES, ids=lambda line: "|".join(line[:3]))
def test_is_read_as_what_was_sent(line: list[str]) -> None:
    python, _pickler, what, text = line
    frame = bytes.fromhex(text)
    if what == "EXPIRE zoneinfo":  # a zone by name is not of the wire: peers send offsets
        with pytest.raises(CorruptedDataError, match="global"):
            decode(frame[HEADER_SIZE:])
        return
    request, args = _SENT[what] if what in _SENT else (Request[what], ())
    if what == "EXPIRE fold" and python in {"CPython 3.6.15", "CPython 3.7.16"}:  # protocol 3 cannot carry it
        args = ("myshelf1", _WHEN)

    decoder = Decoder()
    decoder.feed(frame)
    got = decoder.next()

    assert got is not None
    assert got[0] is request
    assert _fields(got[1]) == _fields(args)
    assert decoder.next() is None
    assert not decoder.mid_frame
