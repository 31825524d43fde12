"""What must always hold. docs/simulation.rst states each invariant with its bound.

The bounds are made of three spans: until the server knows a temperature (``_known``), until the fan client drives
what follows from it (``_served``), and until the hardware does that (``_driven``). Each has its healthy value, and a
greater one while a fault of that part lasts or has only just ended.
"""

from collections import deque
from collections.abc import Callable, Sequence
from math import inf
from typing import Final

from fand.wire import Decoder, Request
from tests.simulation.critical import Shadow
from tests.simulation.hardware import Rack, shown
from tests.simulation.host import ABORT, STOP_POST
from tests.simulation.oracle import INCREDIBLE, Families, Knowledge, budget, sight
from tests.simulation.world import World

SLACK: Final = 0.6
"""Seconds for all that takes no time worth a rule: a reading, a turn of a loop, an event of the simulation."""
ROUNDING: Final = 0.11
"""Duties are served in tenths, rounded up."""
BETWEEN: Final = 0.005
"""Degrees by which a device may be colder between two looks at it than at both."""
SLOWEST: Final = 100.0
"""Seconds that a reading takes at most, unless it hangs."""
CONNECTING: Final = 45.0
"""Seconds in which a fan client has its server again that can be reached: the time-out of a dead connection or of a
try to connect (10 s), the longest pause (10 s), twice, and one round."""


class Exposure:
    """A part of the installation in which something is wrong, or was a moment ago."""

    __slots__ = ("count", "ended")

    def __init__(self) -> None:
        self.count = 0
        self.ended = -inf

    def begin(self) -> None:
        """A fault has begun."""
        self.count += 1

    def end(self, now: float, settling: float = 0.0) -> None:
        """A fault has ended; what it did is over ``settling`` seconds later."""
        self.count -= 1
        self.ended = max(self.ended, now + settling)

    def lasts(self, now: float, settling: float) -> bool:
        """Whether it counts at ``now``."""
        return self.count > 0 or now < self.ended + settling


