import pytest

from tests.soak.law import demand


@pytest.mark.parametrize(
    ("celsius", "duty"),
    [((20,), 25), ((33,), 25), ((20, 36.5), 62.5), ((36.5, 20), 62.5), ((40,), 100), ((49.9,), 100), ((60, 1), 100)],
)
def test_the_hottest_drive_goes_through_the_curve(celsius: tuple[float, ...], duty: float) -> None:
    assert demand(celsius) == pytest.approx(duty)
