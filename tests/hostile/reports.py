"""Reports of temperatures that are none, or of devices that are not the reporter's."""

from collections.abc import Iterator
from typing import Final

from fand.wire import Request
from tests.hostile.attack import Attack, asked
from tests.hostile.live import Live


def _reading(**changed: object) -> dict[str, object]:
    return {"device": "sda", "state": "ok", "celsius": 38.0, "age": 1.0, **changed}


def _readings() -> Iterator[Attack]:
    many, dict_of = "the readings are not a list of at most 256", "a reading is a dict of device, state and age"
    device, state = "the name of a device is not a text", "the state of sda is none of ok, asleep, failed"
    number, age = (
        "the temperature of sda, {}, is not a number",
        "the age of sda, {}, is not a number of seconds from 0 to 604800",
    )
    same = "two readings are of the same device"
    for what, line, readings, reason in [
        ("no list", "A text in place of the readings.", "sda", many),
        ("a tuple", "A tuple in place of the readings.", (_reading(),), many),
        (
            "257",
            "One reading more than a report may have.",
            [_reading(device=str(each)) for each in range(257)],
            many,
        ),
        ("60,000 times nothing", "A list of 60,000 times None.", [None] * 60_000, many),
        ("the same device", "Two readings of one device.", [_reading(), _reading(celsius=90)], same),
        ("the same device, hidden", "Two names that are one to see.", [_reading(), _reading(device="sda\x07")], same),
        ("no dict", "A reading that is a list.", [["sda", "ok", 38, 1]], dict_of),
        ("no age", "A reading of no age.", [{"device": "sda", "state": "ok", "celsius": 38}], dict_of),
        ("no name", "A reading of a device without a name.", [_reading(device="")], device),
        ("a number for a name", "A reading of a device that is a number.", [_reading(device=1)], device),
        ("another state", "A reading in a state that is none.", [_reading(state="cool")], state),
        ("a list for a state", "A reading whose state is a list.", [_reading(state=[])], state),
        ("no temperature", "A good reading without a temperature.", [_reading(celsius=None)], number.format("None")),
        ("NaN", "A temperature that is no number.", [_reading(celsius=float("nan"))], number.format("nan")),
        ("an infinity", "A temperature without an end.", [_reading(celsius=float("inf"))], number.format("inf")),
        ("true", "A temperature that is a truth.", [_reading(celsius=True)], number.format("True")),
        ("from the future", "A reading that is yet to be taken.", [_reading(age=-1)], age.format("-1")),
        ("from long ago", "A reading of a year ago.", [_reading(age=3.2e7)], age.format("32000000.0")),
        ("an age that is none", "An age that is no number.", [_reading(age=float("nan"))], age.format("nan")),
        (
            "no reason",
            "A failure without a reason.",
            [_reading(state="failed")],
            "sda has failed without a reason in words",
        ),
        (
            "a number for a family",
            "A family that is a number.",
            [_reading(family=1)],
            "the family of sda is not a text",
        ),
    ]:
        yield asked(f"readings: {what}", line, reason, Request.SET_TEMPERATURES, readings, "nas2")


def _agents() -> Iterator[Attack]:
    unnamed = "whose readings these are is not said: give the agent's name"
    since = "the time since the last answer, {}, is not a number of seconds from 0 to 604800"
    for what, line, reason, args in [
        ("nobody", "Readings of nobody.", unnamed, ([_reading()],)),
        ("a number", "Readings of an agent that is a number.", "the name of the agent is not a text", ([], 7)),
        (
            "no answer",
            "An answer before the first.",
            "nothing was answered before, so that no time can have passed since",
            ([], "nas2", 1.0),
        ),
        ("an answer to come", "An answer that is yet to come.", since.format("-1.0"), ([], "nas2", -1.0)),
        ("a truth", "A truth for the time since the answer.", since.format("True"), ([], "nas2", True)),
    ]:
        yield asked(f"readings: {what}", line, reason, Request.SET_TEMPERATURES, *args)


def _of_others(live: Live) -> Iterator[None]:
    """What an agent says of devices that nobody has from it makes no shelf warmer or colder."""
    with live.stranger() as talk:
        names = ["sda", "shelf1", "..", "' or 1=1"]
        told = [_reading(device=name, celsius=90) for name in names]
        assert talk.ask(Request.SET_TEMPERATURES, told, "nas2") == (Request.ACK, (names, "nas2"))
        yield
        talk.send(Request.DISCONNECT)


ATTACKS: Final = (
    *_readings(),
    *_agents(),
    Attack(
        "readings: of other devices",
        "A report of devices that no shelf has from that agent.",
        "answered with the names that are not taken; no shelf changes",
        _of_others,
    ),
)
