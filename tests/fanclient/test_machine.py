from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from fand.fanclient import machine as machines
from fand.fanclient import output as outputs
from fand.fanclient.lease import State, Terms
from fand.fanclient.machine import Machine
from fand.fanclient.output import KICK, Condition, Limits, Output
from fand.units import FULL, Percent, Rpm, Seconds

P, S = Percent, Seconds
TERMS = Terms(interval=S(5), lease=S(20), failsafe=P(90))


def begin(servers: int = 1, fans: int = 1) -> Machine:
    return machines.start(TERMS, servers, [Limits()] * fans, TERMS.interval, S(0))


def done(machine: Machine, fan: int, now: float) -> Output:
    output = machine.outputs[fan]
    return outputs.wrote(output, output.duty, P(0.5), S(now), machine.pace)


def written(machine: Machine, now: float) -> Machine:
    for fan in machine.due(S(now)):
        machine = machines.driven(machine, fan, done(machine, fan, now))
    return machine


def test_it_begins_at_full_speed_and_writes_at_once() -> None:
    machine = begin(fans=2)
    assert (machine.state, machine.demand) == (State.INIT, FULL)
    assert machine.due(S(0)) == [0, 1]
    machine = written(machine, 0)
    assert all(output.verified for output in machine.outputs)
    assert machine.deadline == 5


def test_c3_the_greatest_demand_of_several_servers_is_driven() -> None:
    machine = machines.answer(begin(servers=2), 0, P(30), S(1), S(1))
    assert (machine.state, machine.outputs[0].duty) == (State.INIT, 100)  # the other has not spoken
    machine = machines.answer(machine, 1, P(50), S(2), S(2))
    assert (machine.state, machine.outputs[0].duty) == (State.RUN, 50)
    machine = machines.answer(machine, 0, P(70), S(3), S(3))
    assert machine.outputs[0].duty == 70
    machine = machines.missed(machine, 1, S(4))
    assert (machine.state, machine.outputs[0].duty) == (State.HOLD, 70)
    machine = machines.answer(machine, 0, P(30), S(15), S(15))
    assert machine.outputs[0].duty == 50
    machine = machines.tick(machine, S(22))
    assert (machine.state, machine.outputs[0].duty) == (State.FAILSAFE, 90)


def test_each_fan_has_its_own_limits_and_its_own_faults() -> None:
    limits = [Limits(P(20)), Limits(P(45)), Limits(P(20), allow_stop=True)]
    machine = machines.start(TERMS, 1, limits, TERMS.interval, S(0))
    machine = machines.answer(machine, 0, P(0), S(1), S(1))
    assert [output.duty for output in machine.outputs] == [20, 45, 0]
    machine = machines.driven(machine, 1, outputs.failed(machine.outputs[1], S(1), machine.pace))
    machine = machines.driven(machine, 0, done(machine, 0, 1))
    assert [output.failures for output in machine.outputs] == [0, 1, 0]
    assert machine.due(S(1)) == [2]
    assert machine.deadline == 1


def test_after_a_sleep_every_fan_is_due_and_what_is_over_is_over() -> None:
    machine = written(machines.answer(begin(fans=2), 0, P(30), S(1), S(1)), 1)
    assert machine.due(S(3)) == []
    machine = machines.woken(machine, S(3))
    assert (machine.due(S(3)), machine.state) == ([0, 1], State.RUN)
    assert machines.woken(machine, S(30)).state is State.FAILSAFE


def test_leaving_nothing_is_driven_any_more() -> None:
    machine = machines.leave(begin())
    assert (machine.state, machine.demand, machine.due(S(100))) == (State.EXIT, FULL, [])


