"""The hardware of one shelf: drives that warm and cool, sensors that tell it or not, fans and tachometers.

The classes ``...Port`` are what the real code gets to see of it, through the interfaces of :mod:`fand.ports`.
"""

import json
from collections.abc import Callable, Sequence
from math import inf, pi, sin
from pathlib import Path
from random import Random
from types import TracebackType
from typing import Any, Final, Self

from fand.drivers import smartctl
from fand.drivers.process import Output
from fand.drivers.smartdrive import SmartDrive
from fand.exceptions import DriverError
from fand.ports import Asleep, Failed, Reading, Temperature
from fand.sim import Fan as FanKind
from fand.sim import FanFault, Inputs, Shelf, equilibrium, step
from fand.units import FULL, Celsius, Percent, Rpm, Seconds
from tests.simulation.engine import Engine, seeded
from tests.simulation.world import HEAT, PROBE, DriveSpec, FanSpec, ShelfSpec

FIRMWARE: Final = Percent(60.0)
"""What firmware gives a fan that nobody drives."""

DAY: Final = 24 * 3600.0


class FanOutput:
    """The PWM output of one fan, and what is wrong with it. It lives on when the process that drove it has died."""

    def __init__(self, spec: FanSpec) -> None:
        self.spec = spec
        self.manual = False
        self.pwm = FIRMWARE
        self.rotor: FanFault | None = None
        self.refuses = False
        """Neither written nor read."""
        self.frozen = False
        """Writes are taken, and change nothing."""
        self.yielding = True
        """While it refuses or is frozen, it can still be brought to the hardware's own full speed."""
        self.speedless: str | None = None
        """What is wrong with the tachometer."""
        self.asked = FIRMWARE
        """What the process that drives it has asked for last."""
        self.changed: Callable[[], None] = lambda: None

    @property
    def duty(self) -> Percent:
        """What it does now, in truth."""
        return self.pwm if self.manual else FIRMWARE

    def set(self, duty: float) -> None:
        """Set it, by whoever it is."""
        steps = self.spec.resolution
        exact = duty if not steps else min(100.0, round(duty / steps) * steps)
        if exact != self.pwm or not self.manual:
            self.changed()
            self.manual, self.pwm = True, Percent(exact)
            self.changed()

    def release(self) -> None:
        """Let firmware drive it."""
        if self.manual:
            self.changed()
            self.manual = False
            self.changed()


class Bay:
    """One device and its sensor."""

    def __init__(self, spec: DriveSpec) -> None:
        self.spec = spec
        self.fault: str | None = None
        self.amount = 0.0
        self.partner: Bay | None = None
        self.seen = Celsius(25.0)
        """Its temperature in truth, as it was last reckoned."""
        self.load: float | None = 0.3
        self.reads = 0
        self.drops = False
        """Whether a sensor that drops now and then does so now."""

    @property
    def asleep(self) -> bool:
        """Whether it has spun down."""
        return self.load is None

    @property
    def told(self) -> float:
        """Its temperature as a sensor in order would tell it."""
        return shown(self.seen, self.spec.resolution)


def shown(celsius: float, resolution: float) -> float:
    """``celsius`` to the ``resolution`` of a sensor."""
    return round(round(celsius / resolution) * resolution, 6)


