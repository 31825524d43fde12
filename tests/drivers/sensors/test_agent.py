import msgspec
import pytest

from fand.dispatch.reports import Report
from fand.drivers.sensors import agent
from fand.ports import Failed, Temperature
from fand.units import Celsius, Seconds
from tests.dispatch.halls import peer

SETTINGS = agent.Settings("nas2", "AD7E")


def test_what_was_reported_is_read() -> None:
    sensor = agent.open_sensor(SETTINGS)
    sensor.mailbox.take(Report("AD7E", Temperature(Celsius(40), Seconds(3)), Seconds(4), "ssd"), peer())
    assert sensor.read(Seconds(90)) == Temperature(Celsius(40), Seconds(3))
    assert sensor.family == "ssd"
    sensor.close()


def test_before_a_report_there_is_no_reading() -> None:
    sensor = agent.open_sensor(SETTINGS)
    assert sensor.read(Seconds(9)) == Failed("agent nas2 reports it, to a running server only", Seconds(9))
    assert sensor.family is None


def test_it_is_called_what_the_agent_calls_it() -> None:
    assert agent.title(SETTINGS) == "AD7E"


@pytest.mark.parametrize("settings", [{"agent": "", "device": "x"}, {"agent": "x", "device": " "}])
def test_settings_that_name_nothing_are_refused(settings: dict[str, str]) -> None:
    with pytest.raises(msgspec.ValidationError, match="give the name"):
        msgspec.convert(settings, agent.Settings)