class FanClient(RuleBasedStateMachine):
    """Any history of answers, pushes, misses, failures and takeovers, checked against the table of the design."""

    def __init__(self) -> None:
        super().__init__()
        self.now = S(1000)
        self.limits = [Limits(P(20)), Limits(P(35), least_rpm=Rpm(400)), Limits(P(20), allow_stop=True)]
        self.machine = machines.start(TERMS, 1, self.limits, TERMS.interval, self.now)
        self.duty: Percent | None = None  # what the server said last
        self.asked = S(0)  # the youngest question answered
        self.answers = 0  # since the lease was last seen to be over
        self.over = False  # the lease was over, and the demand has not come down since
        self.fell = S(0)
        self.verified = [S(0)] * 3  # since when each fan has done full speed without a fault
        self.turned = [S(0)] * 3  # since when each fan has turned as it must

    def live(self) -> bool:
        return self.duty is not None and self.now < self.asked + TERMS.lease

    def follow(self, after: Machine, *, answered: bool = False) -> None:
        """Check one step, and take it."""
        before = self.machine
        lost = before.demand - after.demand
        self.follow_fans(before, after)
        if self.duty is not None and not self.live():
            assert after.state is State.FAILSAFE
        if self.over and lost > 0:
            assert lost <= 5 + 1e-9
            assert self.now - self.fell >= TERMS.interval - 1e-6
            assert after.state is State.RUN
            self.fell = self.now
        if before.state in (State.HOLD, State.FAILSAFE, State.INIT) and after.state is before.state:
            assert lost <= 0
        if lost > 0 and not answered:
            assert self.over  # time alone lowers nothing but after a failsafe
        if before.state is State.FAILSAFE and after.state is not State.FAILSAFE:
            assert answered
            assert self.answers >= 2
            self.fell = self.now
        if after.state is State.FAILSAFE and before.state is not State.FAILSAFE:
            assert self.duty is not None
            assert not self.live() or answered
        if after.state is State.FAILSAFE:
            self.over = True
        elif after.demand == self.duty:
            self.over = False
        self.machine = after

    def follow_fans(self, before: Machine, after: Machine) -> None:
        for i, (old, new) in enumerate(zip(before.outputs, after.outputs, strict=True)):
            if old.fault and not new.fault:
                assert self.now - self.verified[i] >= 30 - 1e-6
            if old.rotation.stalled and not new.rotation.stalled:
                assert self.now - self.turned[i] >= 30 - 1e-6
            if old.forced and new.duty > 0:
                assert new.duty == FULL  # what was forced begins to fall a step later
            elif old.stepped is not None and new.duty < old.duty:
                assert old.duty - new.duty <= 5 + 1e-9 or new.duty == 0
                assert self.now - old.stepped >= TERMS.interval - 1e-6

    @rule(seconds=st.floats(0.01, 6))
    def time_passes(self, seconds: float) -> None:
        self.now = S(self.now + seconds)
        self._tick()

    @rule(seconds=st.floats(6, 60))
    def suspended(self, seconds: float) -> None:
        self.now = S(self.now + seconds)
        self._tick()

    @rule()
    def to_the_deadline(self) -> None:
        if self.machine.deadline > self.now:
            just_before = S(self.now + (self.machine.deadline - self.now) * 0.999)
            assert machines.tick(self.machine, just_before) == self.machine
            self.now = self.machine.deadline
        self._tick()

    def _tick(self) -> None:
        if not self.live():
            self.answers = 0
        self.follow(machines.tick(self.machine, self.now))

    @rule(duty=st.floats(0, 100) | st.sampled_from([0, 20, 100]), delay=st.floats(0, 30))
    def answers_a_question(self, duty: float, delay: float) -> None:
        self._answer(P(duty), S(self.now - delay))

    @rule(duty=st.floats(0, 100))
    def answers_at_once(self, duty: float) -> None:
        self._answer(P(duty), self.now)

    @precondition(lambda self: self.duty is not None)
    @rule(duty=st.floats(0, 100))
    def pushes(self, duty: float) -> None:
        self._answer(P(duty), self.asked)

    def _answer(self, duty: Percent, asked: Seconds) -> None:
        if not self.live():
            self.answers = 0
        fresh = self.now < asked + TERMS.lease and (self.duty is None or asked > self.asked)
        after = machines.answer(self.machine, 0, duty, asked, self.now)
        if fresh:
            self.asked, self.answers = asked, self.answers + 1
        if fresh or self.duty is not None:
            self.duty = duty
        self.follow(after, answered=True)
        if self.live():
            assert self.machine.demand >= duty

    @rule()
    def misses(self) -> None:
        self.answers = 0
        self.follow(machines.missed(self.machine, 0, self.now))

    @rule(fan=st.integers(0, 2), what=st.sampled_from(["good", "bad", "refused", "taken", "stolen", "stopped"]))
    def hardware(self, fan: int, what: str) -> None:
        output, pace, now = self.machine.outputs[fan], self.machine.pace, self.now
        after = {
            "good": lambda: outputs.wrote(output, output.duty, P(0.5), now, pace),
            "bad": lambda: outputs.wrote(output, P(0.0 if output.duty > 50 else 100.0), P(0.5), now, pace),
            "refused": lambda: outputs.failed(output, now, pace),
            "taken": lambda: outputs.found(output, P(50.0), P(0.5), now, pace),
            "stolen": lambda: outputs.found(output, output.duty, P(0.5), now, pace, stolen=True),
            "stopped": lambda: outputs.found(output, P(0.0), P(0.5), now, pace),
        }[what]()
        if what != "good" and (output.written is not None or what in ("bad", "refused")):
            self.verified[fan] = S(float("inf"))
        elif what == "good" and output.duty == FULL:
            self.verified[fan] = min(self.verified[fan], now)
        if what in ("taken", "stolen", "stopped") and after.taken is not None:
            assert after.until == now + TERMS.lease
        self.follow(machines.driven(self.machine, fan, after))

    @rule(fan=st.integers(0, 2), speed=st.none() | st.sampled_from([0, 399, 400, 2000]))
    def turns(self, fan: int, speed: float | None) -> None:
        output = self.machine.outputs[fan]
        least = output.limits.least_rpm
        after = outputs.measured(output, None if speed is None else Rpm(speed), self.now)
        if after.rotation.stalled:
            assert output.rotation.stalled or (output.duty > 0 and speed is not None)
        if speed is None or speed == 0 or speed < least:
            self.turned[fan] = S(float("inf"))
        else:
            self.turned[fan] = min(self.turned[fan], self.now)
        self.follow(machines.driven(self.machine, fan, after))

    @rule(fan=st.integers(0, 2), bad=st.booleans())
    def lasts(self, fan: int, bad: bool) -> None:
        """What single steps seldom come to: hardware that refuses, or stands still, time and again; or works."""
        for _ in range(4):
            self.hardware(fan, "refused" if bad else "good")
            self.turns(fan, 0 if bad else 2000)
            self.time_passes(10)

    @rule()
    def wakes(self) -> None:
        if not self.live():
            self.answers = 0
        self.follow(machines.woken(self.machine, self.now))
        assert self.machine.due(self.now) == [0, 1, 2]

    @invariant()
    def full_speed_until_the_first_answer(self) -> None:
        if self.duty is None:
            assert (self.machine.state, self.machine.demand) == (State.INIT, FULL)

    @invariant()
    def never_under_the_last_demand_while_the_lease_lives(self) -> None:
        if self.live() and self.duty is not None:
            assert self.machine.demand >= self.duty

    @invariant()
    def failsafe_once_it_is_over(self) -> None:
        if self.duty is not None and not self.live():
            assert self.machine.state is State.FAILSAFE
            assert self.machine.demand >= TERMS.failsafe

    @invariant()
    def every_fan_gets_the_demand_and_its_floor(self) -> None:
        demand = self.machine.demand
        for output, limits in zip(self.machine.outputs, self.limits, strict=True):
            assert output.duty >= demand
            assert output.duty >= limits.floor or (limits.allow_stop and demand == 0)
            if output.forced:
                assert output.duty == FULL
            elif output.stepped is None:
                assert output.duty <= max(demand, limits.floor, KICK)

    @invariant()
    def the_gravest_is_told(self) -> None:
        for output in self.machine.outputs:
            assert (output.condition is Condition.FAULT) is output.fault
            assert output.condition is Condition.STALLED or output.fault or not output.rotation.stalled


FanClient.TestCase.settings = settings(max_examples=200, stateful_step_count=40, deadline=None)
test_any_history = FanClient.TestCase
