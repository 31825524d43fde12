import pytest

from fand.dispatch.certificates import DAY, Certificate, near, stage
from fand.units import Timestamp

NOW = Timestamp(1.7e9)


def _in_days(days: float, whose: str = "pi1") -> Certificate:
    return Certificate(whose, Timestamp(NOW + days * DAY))


def test_those_whose_end_is_near_the_first_in_front() -> None:
    ends = [_in_days(days, str(days)) for days in (31, 30, -5, 2, 365)]
    assert [one.whose for one in near(ends, NOW)] == ["-5", "2", "30"]


@pytest.mark.parametrize(
    ("days", "step"),
    [(30.1, None), (30, 30), (14.1, 30), (14, 14), (6, 7), (2.5, 3), (1, 1), (0.5, 1), (0, 0), (-100, 0)],
)
def test_the_nearer_the_more_often_it_is_told(days: float, step: int | None) -> None:
    assert stage(_in_days(days), NOW) == step