class ShelfMonitor:
    """Watches one shelf; ``violated`` is told which invariant does not hold, and how."""

    def __init__(self, rack: Rack, world: World, least_override: Callable[[], float]) -> None:
        spec = rack.spec
        self.rack = rack
        self.families = Families(spec)
        self.sensors = [Exposure() for _ in spec.drives]
        self.serving = Exposure()
        self.sleeping = Exposure()
        """A server's host is suspended: when it wakes, all that is known is old."""
        self.driving = Exposure()
        self.fans = [Exposure() for _ in spec.fans]
        self.rotors = [Exposure() for _ in spec.fans]
        self.stands_since = [inf] * len(spec.fans)
        """Since when a fan has been standing still where its tachometer can tell."""
        self.orders = Exposure()
        self.changed_at = [0.0] * len(spec.fans)
        """When a fan's duty last changed."""
        self.violated: Callable[[str, str], None] = lambda _rule, _text: None
        self._least_override = least_override
        self._world = world
        self._sight: tuple[float | None, ...] = (None,) * len(spec.drives)
        self._swapped: list[int] | None = None
        self._lost_at = [inf] * len(spec.drives)
        self._incredible_at = -inf
        self._intervals = [drive.interval for drive in spec.drives]
        longest = max(self._intervals)
        known = max(budget(longest), SLOWEST) + longest
        self._most = max(known + spec.lease + world.watchdog + 20.0, 100.0 / spec.fall + 2 * longest + 10.0)
        self._history: deque[tuple[float, tuple[float, ...], tuple[float | None, ...], float]] = deque()
        self._stall_found = 10.0 + 5 * spec.interval + SLACK + 3 * spec.latency
        self._shadow: Shadow | None = None
        self._tolerance = [ROUNDING + fan.resolution for fan in spec.fans]

    def sensor_changed(self, number: int, *, lost: bool) -> None:
        """What can be known of device ``number`` is something else from now on; ``lost``: nothing."""
        bays = self.rack.bays
        self._sight = tuple(sight(bay) for bay in bays)
        places = [bays.index(bay.partner) if bay.partner is not None else place for place, bay in enumerate(bays)]
        self._swapped = places if any(bay.partner is not None for bay in bays) else None
        self._lost_at[number] = self.rack.engine.now if lost else inf
        self.check()

    def resumed(self) -> None:
        """A server that hung goes on: it finds answers that came meanwhile, later than it would have waited for."""
        now = self.rack.engine.now
        for number, bay in enumerate(self.rack.bays):
            if bay.fault == "slow":
                self._lost_at[number] = max(now, self._lost_at[number])

    def check(self) -> None:
        """See that the fans do at least what the temperatures demand, as far as that can be known."""
        rack = self.rack
        rack.advance()
        now = rack.engine.now
        celsius: tuple[float, ...] = rack.state.celsius
        override = self._least_override()
        told = celsius if self._swapped is None else self._exchanged(celsius)
        seen = self._sight
        if max(told) >= INCREDIBLE:
            seen = tuple(-inf if warm >= INCREDIBLE else value for warm, value in zip(told, seen, strict=True))
            self._incredible_at = now
        history = self._history
        history.append((now, told, seen, override))
        while history[0][0] < now - self._most:
            history.popleft()
        need = self.families.demand(celsius)
        stalled = now > max(min(self.stands_since), self.driving.ended) + self._stall_found
        little = 100.0 if stalled else need
        low = [number for number, fan in enumerate(rack.fans) if fan.duty < little and not self._excused(number, now)]
        if low:
            self._weigh(low, now, stalled=stalled)
        if need >= 100.0 or self._shadow is not None:
            self._follow(now)

    def _exchanged(self, celsius: tuple[float, ...]) -> tuple[float, ...]:
        """The temperatures as they are seen where one device is taken for another, as coarsely as the other tells."""
        assert self._swapped is not None
        drives = self.rack.spec.drives
        return tuple(
            celsius[other] - ((drives[other].resolution + drives[place].resolution) / 2 if other != place else 0.0)
            for place, other in enumerate(self._swapped)
        )

    def most(self, since: float, enough: float) -> float:
        """The greatest demand that the temperatures since then can have had; ``enough`` is not looked beyond."""
        most = 0.0
        for entry in reversed(self._history):
            if entry[0] < since or most >= enough:
                break
            most = max(most, self.families.most(self._told(entry)))
        return most

    def _told(self, entry: tuple[float, tuple[float, ...], tuple[float | None, ...], float]) -> list[float]:
        return [
            (shown(celsius, drive.resolution) if seen is None else seen)
            for celsius, seen, drive in zip(entry[1], entry[2], self.rack.spec.drives, strict=True)
        ]

    def _follow(self, now: float) -> None:
        """See that no drive is critical for longer than must be."""
        rack, spec = self.rack, self.rack.spec
        known = max(self._known(device, now) for device in range(len(spec.drives)))
        # whatever goes wrong meanwhile, this is the longest that the three spans can be
        reacts = now + known + spec.lease + 2 * (self._world.watchdog + ABORT + self._world.restart) + SLACK
        shadow = self._shadow
        if shadow is None:
            critical = [spec.curves[drive.family].critical for drive in spec.drives]
            if any(celsius >= limit for celsius, limit in zip(rack.state.celsius, critical, strict=True)):
                self._shadow = Shadow(rack, reacts, min(100.0, spec.failsafe))
                rack.shadow = self._shadow.advance
            return
        blind = any(sensor.lasts(now, self._most) for sensor in self.sensors)
        blind = blind or now < self._incredible_at + self._most
        if blind or any(self._excused(number, now) for number in range(len(rack.fans))):
            shadow.again(reacts)  # what nobody can know or set now is no measure of anybody
        elif (worse := shadow.worse()) is not None:
            self.violated(
                "critical",
                f"{spec.name} {spec.drives[worse].name} is at {rack.state.celsius[worse]:.1f} °C, "
                f"where the best controller would have it at {shadow.state.celsius[worse]:.1f} °C",
            )
        if shadow.over:
            self._shadow = rack.shadow = None

    def _excused(self, number: int, now: float) -> bool:
        """Whether this fan's hardware does not do what is asked of it, or is with its firmware between two runs."""
        given_back = not self.rack.fans[number].manual and self.driving.lasts(now, self._world.restart + 2.0)
        held = self.rack.spec.interval + SLACK
        if self.driving.lasts(now, held):
            held += self._world.watchdog + ABORT + STOP_POST
        return given_back or self.fans[number].lasts(now, held)

    def _weigh(self, low: Sequence[int], now: float, *, stalled: bool) -> None:
        """See whether the fans that are ``low`` do less than they must."""
        spec = self.rack.spec
        driven = SLACK
        if self.driving.lasts(now, self._world.watchdog + ABORT + self._world.restart + SLACK):
            driven += self._world.watchdog + ABORT + STOP_POST
        served = SLACK + 3 * spec.latency
        serving = self.serving.lasts(now, spec.lease + CONNECTING)
        if serving:
            served += spec.lease
        least = [
            self._lowest(device, now - self._known(device, now) - served - driven)
            for device in range(len(spec.drives))
        ]
        need = self.families.least(least)
        for device, lost_at in enumerate(self._lost_at):
            if not spec.drives[device].optional and now > lost_at + self._known_lost(device) + served + driven:
                need = max(need, spec.on_lost)
        if serving or driven > SLACK:
            need = min(need, spec.failsafe)
        if self.sleeping.lasts(now, max(drive.timeout for drive in spec.drives) + SLACK):
            need = min(need, spec.on_lost)
        since = now - served - driven - max(self._intervals)
        overrides = min(entry[3] for entry in self._history if entry[0] >= since)
        # a stall outdoes an override as soon as it is known to a server, whose word reaches the fan client
        need = 100.0 if stalled and not serving and driven == SLACK else min(need, overrides)
        for number in low:
            fan = self.rack.fans[number]
            due = max(need, fan.spec.floor)
            stands_since = max(self.stands_since[number], self.driving.ended)
            if driven == SLACK and now > stands_since + self._stall_found:
                due = 100.0  # its client knows that by itself
            if fan.duty < due - self._tolerance[number]:
                self.violated(
                    "true duty",
                    f"{spec.name} {fan.spec.name} does {fan.duty:.2f} % where {due:.2f} % is due"
                    f" (temperatures {', '.join(f'{celsius:.1f}' for celsius in self.rack.state.celsius)})",
                )

    def _known(self, device: int, now: float) -> float:
        """After what time at most a temperature of ``device`` is known."""
        drive = self.rack.spec.drives[device]
        if self.sensors[device].lasts(now, drive.interval + drive.timeout + SLACK):
            # one that may be absent is so until what it was asked last has come to its end
            spent = SLOWEST + drive.interval if drive.optional else 0.0
            return max(budget(drive.interval) + drive.timeout, spent) + SLACK
        return drive.interval + SLACK

    def _known_lost(self, device: int) -> float:
        drive = self.rack.spec.drives[device]
        return budget(drive.interval) + SLACK

    def _lowest(self, device: int, since: float) -> float:
        """The lowest temperature of ``device`` since then, as a sensor tells it; what was before that counts too."""
        lowest = inf
        for at, celsius, seen, _ in reversed(self._history):
            value = seen[device]
            lowest = min(lowest, celsius[device] if value is None else value)
            if at < since:
                break
        else:
            return -inf  # too little is known of the past
        return lowest if lowest == -inf else shown(lowest - BETWEEN, self.rack.spec.drives[device].resolution)


