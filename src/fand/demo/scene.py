"""What there is to see in the demo, and how it is put into words and lines. No terminal is needed for that."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from fand.demo.stage import FASTER, NAME

Line = list[tuple[str, str]]
"""One line of text as pieces, each with its style (in the words of rich)."""

LEGEND: Final = f"1 second here is {FASTER} in the shelf"

_IDLE: Final = 10.0
_LOADED: Final = 30.0
_RECOVERY: Final = 30.0

_LEAST: Final = 22.0
_MOST: Final = 46.0
"""The ends of the temperature bars, in °C."""

_EIGHTHS: Final = " ▏▎▍▌▋▊▉"
_HEIGHTS: Final = "▁▂▃▄▅▆▇█"


class Past(NamedTuple):
    """What was, each second: the highest temperature and the duty."""

    celsius: float
    duty: float


class Scene(NamedTuple):
    """What there is to see: when, what goes on, the shelf as the server at ``port`` tells it, and how it was, the
    latest last.
    """

    elapsed: float
    phase: str
    port: int
    status: Mapping[str, Any]
    past: Sequence[Past] = ()


def phase(elapsed: float) -> tuple[str, float]:
    """What goes on so many seconds after the start, and the load of the drives: idle first, then by turns."""
    if elapsed < _IDLE:
        return "idle", 0.0
    at = (elapsed - _IDLE) % (_LOADED + _RECOVERY)
    return ("load step", 1.0) if at < _LOADED else ("recovery", 0.0)


def hottest(status: Mapping[str, Any]) -> float | None:
    """The highest temperature of the shelf's drives, None if none has been read yet."""
    return max((one["celsius"] for one in status["devices"] if one["celsius"] is not None), default=None)


def sentence(scene: Scene) -> str:
    """The scene on one line."""
    status, celsius = scene.status, hottest(scene.status)
    warm = "   -" if celsius is None else f"{celsius:4.1f}"
    return (
        f"{_clock(scene.elapsed)}  {scene.phase:<9}  hottest {warm} °C  demand {status['demand']:3.0f} %  "
        f"duty {status['duty']:3.0f} %  {_rpm(status['rpm'])} rpm  {status['reason']}"
    )


def summary(past: Sequence[Past]) -> str:
    """What was, in a sentence."""
    celsius, duty = [one.celsius for one in past], [one.duty for one in past]
    return (
        f"in {_clock(len(past))} the hottest drive was at {min(celsius):.1f} to {max(celsius):.1f} °C "
        f"and the duty {min(duty):.0f} to {max(duty):.0f} %"
    )


def lines(scene: Scene, width: int) -> Iterator[Line]:
    """The scene as lines of at most ``width`` columns."""
    status = scene.status
    left = f" fand demo  {_clock(scene.elapsed)}  {scene.phase:<9}  {LEGEND}"
    yield [(left, "bold"), (f"{'Ctrl-C ends ':>{max(2, width - len(left))}}", "dim")]
    yield []
    room = width - 20
    yield [(" drive     °C  ", "dim"), (_scale(room), "dim")]
    for device in status["devices"]:
        yield _drive(device, room)
    yield []
    for label, now, values, least, most in _graphs(scene):
        yield [(f" {label:<8}", "dim"), (f"{now:>8}  ", "bold"), (_graph(values, room, least, most), "cyan")]
    yield []
    yield [
        (" fans    ", "dim"),
        ("   ".join(f"{fan['name']} {_rpm(fan['rpm']).strip()} rpm" for fan in status["fans"]), ""),
    ]
    yield [(" demand  ", "dim"), (f"{status['demand']:.0f} %", "")]
    yield [(" reason  ", "dim"), (_fit(status["reason"], width - 10), "")]
    yield []
    yield [(" try     ", "dim"), (f"fanctl -p {scene.port} set-pwm-override {NAME} 80", ""), ("  elsewhere", "dim")]


def _drive(device: Mapping[str, Any], room: int) -> Line:
    celsius = device["celsius"]
    name = f" {_fit(device['name'], 7):<7}"
    if celsius is None:
        return [(f"{name}     -   ", ""), (device["health"], "dim")]
    style = "green" if celsius < 36 else "yellow" if celsius < 40 else "red"
    return [(f"{name} {celsius:5.1f}  ", ""), (_bar((celsius - _LEAST) / (_MOST - _LEAST), room), style)]


def _graphs(scene: Scene) -> Iterator[tuple[str, str, list[float], float, float]]:
    celsius = hottest(scene.status)
    warm = "-" if celsius is None else f"{celsius:.1f} °C"
    yield "hottest", warm, [past.celsius for past in scene.past], 33.0, 38.0
    yield "duty", f"{scene.status['duty']:.0f} %", [past.duty for past in scene.past], 25.0, 75.0


def _bar(share: float, room: int) -> str:
    eighths = round(min(1.0, max(0.0, share)) * room * 8)
    return "█" * (eighths // 8) + _EIGHTHS[eighths % 8].strip()


def _scale(room: int) -> str:
    """Temperatures over the bars, every 4 degrees."""
    text = ""
    for celsius in range(int(_LEAST), int(_MOST), 4):
        at = round((celsius - _LEAST) / (_MOST - _LEAST) * room)
        text = f"{text:<{at}}{celsius}"
    return text


def _graph(values: Sequence[float], room: int, least: float, most: float) -> str:
    """The latest values, one column each."""
    shares = (min(1.0, max(0.0, (value - least) / (most - least))) for value in values[-room:])
    return "".join(_HEIGHTS[round(share * (len(_HEIGHTS) - 1))] for share in shares)


def _rpm(value: float | None) -> str:
    return "   -" if value is None else f"{value:4.0f}"


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02}"


def _fit(text: str, room: int) -> str:
    return text if len(text) <= room else text[: room - 1] + "…"
