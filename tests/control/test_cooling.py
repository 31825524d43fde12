import pytest
from hypothesis import given
from hypothesis import strategies as st

from fand.control.cooling import GRAIN, TIME_CONSTANTS, alike, possible
from fand.ports import Temperature
from fand.sim import HDD, Fan, Inputs, Shelf, step
from fand.units import FULL, Celsius, Seconds
from tests.control.shelves import celsius, good, times

families = st.none() | st.sampled_from(["hdd", "ssd", "nvme", "cpu", "air"])
readings = st.builds(Temperature, celsius, times)


@pytest.mark.parametrize(
    ("family", "seconds", "degrees"),
    [("hdd", 10, 41.9), ("hdd", 60, 36.2), ("ssd", 10, 24.6), ("nvme", 1, 36.9), ("nvme", 10, 2.0)],
)
def test_s5_each_family_cools_at_its_own_pace(family: str, seconds: float, degrees: float) -> None:
    assert possible(good(45, 0), good(degrees, seconds), family)
    assert not possible(good(45, 0), good(degrees - 0.2, seconds), family)


@pytest.mark.parametrize("load", [0.0, None])
def test_s5_no_drive_of_the_model_is_ever_doubted(load: float | None) -> None:
    """From hot to idle in air at 5 °C, fans at full speed: as fast as it gets."""
    shelf = Shelf((HDD,), (Fan(),))
    state = shelf.at(Celsius(60))
    inputs = Inputs([load], [FULL], Celsius(5))
    for seconds in (1, 10, 10, 60, 60, 300):
        after = step(shelf, state, inputs, Seconds(seconds))
        rounded = round(state.celsius[0] + 0.5), round(after.celsius[0] - 0.5)
        assert possible(good(rounded[0], 0), good(rounded[1], seconds), "hdd")
        state = after


@given(readings, readings, families)
def test_s5_a_rise_is_always_possible(one: Temperature, other: Temperature, family: str | None) -> None:
    warmer = Temperature(max(one.celsius, other.celsius), other.at)
    assert possible(one, warmer, family)
    assert possible(one, Temperature(Celsius(one.celsius - GRAIN), other.at), family)


@given(readings, readings, st.sampled_from(sorted(TIME_CONSTANTS)))
def test_s5_in_time_every_drop_is_possible(one: Temperature, other: Temperature, family: str) -> None:
    late = Seconds(one.at + 10 * TIME_CONSTANTS[family])
    assert possible(one, Temperature(other.celsius, late), family)


@given(readings, readings, families)
def test_s5_readings_agree_whichever_is_the_warmer(one: Temperature, other: Temperature, family: str | None) -> None:
    one, other = sorted((one, other), key=lambda reading: reading.at)
    turned = Temperature(other.celsius, one.at), Temperature(one.celsius, other.at)
    assert alike(one, other, family) == alike(*turned, family)
