"""Laws, devices and times for the tests of the law, by hand and by hypothesis.

Times, temperatures and duties of hypothesis are multiples of 1/16, so that sums and differences are exact.
"""

from collections.abc import Sequence

from hypothesis import strategies as st

from fand.control import Device, FamilyLaw, Linear, Memory, Override, ShelfLaw, Step, Track, Watch
from fand.control.curve import Points
from fand.ports import Asleep, Failed, Temperature
from fand.units import Celsius, Moment, Percent, Seconds, Timestamp

WALL = 1_700_000_000.0


def points(*pairs: tuple[float, float]) -> Points:
    return tuple((Celsius(temperature), Percent(duty)) for temperature, duty in pairs)


def moment(mono: float, wall: float | None = None) -> Moment:
    return Moment(Seconds(mono), Timestamp(WALL + mono if wall is None else wall))


def good(degrees: float, at: float) -> Temperature:
    return Temperature(Celsius(degrees), Seconds(at))


def failed(at: float, reason: str = "no answer") -> Failed:
    return Failed(reason, Seconds(at))


def drive(
    degrees: float | None,
    at: float = 0.0,
    *,
    name: str = "S1",
    family: str | None = "hdd",
    failures: int = 0,
    optional: bool = False,
    interval: float = 10.0,
) -> Device:
    """A device that was at ``degrees`` (None: never answered) at ``at``, and has failed so often since."""
    track = Track(
        last=None if degrees is None else good(degrees, at),
        failures=failures,
        failure=failed(at) if failures else None,
        family=family,
    )
    return Device(name, Watch(Seconds(interval), optional), track)


HDD = FamilyLaw("drives", Linear(points((30, 20), (40, 60), (50, 100))), critical=Celsius(55.0))
"""Four percent a degree from 30 °C on."""
LAW = ShelfLaw({"hdd": HDD}, floor=Percent(20.0), on_lost=Percent(90.0), fall=Percent(1.0))


def _sixteenths(low: int, high: int) -> st.SearchStrategy[float]:
    return st.integers(low * 16, high * 16).map(lambda number: number / 16)


celsius = st.floats(min_value=-20, max_value=125, exclude_min=True, exclude_max=True).map(Celsius)
exact_celsius = _sixteenths(-19, 124).map(Celsius)
percents = _sixteenths(0, 100).map(Percent)
times = _sixteenths(0, 1000).map(Seconds)


def _points(degrees: Sequence[float], duties: Sequence[float]) -> Points:
    return points(*zip(sorted(degrees), sorted(duties), strict=False))


_point_sets = st.builds(
    _points,
    st.lists(celsius, min_size=1, max_size=6, unique=True),
    st.lists(st.floats(min_value=0, max_value=100), min_size=6, max_size=6),
)
_bottom = points((-1, 0))
curves: st.SearchStrategy[Step | Linear] = st.one_of(
    _point_sets.map(Linear),
    _point_sets.map(lambda some: Step((*_bottom, *(point for point in some if point[0] > -1)))),
)
families = st.builds(
    FamilyLaw,
    st.just("curve"),
    curves,
    critical=st.none() | exact_celsius,
    hysteresis=_sixteenths(0, 10).map(Celsius),
    average=st.booleans(),
)
laws = st.builds(
    ShelfLaw,
    st.dictionaries(st.sampled_from(["hdd", "ssd", "nvme", "cpu"]), families),
    floor=percents,
    on_lost=percents,
    fall=_sixteenths(1, 20).map(Percent),
)


def _track(last: Temperature | Asleep | None, failures: int, family: str | None) -> Track:
    return Track(last, failures, failed(0) if failures else None, family)


tracks = st.builds(
    _track,
    st.none() | st.builds(Temperature, exact_celsius, times) | st.builds(Asleep, times),
    st.integers(0, 4),
    st.none() | st.sampled_from(["hdd", "ssd", "nvme", "cpu", "air"]),
)
watches = st.builds(Watch, _sixteenths(1, 60).map(Seconds), st.booleans())
devices = st.lists(st.builds(Device, st.text(max_size=4), watches, tracks), max_size=5)
walls = _sixteenths(0, 2000).map(lambda offset: Timestamp(WALL + offset))
moments = st.builds(Moment, times, walls)
overrides = st.none() | st.builds(Override, percents, st.none() | walls)
memories = st.builds(
    Memory,
    st.dictionaries(st.sampled_from(["hdd", "ssd", "nvme", "cpu"]), exact_celsius),
    percents,
    percents,
    times,
)