class Rack:
    """The shelf itself: the state of the plant at the instant ``at``, and what acts on it."""

    def __init__(self, spec: ShelfSpec, engine: Engine, seed: str) -> None:
        self.spec = spec
        self.engine = engine
        self.bays = [Bay(drive) for drive in spec.drives]
        self.fans = [FanOutput(fan) for fan in spec.fans]
        for fan in self.fans:
            fan.changed = self.advance
        self.heat = 0.0
        """By how much the incoming air is warmer than usual, in °C."""
        self.plant = Shelf(
            tuple(HEAT[drive.family] if drive.twin is None else PROBE for drive in spec.drives),
            tuple(FanKind(full=Rpm(fan.full)) for fan in spec.fans),
            lanes=spec.lanes,
        )
        self.at = engine.now
        self.woken: Callable[[Bay], None] = lambda _bay: None
        """Called when a reader has woken a drive that slept."""
        self.shadow: Callable[[float, float], None] | None = None
        """What goes with the plant, told the span and when it begins."""
        self._phase = seeded(f"{seed}/{spec.name}/ambient").random() * DAY
        self.state = equilibrium(self.plant, self.inputs())
        self._note()
        for number in range(len(self.bays)):
            chance = seeded(f"{seed}/{spec.name}/load/{number}")
            engine.after(chance.expovariate(spec.restless) * 3600.0, self._reload, number, chance)

    @property
    def ambient(self) -> Celsius:
        """The temperature of the incoming air."""
        spec = self.spec
        if not spec.swing:
            return Celsius(spec.ambient + self.heat)
        return Celsius(spec.ambient + self.heat + spec.swing * sin(2 * pi * (self.at + self._phase) / DAY))

    def inputs(self, duties: Sequence[Percent] | None = None) -> Inputs:
        """What acts on the plant now; ``duties`` in place of those that the fans have."""
        return Inputs(
            [bay.load for bay in self.bays],
            [fan.duty for fan in self.fans] if duties is None else duties,
            self.ambient,
            [(number, fan.rotor) for number, fan in enumerate(self.fans) if fan.rotor is not None],
        )

    def advance(self) -> None:
        """Bring the plant up to now."""
        span = self.engine.now - self.at
        if span > 0:
            if self.shadow is not None:
                self.shadow(span, self.at)
            self.state = step(self.plant, self.state, self.inputs(), Seconds(span))
            self.at = self.engine.now
            self._note()

    def _note(self) -> None:
        for bay, celsius in zip(self.bays, self.state.celsius, strict=True):
            bay.seen = celsius if bay.spec.twin is None else self.bays[bay.spec.twin].seen

    def _reload(self, number: int, chance: Random) -> None:
        """The load of one drive changes."""
        bay = self.bays[number]
        if bay.load is not None:
            self.advance()
            bay.load = chance.choice((0.0, 0.0, 0.2, 0.5, 0.8, 1.0))
        self.engine.after(chance.expovariate(self.spec.restless) * 3600.0, self._reload, number, chance)


class Bench:
    """What one server process has of hardware: how long the reading under way takes, and the calls that hang."""

    def __init__(self) -> None:
        self.delay = 0.0
        self.asked: Callable[[], object] | None = None
        """What is to happen when the answer under way is there."""
        self.heard: Callable[[Bay], Callable[[], object]] = lambda _bay: lambda: None
        """What is to happen then, for whom it is."""
        self.whose: object = None
        """The sensor or the disk that is asked; None for a reload."""
        self.hanging: list[tuple[object, Callable[[], object]]] = []
        self._answered: dict[Bay, float] = {}

    def ask(self, bay: "Bay", now: float) -> None:
        """``bay`` is asked: what it answers now comes when its sensor is done.

        Its sensor drops only after an answer not long ago: without one before it nobody can doubt another (S5).
        """
        bay.drops = bay.reads % 3 == 0 and now < self._answered.get(bay, -inf) + 2 * bay.spec.interval
        self._answered[bay] = -inf if telling(bay) is None else now
        self.whose, self.delay = bay, latency(bay)
        self.asked = self.heard(bay)

    def release(self, whose: object) -> None:
        """What hung there hangs no more."""
        hanging, self.hanging = self.hanging, []
        for one, finish in hanging:
            if one is whose:
                finish()
            else:
                self.hanging.append((one, finish))


