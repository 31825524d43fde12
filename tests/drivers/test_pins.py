import os
import subprocess
import sys
import warnings
from pathlib import Path

import gpiozero
import pytest
from gpiozero.pins.mock import MockFactory

from fand.drivers.pins import factory_name, library, pin_errors, pin_factory
from fand.exceptions import GpioError
from tests.drivers.pinned import mock_pins


class OddError(Exception):
    """Of no family, like ``lgpio.error``."""


@pytest.mark.parametrize(
    "error",
    [OddError("bad PWM frequency"), gpiozero.PinInvalidState("x"), OSError(5, "x"), RuntimeError("x"), KeyError("x"),
     gpiozero.PinFactoryFallback("x")],
)  # fmt: skip
def test_whatever_is_raised_becomes_a_sentence(error: Exception) -> None:
    with pytest.raises(GpioError, match=r"^cannot drive pin 18: ") as caught, pin_errors("drive pin 18"):
        raise error
    assert caught.value.__cause__ is error


def test_an_error_without_text_is_named_and_one_of_ours_passes() -> None:
    with pytest.raises(GpioError, match=r"^cannot drive pin 18: OddError$"), pin_errors("drive pin 18"):
        raise OddError
    with pytest.raises(GpioError, match=r"^it has burnt$"), pin_errors("drive pin 18"):
        raise GpioError("it has burnt")


def test_the_remedy_is_told_where_it_is_known() -> None:
    with pytest.raises(GpioError, match=r"18: Permission denied; add .* group gpio"), pin_errors("drive pin 18"):
        raise PermissionError(13, "Permission denied", "/dev/gpiochip0")
    with pytest.raises(GpioError, match="busy; something else uses it"), pin_errors("drive pin 18"):
        raise OSError(16, "Device or resource busy")


def test_a_missing_library_says_how_to_install_it() -> None:
    with pytest.raises(GpioError, match=r"'no_such_library'; .* pip install 'fand\[clientrpi\]'"):
        library("no_such_library")


def test_the_factory_that_was_set_is_used_and_known_by_name() -> None:
    class Odd(MockFactory):  # type: ignore[misc]
        pass

    with mock_pins(Odd) as pins:
        assert pin_factory() is pins
        assert factory_name(pins) == "MockFactory"
    assert factory_name(object()) == "object"


def test_where_no_factory_works_each_reason_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpiozero.Device, "pin_factory", None)
    monkeypatch.delenv("GPIOZERO_PIN_FACTORY", raising=False)

    def none_works() -> None:
        warnings.warn(gpiozero.PinFactoryFallback("Falling back from lgpio: it is not there"), stacklevel=1)
        raise gpiozero.BadPinFactory("Unable to load any default pin factory!")

    monkeypatch.setattr(gpiozero.Device, "_default_pin_factory", none_works)
    with pytest.raises(GpioError, match=r"Unable to load any .* from lgpio: it is not there; .* pip install"):
        pin_factory()


def test_an_unknown_factory_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpiozero.Device, "pin_factory", None)
    monkeypatch.setenv("GPIOZERO_PIN_FACTORY", "nonsense")
    with pytest.raises(GpioError, match="nonsense"):
        pin_factory()


def test_a_factory_without_its_library_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpiozero.Device, "pin_factory", None)
    monkeypatch.setenv("GPIOZERO_PIN_FACTORY", "lgpio")
    monkeypatch.setitem(sys.modules, "lgpio", None)
    monkeypatch.delitem(sys.modules, "gpiozero.pins.lgpio", raising=False)
    with pytest.raises(GpioError, match=r"lgpio.*; install what is missing: pip install 'fand\[clientrpi\]'"):
        pin_factory()


def lgpio_folder(cwd: Path, environ: dict[str, str]) -> str:
    """Where lgpio would put its pipe, in a process of its own."""
    code = "import os; from fand.drivers.pins import library; library('gpiozero'); print(os.environ['LG_WD'])"
    bare = {key: value for key, value in os.environ.items() if key not in ("LG_WD", "RUNTIME_DIRECTORY")}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=cwd, env=bare | environ, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def test_lgpio_writes_its_pipe_outside_the_working_folder(tmp_path: Path) -> None:
    temporary = lgpio_folder(tmp_path, {})
    assert Path(temporary).name.startswith("fand-")
    assert not Path(temporary).exists()  # gone with the process
    assert lgpio_folder(tmp_path, {"RUNTIME_DIRECTORY": "/run/fand:/run/x"}) == "/run/fand"
    assert lgpio_folder(tmp_path, {"LG_WD": "/run/mine"}) == "/run/mine"
    assert not list(tmp_path.iterdir())
