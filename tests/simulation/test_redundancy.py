"""What a stuck sensor costs."""

from tests.simulation.redundancy import Row, comes_to


def test_a_second_sensor_keeps_a_drive_cool_whose_first_is_stuck() -> None:
    alone, twin = (comes_to(1, busy=True, twin=twin, sticks=True) for twin in (False, True))
    assert alone > twin + 5


def test_a_row_is_a_line() -> None:
    line = "1 drive   all busy       two sensors of it    41.5   51.5  +10.0  critical"
    assert str(Row(1, busy=True, twin=True, well=41.5, stuck=51.5)) == line
