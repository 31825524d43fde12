"""From the bytes of an input to requests and their arguments, so that the fuzzer need not learn to write pickles."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any, Final

from fand.wire import Request

SHELVES: Final = ("shelf1", "shelf2")
"""What the shelves are called that there are."""
DEVICES: Final = ("a", "b", "c")
"""And the devices in each of them."""

_NAMES: Final = (*SHELVES, "shelf3", "", "pi1", "hand", "Shelf1", "shelf1\n", "\N{RIGHT-TO-LEFT OVERRIDE}", "x" * 300)
_NUMBERS: Final = (
    *(float("nan"), float("inf"), -float("inf"), -1, -0.0, 0.0, 1e-300, 5e-324, 99.99999999, 100.0000001, 1e300),
    *(2**31, 2**63 - 1, -(2**63), 124.9, 125.0, -20.0, -273.15, 200_000, 200_001),
)
_KEYS: Final = ("name", "rpm", "duty", "state", "device", "celsius", "age", "family", "reason", "", "\0")
_STATES: Final = ("ok", "stalled", "fault", "taken", "asleep", "failed", "", "OK")
_FAMILIES: Final = ("hdd", "ssd", "nvme", "cpu", "", "x" * 300)
CHARS: Final = "a0 \n\x1b\0\N{COMBINING ACUTE ACCENT}\N{RIGHT-TO-LEFT OVERRIDE}\N{GRINNING FACE}\x7f'\"\\%"
_START: Final = datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)


class Reader:
    """An input, taken from its start; where there is no more, everything is 0."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def __bool__(self) -> bool:
        """Whether anything is left."""
        return self._at < len(self._data)

    def byte(self) -> int:
        """The next byte."""
        self._at += 1
        return self._data[self._at - 1] if self._at <= len(self._data) else 0

    def take(self, size: int) -> bytes:
        """The next ``size`` bytes, or as many as there are."""
        self._at += size
        return self._data[self._at - size : self._at]

    def of(self, things: tuple[Any, ...]) -> Any:
        """One of ``things``."""
        return things[self.byte() % len(things)]


def request(reader: Reader) -> tuple[Request, tuple[Any, ...]] | None:
    """A request with arguments; None where no request has the number that is read."""
    requests, number, count = tuple(Request), reader.byte(), reader.byte()
    if number >= len(requests):
        return None
    # mostly the first argument is a shelf
    args: list[Any] = [reader.of(SHELVES)] if count & 0x80 else []
    args += [value(reader) for _ in range(count & 0x03)]
    return requests[number], tuple(args)


def value(reader: Reader, depth: int = 0) -> Any:
    """Something of the wire's vocabulary."""
    kind = reader.byte() % 16
    match kind:
        case 0:
            return None
        case 1:
            return reader.byte()
        case 2:
            return reader.byte() / 2
        case 3:
            return reader.of(_NUMBERS)
        case 4:
            return reader.of(_NAMES)
        case 5:
            return bool(reader.byte() & 1)
        case 6:
            return _text(reader)
        case 7:
            return _date(reader)
        case 8:
            return [_fan(reader) for _ in range(reader.byte() % 8)]
        case 9:
            return [_temperature(reader) for _ in range(reader.byte() % 8)]
        case 10:
            return _pile(reader)
        case 11:
            return reader.take(reader.byte())
        case 12:
            return reader.of(tuple(Request))
        case 13 if depth < 4:
            return [value(reader, depth + 1) for _ in range(reader.byte() % 4)]
        case 14 if depth < 4:
            return {reader.of(_KEYS): value(reader, depth + 1) for _ in range(reader.byte() % 6)}
        case 15 if depth < 4:
            return tuple(value(reader, depth + 1) for _ in range(reader.byte() % 4))
    return int.from_bytes(reader.take(8), "little", signed=True)


def _text(reader: Reader) -> str:
    size = reader.byte()
    return "".join(CHARS[byte % len(CHARS)] for byte in reader.take(size % 16)) * (1 + 40 * (size >> 4))


def _date(reader: Reader) -> datetime:
    how, amount = reader.byte(), reader.byte()
    when = _START + timedelta(minutes=amount) if how & 1 else _START + timedelta(days=40 * (amount - 128))
    if how & 2:
        when = datetime(amount * 39 + 1, 1, 1, tzinfo=UTC)
    if how & 4:
        return when.replace(tzinfo=None, fold=how >> 3 & 1)
    return when.replace(tzinfo=timezone(timedelta(minutes=(how >> 3) * 60 - 900)))


def _fan(reader: Reader) -> dict[str, Any]:
    """A fan as a client reports it, mostly."""
    form, amount = reader.byte(), reader.byte()
    fan = {
        "name": f"fan{form & 3}",
        "rpm": (None, 0, amount * 10, 0)[form >> 2 & 3],
        "duty": (None, amount % 101, 100, 0)[form >> 4 & 3],
        "state": _STATES[(form >> 6) & 3],
    }
    if amount == 255:
        fan[reader.of(_KEYS)] = value(reader, 3)
    return fan


def _temperature(reader: Reader) -> dict[str, Any]:
    """A device as an agent reports it, mostly."""
    form, amount = reader.byte(), reader.byte()
    told: dict[str, Any] = {"device": DEVICES[form & 1], "state": ("ok", "asleep", "failed", "ok")[form >> 1 & 3]}
    told["age"] = (0.0, amount / 4, -amount, 1e9)[form >> 3 & 3]
    if told["state"] == "ok":
        told["celsius"] = amount / 2
    if form & 0x20:
        told["family"] = _FAMILIES[form >> 6]
    if told["state"] == "failed":
        told["reason"] = _text(reader)
    if amount == 255:
        told[reader.of(_KEYS)] = value(reader, 3)
    return told


def _pile(reader: Reader) -> list[dict[str, Any]]:
    """Many fans, with long names."""
    count, size = reader.byte(), reader.byte()
    state = reader.of(_STATES)
    name = reader.of(tuple(CHARS)) * size
    return [{"name": f"{number}{name}", "rpm": 0, "duty": 50, "state": state} for number in range(count)]