class ServedMonitor:
    """Watches what one run of a server sends: no duty is less than what it knows asks for."""

    def __init__(self, shelves: dict[str, Knowledge], overrides: Callable[[str], float]) -> None:
        self.shelves = shelves
        self.violated: Callable[[str, str], None] = lambda _rule, _text: None
        self.served: Callable[[str, float], None] = lambda _shelf, _duty: None
        self._overrides = overrides
        self._seen: dict[bytes, tuple[tuple[str, float], ...]] = {}

    def sent(self, data: bytes, now: float) -> None:
        """The server sends ``data``."""
        duties = self._seen.get(data)
        if duties is None:
            duties = _duties(data)
            if len(self._seen) > 2000:
                self._seen.clear()
            self._seen[data] = duties
        for shelf, duty in duties:
            self.served(shelf, duty)
            forced, least = self.shelves[shelf].least(now)
            if duty < forced - ROUNDING:
                self.violated("below a fault", f"{shelf} is served {duty:g} % where a fault demands {forced:g} %")
            elif duty < min(least, self._overrides(shelf)) - ROUNDING:
                self.violated("stale", f"{shelf} is served {duty:g} % where its readings ask for {least:.2f} %")


def _duties(data: bytes) -> tuple[tuple[str, float], ...]:
    decoder = Decoder()
    decoder.feed(data)
    found = []
    while (frame := decoder.next()) is not None:
        request, args = frame
        if request is Request.SET_PWM:
            found.append((args[0], float(args[1])))
    return tuple(found)
