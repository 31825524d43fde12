"""One fan of this host with its tachometer: taken over, written and read back, measured, given back.

What goes wrong with one fan is logged and told to its output, and never reaches the others: a fan that cannot be
taken over is tried again like one that cannot be written.
"""

import logging
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from fand.config.values import FanConfig, TachometerConfig
from fand.drivers import fan_kind, tachometer_kind
from fand.exceptions import DriverError
from fand.fanclient import output as outputs
from fand.fanclient.held import Held, Record
from fand.fanclient.output import Output, Pace
from fand.fanclient.trouble import Trouble
from fand.ports import Fan, Tachometer
from fand.units import Rpm, Seconds

_log = logging.getLogger(__name__)


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

    ``fan`` and ``tachometer`` open the hardware of a configuration. ``held`` is put on ``record`` while the hardware
    is, or may be, in our hands.
    """

    def __init__(
        self,
        config: FanConfig,
        state: Path,
        fan: Callable[[FanConfig, Path], Fan] = open_fan,
        tachometer: Callable[[TachometerConfig], Tachometer] = open_tachometer,
        record: tuple[Record, Held] | None = None,
    ) -> None:
        self.config = config
        self._state = state
        self._open_fan = fan
        self._open_tachometer = tachometer
        self._record = record
        self._on_record = False
        self._fan: Fan | None = None
        self._tachometer: Tachometer | None = None
        self._fault = Trouble(f"fan {config.name}")
        self._hand_over = Trouble(f"fan {config.name}", logging.CRITICAL)
        self._taken = Trouble(f"fan {config.name}", logging.WARNING)
        self._rivals = Trouble(f"fan {config.name}", logging.WARNING)
        self._stall = Trouble(f"fan {config.name}")
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
        self.give_back()

    def take(self) -> None:
        """Take the hardware over; from then on it runs at full speed.

        :raises DriverError: it cannot be had
        """
        if self._fan is not None:
            return
        try:
            fan = self._open_fan(self.config, self._state)
            self._keep()
            self._fan = fan.__enter__()
        except DriverError:
            raise
        except Exception as error:
            raise DriverError(f"driver {self.config.kind} failed: {said(error)}") from error

    def give_back(self) -> None:
        """Leave the hardware safe, if it is in our hands. What fails is logged, and the fan stays on record."""
        fan, self._fan = self._fan, None
        if fan is not None:
            try:
                fan.__exit__(None, None, None)
            except Exception as error:  # noqa: BLE001 - a driver of others may raise anything: the other fans go on
                _log.critical("fan %s is left as it is: %s", self.config.name, said(error))
            else:
                self._forget()
        tachometer, self._tachometer = self._tachometer, None
        if tachometer is not None:
            try:
                tachometer.close()
            except Exception as error:  # noqa: BLE001 - as above
                _log.error("tachometer of fan %s: %s", self.config.name, said(error))

    def _keep(self) -> None:
        if self._record is not None and not self._on_record:
            record, held = self._record
            if record.driven:  # two would fight, and the first to end would take the other's record away
                raise DriverError("a fan client that runs drives it already; end that one first")
            self._on_record = record.save(held)

    def _forget(self) -> None:
        if self._record is not None:
            self._record[0].forget()
            self._on_record = False

    def write(self, output: Output, pace: Pace, now: Seconds) -> Output:
        """Carry out what ``output`` wants of this fan; returns what is known then."""
        try:
            output = self._written(output, pace, now)
        except Exception as error:  # noqa: BLE001 - a driver of others may raise anything: the other fans go on
            self._fault.met(said(error))
            output = outputs.failed(output, now, pace)
        if output.failures == 0:
            self._fault.over("works again, watched at full speed for a while" if output.fault else "works again")
            self._hand_over.over("is at full speed again")
        elif output.fault:
            self._handed_over()
        return output

    def hung(self, output: Output, pace: Pace, now: Seconds) -> Output:
        """As :meth:`write`, when that does not return."""
        self._fault.met("its driver hangs")
        return outputs.failed(output, now, pace)

    def _written(self, output: Output, pace: Pace, now: Seconds) -> Output:
        self.take()
        fan = self._fan
        assert fan is not None
        if output.written is not None:
            output = self._found(output, fan, pace, now)
        fan.drive(output.duty)
        read = fan.duty()
        duty, output = output.duty, outputs.wrote(output, read, fan.resolution, now, pace)
        if output.failures:
            self._fault.met(f"does {read:.3g} % after {duty:.3g} % was written", "does not hold")
        self._look_around(fan)
        return output

    def _found(self, output: Output, fan: Fan, pace: Pace, now: Seconds) -> Output:
        try:
            how, read = fan.stolen(), fan.duty()
        except DriverError:
            return output  # the write comes first; if it cannot be read back either, that is told
        before = output.written
        output = outputs.found(output, read, fan.resolution, now, pace, stolen=how is not None)
        if output.taken is None:
            self._taken.over("nobody else changes it any more")
        else:
            how = how or f"set it to {read:.3g} % from {before:.3g} %"
            self._taken.met(f"somebody else {how}; it is set back", f"{how.split()[0]} {read:.0f}")
        return output

    def _look_around(self, fan: Fan) -> None:
        try:
            rivals = " and ".join(fan.rivals())
        except Exception as error:  # noqa: BLE001 - as below: what is only told must not keep a fan from being driven
            self._rivals.met(f"cannot tell who else drives it: {said(error)}")
            return
        if rivals:
            self._rivals.met(f"{rivals} drives it too, and will change its duty; take the fan from there")
        else:
            self._rivals.over("nobody else drives it any more")

    def _handed_over(self) -> None:
        """The hardware cannot be driven: let it go to its own full speed."""
        try:
            if self._fan is not None:
                self._fan.hand_over()
        except Exception as error:  # noqa: BLE001 - as above
            self._hand_over.met(f"cannot be brought to full speed in any way: {said(error)}")
        else:
            self._hand_over.over("is at full speed again")

    @property
    def measured(self) -> bool:
        """Whether there is something that measures it."""
        return self.config.tachometer is not None

    def measure(self, now: Seconds) -> Rpm | None:
        """The fan's speed; None where it has no tachometer or that cannot tell."""
        tachometer = self.config.tachometer
        if tachometer is None:
            return None
        try:
            if self._tachometer is None:
                self._tachometer = self._open_tachometer(tachometer)
            speed = self._tachometer.rpm(now)
        except Exception as error:  # noqa: BLE001 - a driver of others may raise anything: the fan is driven anyhow
            self._measuring.met(said(error))
            return None
        self._measuring.over("measures again")
        return speed

    def turns(self, output: Output, speed: Rpm | None) -> None:
        """Log whether the fan turns as it must: ``output`` is after it was found to turn at ``speed``."""
        if output.rotation.stalled:
            text = f"is stalled: it turns at {speed:.0f} a minute" if speed is not None else "is stalled"
            self._stall.met(f"{text}; full speed", "stalled")
        else:
            self._stall.over("turns as it must again")


def said(error: Exception) -> str:
    """What is to be told of what a driver raised: a driver's own error is a sentence, another needs its name."""
    return str(error) if isinstance(error, DriverError) else f"{type(error).__name__}: {error}"
