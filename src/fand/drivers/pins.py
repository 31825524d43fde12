"""What the drivers of pins share: one error for all that pin libraries raise, and gpiozero's pin factory."""

import atexit
import errno
import importlib
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from fand.exceptions import GpioError

_INSTALL: Final = "pip install 'fand[clientrpi]'"


@contextmanager
def pin_errors(doing: str) -> Iterator[None]:
    """Whatever a pin library raises becomes a :exc:`GpioError` that says what was being done.

    Each library has errors of its own without a common base: ``lgpio.error`` is a plain Exception, gpiozero's are
    not those of the library below it.
    """
    try:
        yield
    except GpioError:
        raise
    except Exception as error:
        text = (isinstance(error, OSError) and error.strerror) or str(error) or type(error).__name__
        raise GpioError(f"cannot {doing}: {text}{_remedy(error)}") from error


def library(name: str) -> Any:
    """The Python library ``name``, imported now.

    :raises GpioError: it is missing or broken; the text says how to install it
    """
    if name == "gpiozero":
        _house_lgpio()
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise GpioError(f"cannot use pins: {error}; install what is missing: {_INSTALL}") from error


def pin_factory() -> Any:
    """The pin factory of gpiozero: the one set or named by ``GPIOZERO_PIN_FACTORY``, else the first that works here.

    :raises GpioError: none works; the text says why
    """
    gpiozero = library("gpiozero")
    with warnings.catch_warnings(record=True) as tried, pin_errors("find a way to drive pins"):
        warnings.simplefilter("always")  # gpiozero warns of each factory that it cannot use
        try:
            gpiozero.Device.ensure_pin_factory()
        except gpiozero.BadPinFactory as error:
            reasons = "; ".join(str(each.message) for each in tried)
            raise GpioError(f"cannot drive pins: {error} {reasons}; on a Raspberry Pi {_INSTALL}") from error
    return gpiozero.Device.pin_factory


def factory_name(factory: Any) -> str:
    """The name of the class of a pin factory that gpiozero itself has and ``factory`` is, or derives from."""
    return next(
        kind.__name__ for kind in type(factory).__mro__ if kind.__module__.startswith(("gpiozero", "builtins"))
    )


def _remedy(error: Exception) -> str:
    if isinstance(error, ImportError):
        return f"; install what is missing: {_INSTALL}"
    number = error.errno if isinstance(error, OSError) else None
    if number in (errno.EACCES, errno.EPERM):
        return "; add this user to the group gpio, or run as root"
    return "; something else uses it" if number == errno.EBUSY else ""


def _house_lgpio() -> None:
    """Give lgpio a folder of its own for the pipe it makes when imported; otherwise that is the working folder."""
    if "LG_WD" in os.environ:
        return
    if folder := os.environ.get("RUNTIME_DIRECTORY"):
        os.environ["LG_WD"] = folder.split(":")[0]
        return
    import shutil  # noqa: PLC0415 - only where lgpio is used, which takes far more memory itself
    import tempfile  # noqa: PLC0415

    os.environ["LG_WD"] = folder = tempfile.mkdtemp(prefix="fand-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