class SensorPort:
    """A sensor, read directly."""

    def __init__(self, rack: Rack, bay: Bay, bench: Bench) -> None:
        self._rack = rack
        self._bay = bay
        self._bench = bench

    @property
    def family(self) -> str | None:
        """See :class:`fand.ports.Sensor`."""
        return self._bay.spec.family

    def read(self, now: Seconds) -> Reading:
        """See :class:`fand.ports.Sensor`."""
        bay = self._bay
        self._rack.advance()
        bay.reads += 1
        self._bench.ask(bay, self._rack.engine.now)
        fault = bay.fault
        if fault is None:
            return Asleep(now) if bay.asleep else Temperature(Celsius(bay.told), now)
        return self._astray(fault, now)

    def close(self) -> None:
        """See :class:`fand.ports.Sensor`."""

    def _astray(self, fault: str, now: Seconds) -> Reading:
        bay = self._bay
        if fault == "lost":
            return Failed("it is gone", now)
        if fault == "raises":
            raise (OSError("input/output error"), SystemExit(1), ValueError())[bay.reads % 3]
        if fault == "nonsense":
            values: tuple[Any, ...] = (None, "warm", 38, Temperature(Celsius(1e300), now), (1, 2))
            nonsense: Reading = values[bay.reads % len(values)]
            return nonsense
        if fault == "nan":
            return Temperature(Celsius(float("nan")), now)
        celsius = telling(bay)
        return Asleep(now) if celsius is None else Temperature(Celsius(celsius), now)


def latency(bay: Bay) -> float:
    """How long reading takes, in seconds; infinite while it hangs."""
    if bay.fault == "hangs":
        return float("inf")
    if bay.fault == "slow":
        return bay.amount
    return 0.02


def telling(bay: Bay) -> float | None:
    """What the sensor tells as a number, right or wrong; None while it says that its drive is asleep."""
    fault = bay.fault
    if fault == "stuck":
        return bay.amount
    if fault == "says asleep":
        return None
    if fault == "absurd":
        return bay.amount
    if fault == "swapped" and bay.partner is not None:
        return None if bay.partner.asleep else bay.partner.told
    if bay.asleep:
        return None
    if fault == "drops" and bay.drops:
        return bay.told - bay.amount
    if fault == "jumps" and bay.reads % 3 == 0:
        return min(120.0, bay.told + bay.amount)
    return bay.told


class _Smart:
    """The program smartctl, and what it prints of one drive."""

    def __init__(self, rack: Rack, bay: Bay, bench: Bench) -> None:
        self._rack = rack
        self._bay = bay
        self._bench = bench
        self._words: dict[tuple[int, float | None, str], Output] = {}

    def run(self, argv: Sequence[str], limit: Seconds) -> Output:
        bay = self._bay
        self._rack.advance()
        bay.reads += 1
        self._bench.ask(bay, self._rack.engine.now)
        mode = argv[argv.index("-n") + 1] if "-n" in argv else "never"
        if bay.asleep and bay.fault != "stuck" and not mode.startswith(("standby", "idle")):
            self._rack.woken(bay)
        fault = bay.fault
        if fault == "lost":
            return self._said(2, error="Smartctl open device: /dev/sim failed: No such device")
        if fault == "raises":
            raise DriverError("smartctl took longer than 20 s")
        if fault == "nonsense":
            junk = (b"", b"{", b'{"temperature": 38}', b"[]", b'{"temperature": {"current": "warm"}}')
            return Output(bay.reads % 5, junk[bay.reads % len(junk)], b"Segmentation fault")
        if fault == "nan":
            return self._said(0, celsius=float("nan"))
        celsius = telling(bay)
        if celsius is None:
            return self._said(3, error="Device is in STANDBY mode, exit(3)", severity="information")
        return self._said(0, celsius=celsius)

    def close(self) -> None:
        pass

    def _said(self, status: int, *, celsius: float | None = None, error: str = "", severity: str = "error") -> Output:
        """The same words again and again are put together once."""
        key = status, celsius, error
        if key not in self._words:
            self._words[key] = self._put(status, celsius, error, severity)
        return self._words[key]

    def _put(self, status: int, celsius: float | None, error: str, severity: str) -> Output:
        family = self._bay.spec.family
        messages = [{"string": error, "severity": severity}] if error else []
        document: dict[str, Any] = {
            "smartctl": {"exit_status": status, "messages": messages},
            "device": {
                "name": "/dev/sim",
                "type": "nvme" if family == "nvme" else "sat",
                "protocol": "NVMe" if family == "nvme" else "ATA",
            },
        }
        if not error:
            document["serial_number"] = self._bay.spec.name
            document["rotation_rate"] = 7200 if family == "hdd" else 0
        if celsius is not None:
            document["temperature"] = {"current": celsius}
        return Output(status, json.dumps(document).encode(), b"")


