"""The thermal model of a shelf. Pure: the same state, inputs and span of time give the same next state.

The state is the temperature ``T`` of each drive and the speed ``n`` of each fan.

**Fan.** At duty ``d`` a turning fan tends to the speed ``n* = n_max max(d, d_min) / 100``, as a 4-wire fan does
not go below its minimum; below ``d_stop`` it tends to 0. A fan at rest sticks until ``d >= d_start``. The speed
follows with a first-order lag::

    dn/dt = (n* - n) / tau        so        n(t + dt) = n* + (n - n*) exp(-dt / tau)

**Air.** Flow goes with speed (fan laws); fans side by side add up; what blows back through a standing fan is
neglected. With ``q`` the mean of ``n / n_max`` over the fans, the air that passes along one lane carries::

    W = rho c_p Q (leak + (1 - leak) q)        watts per kelvin; "leak" is the draught that remains without fans

**Drive.** One lump of metal at one temperature. Its surface gives heat to the air with the conductance::

    G = G_still + G_forced sqrt(q)        laminar flow along a plate: h goes with the root of the speed

Air that comes in at ``T_in`` and flows past a body at ``T`` leaves at::

    T_out = T_in + e (T - T_in),   e = 1 - exp(-G / W)        (a heat exchanger with one side isothermal)

which is the ``T_in`` of the next drive of the lane, the first having the ambient's. So with ``K = W e``::

    C dT/dt = P(load) - K (T - T_in)

Over one step flow and incoming air are held at their means. The equation then has its exact solution::

    x = K dt / C,   T* = T_in + P / K,   T(t + dt) = T* + (T - T*) exp(-x)

and the mean of ``T`` over the step, ``T* + (T - T*) (1 - exp(-x)) / x``, gives ``T_out``. Hence any ``dt`` is
stable, heat is conserved to rounding in every step (power put in = heat stored + heat carried off), and the
equilibrium does not depend on ``dt``. Coarse steps only blur how warm air travels down a lane.
"""

import enum
from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, expm1, sqrt
from typing import Final

from fand.units import Celsius, Percent, Rpm, Seconds

AIR: Final = 1.2 * 1005.0
"""Heat that a cubic metre of air carries per kelvin, in J/(m3 K): its density by its heat capacity, at 20 °C."""


@dataclass(frozen=True, slots=True)
class Drive:
    """What a kind of drive is to heat.

    ``capacity`` is in J/K; ``idle`` and ``busy`` are watts at load 0 and 1, ``asleep`` spun down; ``still`` and
    ``forced`` are the conductances to the air in W/K: without flow, and what full flow adds.
    """

    capacity: float
    idle: float
    busy: float
    asleep: float
    still: float
    forced: float

    def power(self, load: float | None) -> float:
        """Watts at ``load``, from 0 (idle) to 1 (busy); None is asleep."""
        return self.asleep if load is None else self.idle + (self.busy - self.idle) * load


HDD: Final = Drive(capacity=500.0, idle=5.5, busy=9.0, asleep=1.0, still=0.15, forced=0.77)
"""A 3.5-inch drive of 7200 rpm.

Data sheets of nearline drives give 5 to 6 W idle, 7 to 10 W under random access, about 1 W in standby and
0.65 to 0.7 kg. Cast aluminium (0.9 kJ/(kg K)) and steel (0.47) average 0.75: 0.67 kg makes 500 J/K. The surface
of 147 x 102 x 26 mm is 0.043 m2. Air at 3 m/s along 147 mm has Re 29,000 and Nu = 0.664 Re^0.5 Pr^0.33 = 100,
hence h = 18 W/(m2 K) and 0.77 W/K; buoyancy and radiation inside a packed bay are taken as 3.5 W/(m2 K).
The time constant C / G then is 9 minutes at full flow and near an hour without, as one sees on real drives.
"""


@dataclass(frozen=True, slots=True)
class Fan:
    """A 4-wire fan. Intel's specification allows a minimum of up to 30 % of the full speed and a start at 30 %.

    At duties under ``least`` it keeps that speed, under ``stop`` it stops, and from rest it needs ``start``;
    ``lag`` is the time constant of its speed. The defaults are those of a 120 mm fan.
    """

    full: Rpm = Rpm(2000.0)
    least: Percent = Percent(20.0)
    stop: Percent = Percent(5.0)
    start: Percent = Percent(30.0)
    lag: Seconds = Seconds(1.0)


class FanFault(enum.Enum):
    """What is wrong with a fan."""

    STALLED = "stalled"
    """Something holds the rotor: it stands at once, for as long as the fault lasts."""
    DEAD = "dead"
    """The motor gives no torque: the rotor coasts to rest."""


@dataclass(frozen=True, slots=True)
class Shelf:
    """A shelf: its drives, its fans, and the way of the air.

    Drive ``i`` sits in lane ``i % lanes``; within a lane, air passes the drives in their order, so later ones
    are warmer. ``flow`` is the air through one lane with all fans at full speed, in m3/s: the default is 3 m/s
    through the 15 cm2 left free beside a 3.5-inch drive. ``leak`` is the share of it that remains without fans.
    """

    drives: tuple[Drive, ...]
    fans: tuple[Fan, ...]
    lanes: int = 1
    flow: float = 0.0045
    leak: float = 0.05

    def at(self, celsius: Celsius) -> "State":
        """All drives at one temperature, all fans at rest."""
        return State((celsius,) * len(self.drives), (Rpm(0.0),) * len(self.fans))


