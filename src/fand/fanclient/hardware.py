"""One fan of this host with its tachometer: taken over, written and read back, measured, given back.

What goes wrong with one fan is logged and told to the machine, and never reaches the others: a fan that cannot be
taken over is tried again like one that cannot be written.
"""

import logging
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from fand.config.values import FanConfig, TachometerConfig
from fand.drivers import fan_kind, tachometer_kind
from fand.exceptions import DriverError
from fand.fanclient import machine as machines
from fand.fanclient.machine import Machine
from fand.fanclient.trouble import Trouble
from fand.ports import Fan, Tachometer
from fand.units import Rpm, Seconds


def open_fan(config: FanConfig, state: Path) -> Fan:
    """The fan of ``config``, by its driver.

    :raises DriverError: see :meth:`fand.ports.FanKind.open_fan`
    """
    return fan_kind(config.kind).open_fan(config.settings, config.name, state)


def open_tachometer(config: TachometerConfig) -> Tachometer:
    """The tachometer of ``config``, by its driver.

    :raises DriverError: see :meth:`fand.ports.TachometerKind.open_tachometer`
    """
    return tachometer_kind(config.kind).open_tachometer(config.settings)


class HostFan:
    """A fan as the loop handles it. Leaving it as a context manager gives the hardware back.

    ``fan`` and ``tachometer`` open the hardware of a configuration.
    """

    def __init__(
        self,
        config: FanConfig,
        state: Path,
        fan: Callable[[FanConfig, Path], Fan] = open_fan,
        tachometer: Callable[[TachometerConfig], Tachometer] = open_tachometer,
    ) -> None:
        self.config = config
        self._state = state
        self._open_fan = fan
        self._open_tachometer = tachometer
        self._fan: Fan | None = None
        self._tachometer: Tachometer | None = None
        self._held = ExitStack()
        self._fault = Trouble(f"fan {config.name}")
        self._taken = Trouble(f"fan {config.name}", logging.WARNING)
        self._measuring = Trouble(f"tachometer of fan {config.name}", logging.WARNING)

    @property
    def taken(self) -> bool:
        """Whether the hardware is in our hands."""
        return self._fan is not None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._fan = self._tachometer = None
        self._held.__exit__(kind, error, trace)

    def take(self) -> None:
        """Take the hardware over; from then on it runs at full speed.

        :raises DriverError: it cannot be had
        """
        if self._fan is not None:
            return
        try:
            self._fan = self._held.enter_context(self._open_fan(self.config, self._state))
        except DriverError:
            raise
        except Exception as error:
            raise DriverError(f"driver {self.config.kind} failed: {_said(error)}") from error

    def write(self, machine: Machine, place: int, now: Seconds) -> Machine:
        """Carry out what ``machine`` wants of this fan, its output number ``place``; returns what is known then."""
        try:
            machine = self._written(machine, place, now)
        except Exception as error:  # noqa: BLE001 - a driver of others may raise anything: the other fans go on
            self._fault.met(_said(error))
            return machines.failed(machine, place, now)
        if machine.outputs[place].failures == 0:
            self._fault.over("works again")
        return machine

    def _written(self, machine: Machine, place: int, now: Seconds) -> Machine:
        self.take()
        fan = self._fan
        assert fan is not None
        if machine.outputs[place].written is not None:
            machine = self._found(machine, place, fan, now)
        duty = machine.outputs[place].duty
        fan.drive(duty)
        read = fan.duty()
        machine = machines.wrote(machine, place, read, fan.resolution, now)
        if machine.outputs[place].failures:
            self._fault.met(f"does {read:.3g} % after {duty:.3g} % was written", "does not hold")
        return machine

    def _found(self, machine: Machine, place: int, fan: Fan, now: Seconds) -> Machine:
        try:
            read = fan.duty()
        except DriverError:
            return machine  # the write comes first; if it cannot be read back either, that is told
        before = machine.outputs[place].written
        machine = machines.found(machine, place, read, fan.resolution, now)
        if machine.outputs[place].taken is None:
            self._taken.over("nobody else changes it any more")
        else:
            text = f"somebody else set it to {read:.3g} % from {before:.3g} %; it is set back"
            self._taken.met(text, f"{read:.0f}")
        return machine

    def measure(self, now: Seconds) -> Rpm | None:
        """The fan's speed; None where it has no tachometer or that cannot tell."""
        if self.config.tachometer is None:
            return None
        try:
            if self._tachometer is None:
                self._tachometer = self._open_tachometer(self.config.tachometer)
                self._held.callback(self._tachometer.close)
            speed = self._tachometer.rpm(now)
        except Exception as error:  # noqa: BLE001 - a driver of others may raise anything: the fan is driven anyhow
            self._measuring.met(_said(error))
            return None
        self._measuring.over("measures again")
        return speed


def _said(error: Exception) -> str:
    """What is to be told of it: a driver's own error is a sentence, another needs its name."""
    return str(error) if isinstance(error, DriverError) else f"{type(error).__name__}: {error}"