class SmartPort(SmartDrive):
    """The real driver of smartctl, on the simulated program."""

    def __init__(self, rack: Rack, bay: Bay, bench: Bench) -> None:
        program = smartctl.Smartctl("smartctl", _Smart(rack, bay, bench))
        kind = "nvme" if bay.spec.family == "nvme" else "sat"
        super().__init__(f"/dev/sim/{bay.spec.name}", kind, root=Path("/nowhere"), smartctl=program)

    def read(self, now: Seconds) -> Reading:
        """See :class:`fand.ports.Sensor`."""
        return self.ask(now).reading


class FanPort:
    """A fan as the fan client drives it. ``kept`` is the host's disk: the mode it was found in, by its name."""

    def __init__(self, output: FanOutput, kept: dict[str, tuple[bool, float]], delay: Callable[[], None]) -> None:
        self._output = output
        self._kept = kept
        self._delay = delay

    def __enter__(self) -> Self:
        output = self._output
        self._check("taken over")
        self._kept.setdefault(output.spec.name, (output.manual, output.pwm))
        self.drive(FULL)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        output = self._output
        manual, _ = self._kept.get(output.spec.name, (True, 100.0))
        self._check("given back")
        if output.frozen:
            raise DriverError("the PWM does not take what is written")
        if manual:
            output.set(FULL)
        else:
            output.release()
        self._kept.pop(output.spec.name, None)

    def drive(self, duty: Percent) -> None:
        """See :class:`fand.ports.Fan`."""
        self._delay()
        self._check("written")
        self._output.asked = duty
        if not self._output.frozen:
            self._output.set(duty)

    def duty(self) -> Percent:
        """See :class:`fand.ports.Fan`."""
        self._check("read")
        return self._output.duty

    def hand_over(self) -> None:
        """See :class:`fand.ports.Fan`."""
        if (self._output.refuses or self._output.frozen) and not self._output.yielding:
            raise DriverError("the hardware's own full speed cannot be had")
        self._output.set(FULL)

    def stolen(self) -> str | None:
        """See :class:`fand.ports.Fan`."""
        self._check("read")
        return None if self._output.manual else "set mode 2"

    def rivals(self) -> Sequence[str]:
        """See :class:`fand.ports.Fan`."""
        return ()

    @property
    def resolution(self) -> Percent:
        """See :class:`fand.ports.Fan`."""
        return Percent(self._output.spec.resolution / 2)

    def _check(self, what: str) -> None:
        if self._output.refuses:
            raise DriverError(f"the PWM cannot be {what}: input/output error")


class TachometerPort:
    """A tachometer as the fan client reads it."""

    def __init__(self, rack: Rack, number: int) -> None:
        self._rack = rack
        self._number = number

    def rpm(self, now: Seconds) -> Rpm | None:
        """See :class:`fand.ports.Tachometer`."""
        fault = self._rack.fans[self._number].speedless
        if fault == "error":
            raise DriverError("the tachometer cannot be read")
        if fault == "unknown":
            return None
        if fault == "zero":
            return Rpm(0.0)
        self._rack.advance()
        speed = self._rack.state.rpm[self._number]
        if fault == "reversed":
            return Rpm(max(0.0, self._rack.plant.fans[self._number].full - speed))
        return speed

    def close(self) -> None:
        """See :class:`fand.ports.Tachometer`."""