@dataclass(frozen=True, slots=True)
class State:
    """Temperatures of the drives and speeds of the fans, in the shelf's order."""

    celsius: tuple[Celsius, ...]
    rpm: tuple[Rpm, ...]


@dataclass(frozen=True, slots=True)
class Inputs:
    """What acts on a shelf during a step: for each drive its load (0 to 1, None asleep), for each fan its duty;
    the temperature of the air that comes in; and what is wrong with which fan, by its place in the shelf.
    """

    loads: Sequence[float | None]
    duties: Sequence[Percent]
    ambient: Celsius
    faults: Sequence[tuple[int, FanFault]] = ()


def airflow(shelf: Shelf, rpm: Sequence[float]) -> float:
    """The share of the full flow, 0 to 1, that fans at these speeds move."""
    return sum(speed / fan.full for fan, speed in zip(shelf.fans, rpm, strict=True)) / max(1, len(shelf.fans))


def step(shelf: Shelf, state: State, inputs: Inputs, dt: Seconds) -> State:
    """The state ``dt`` seconds (more than 0) later."""
    speeds, means = [], []
    faults = dict(inputs.faults)
    for number, (fan, speed, duty) in enumerate(zip(shelf.fans, state.rpm, inputs.duties, strict=True)):
        after, mean = _turn(fan, speed, duty, faults.get(number), dt)
        speeds.append(after)
        means.append(mean)
    celsius, _ = _heat(shelf, state.celsius, inputs, airflow(shelf, means), dt)
    return State(tuple(celsius), tuple(speeds))


def equilibrium(shelf: Shelf, inputs: Inputs) -> State:
    """Where the shelf ends if the inputs stay, the fans turning before."""
    faults = dict(inputs.faults)
    rpm = tuple(
        Rpm(0.0) if number in faults else _target(fan, fan.full, duty)
        for number, (fan, duty) in enumerate(zip(shelf.fans, inputs.duties, strict=True))
    )
    celsius, _ = _heat(shelf, (inputs.ambient,) * len(shelf.drives), inputs, airflow(shelf, rpm), None)
    return State(tuple(celsius), rpm)


def exhaust(shelf: Shelf, state: State, inputs: Inputs, dt: Seconds) -> float:
    """The heat in watts that the air carries off during the step from ``state``, with the fans at their speeds."""
    flow = airflow(shelf, state.rpm)
    _, air = _heat(shelf, state.celsius, inputs, flow, dt)
    return _carried(shelf, flow) * sum(leaving - inputs.ambient for leaving in air)


def _turn(fan: Fan, speed: Rpm, duty: Percent, fault: FanFault | None, dt: Seconds) -> tuple[Rpm, Rpm]:
    """The fan's speed after ``dt``, and its mean meanwhile."""
    if fault is FanFault.STALLED:
        return Rpm(0.0), Rpm(0.0)
    target = Rpm(0.0) if fault is FanFault.DEAD else _target(fan, speed, duty)
    if abs(speed - target) < 1e-9 * fan.full:  # as most of the time, and exponentials are dear
        return target, target
    x = dt / fan.lag
    after = Rpm(target + (speed - target) * exp(-x))
    mean = Rpm(target - (speed - target) * expm1(-x) / x)
    # friction brings a coasting rotor to rest, where no equation with a lag ever arrives
    return (Rpm(0.0), mean) if not target and after < 0.02 * fan.full else (after, mean)


def _target(fan: Fan, speed: Rpm, duty: Percent) -> Rpm:
    if duty < (fan.stop if speed > 0 else fan.start):
        return Rpm(0.0)
    return Rpm(fan.full * max(duty, fan.least) / 100)


def _carried(shelf: Shelf, flow: float) -> float:
    """``W``, in watts per kelvin."""
    return AIR * shelf.flow * (shelf.leak + (1 - shelf.leak) * flow)


def _heat(
    shelf: Shelf, celsius: Sequence[Celsius], inputs: Inputs, flow: float, dt: Seconds | None
) -> tuple[list[Celsius], list[float]]:
    """The drives' temperatures after ``dt`` (None: in the end), and the mean of the air's that leaves each lane."""
    carried, root = _carried(shelf, flow), sqrt(flow)
    air: list[float] = [inputs.ambient] * shelf.lanes
    result: list[Celsius] = []
    kinds: dict[int, tuple[float, float, float, float]] = {}  # drives of a shelf are mostly alike
    for number, (drive, before, load) in enumerate(zip(shelf.drives, celsius, inputs.loads, strict=True)):
        alike = kinds.get(id(drive))
        if alike is None:
            share = -expm1(-(drive.still + drive.forced * root) / carried)
            conductance = carried * share
            x = 0.0 if dt is None else conductance * dt / drive.capacity
            decay, blend = (0.0, 0.0) if dt is None else (exp(-x), -expm1(-x) / x)
            kinds[id(drive)] = share, conductance, decay, blend
        else:
            share, conductance, decay, blend = alike
        lane = number % shelf.lanes
        entering = air[lane]
        end = entering + drive.power(load) / conductance
        result.append(Celsius(end + (before - end) * decay))
        air[lane] = entering + share * (end + (before - end) * blend - entering)
    return result, air
