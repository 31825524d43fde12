"""fand.exceptions: one tree, and each error is also a builtin."""

import re

import pytest

from fand import exceptions
from fand.exceptions import CommunicationError, ConfigError, DriverError, FandError, RequestError

ERRORS = {
    name: error
    for name, error in vars(exceptions).items()
    if isinstance(error, type) and issubclass(error, Exception)
}
BUILTINS = {
    "TerminatingError": RuntimeError,
    "SendReceiveError": ConnectionError,
    "ListeningError": ConnectionError,
    "ConnectionFailedError": ConnectionError,
    "CorruptedDataError": ConnectionError,
    "FandConnectionResetError": ConnectionResetError,
    "FandTimeoutError": TimeoutError,
    "UnpicklableError": ValueError,
    "RequestError": ValueError,
    "AccessDeniedError": ValueError,
    "ShelfNotFoundError": ValueError,
    "ShelfTemperatureBadValue": ValueError,
    "ShelfRpmBadValue": ValueError,
    "ShelfPwmBadValue": ValueError,
    "ShelfPwmExpireBadValue": ValueError,
    "ConfigError": ValueError,
    "ServerNoConfigError": FileNotFoundError,
    "DriverError": OSError,
    "GpioError": OSError,
    "FanctlActionBadValue": ValueError,
}


@pytest.mark.parametrize("error", ERRORS.values(), ids=ERRORS)
def test_every_error_is_a_fand_error(error: type[Exception]) -> None:
    assert issubclass(error, FandError)


@pytest.mark.parametrize(("name", "builtin"), BUILTINS.items())
def test_every_error_is_the_builtin_it_specialises(name: str, builtin: type[Exception]) -> None:
    assert issubclass(ERRORS[name], builtin)


def test_none_is_without_a_builtin() -> None:
    assert set(ERRORS) - set(BUILTINS) == {"FandError", "CommunicationError"}


@pytest.mark.parametrize("name", ["SendReceiveError", "CorruptedDataError", "FandTimeoutError", "UnpicklableError"])
def test_what_goes_wrong_in_a_conversation_is_caught_at_once(name: str) -> None:
    assert issubclass(ERRORS[name], CommunicationError)


def test_the_tree_that_is_drawn_is_the_tree() -> None:
    """Each name of the drawing stands below its base."""
    lines = re.findall(r"^ {4}([|` -]*)(\w+)(?: \((\w+)\))?", exceptions.__doc__ or "", re.MULTILINE)
    above: list[tuple[int, type[Exception]]] = []
    for indent, name, builtin in lines:
        while above and above[-1][0] >= len(indent):
            above.pop()
        error = ERRORS[name]
        if above:
            assert above[-1][1] in error.__bases__, name
        assert not builtin or builtin in {base.__name__ for base in error.__bases__}
        above.append((len(indent), error))
    assert {name for _, name, _ in lines} == set(ERRORS)


def test_a_configuration_error_holds_every_fault() -> None:
    error = ConfigError(fault for fault in ["a: bad", "b: worse"])
    assert error.faults == ("a: bad", "b: worse")
    assert str(error) == "a: bad\nb: worse"


def test_pins_are_drivers() -> None:
    assert issubclass(exceptions.GpioError, DriverError)
    assert issubclass(exceptions.ShelfNotFoundError, RequestError)
