"""Deliberate bugs of the server; :mod:`tests.simulation.mutations` applies and hunts them."""

from typing import Final

from tests.simulation.mutations import Mutation, edit

SERVER: Final = (
    Mutation(
        "unanswered-forgotten",
        "S1",
        "A device that has not answered since the start is taken for one that is absent.",
        (
            edit(
                "fand.control.decision:_survey",
                "state is Health.ABSENT",
                "state in (Health.ABSENT, Health.WAITING)",
            ),
        ),
        ("lost", "server killed", "slow"),
    ),
    Mutation(
        "lost-ignored",
        "S2",
        "A lost device asks for no more than its last temperature did.",
        (edit("fand.control.decision:_lost", "law.on_lost", "law.floor"),),
        ("lost",),
    ),
    Mutation(
        "budget-tenfold",
        "S2",
        "A reading may grow ten times as old as the rule says.",
        (edit("fand.control.device:Watch.__post_init__", "max(3 * self.interval, 30.0)", "30 * self.interval"),),
        ("hangs", "slow", "server host suspended"),
    ),
    Mutation(
        "deadline-forgotten",
        "S2",
        "A decision does not end when a reading that it rests on grows too old.",
        (edit("fand.control.decision:_survey", "deadline < until", "deadline > until"),),
        ("hangs", "slow", "server host suspended"),
    ),
    Mutation(
        "failure-taken-for-sleep",
        "S2",
        "A drive that smartctl cannot open is taken for one that sleeps.",
        (
            edit(
                "fand.drivers.smartctl:_sleeps",
                "return status == ASLEEP_STATUS and not errors and",
                "return status in (ASLEEP_STATUS, 2) and",
            ),
        ),
        ("lost",),
    ),
    Mutation(
        "decision-for-ever",
        "S3",
        "A decision is served until something changes, however old it is.",
        (
            edit("fand.dispatch.shelf:Shelf.decision", "now.mono >= self.valid_until", "self.valid_until == _NEVER"),
            edit("fand.server.keeper:_INSTANT", "0.01", "5.0"),
        ),
        ("lost", "hangs"),
    ),
    Mutation(
        "frame-kept",
        "S3",
        "The encoded answer is made anew only when the demand changes, not when a fault raises the duty.",
        (
            edit(
                "fand.dispatch.shelf:Shelf.decision",
                "decision.duty != self._decision.duty",
                "decision.demand != self._decision.demand",
            ),
        ),
        ("lost",),
    ),
    Mutation(
        "critical-ignored",
        "S4",
        "A critical temperature is like any other.",
        (edit("fand.control.decision:_survey", "last.celsius >= family.critical", "last.celsius >= 125"),),
        ("heat",),
    ),
    Mutation(
        "drop-believed",
        "S5",
        "A drop that no drive can make is believed at once.",
        (edit("fand.control.device:CONFIRMED", "3", "1"),),
        ("drops",),
    ),
    Mutation(
        "boost-off",
        "S6",
        "The server tells nobody of a fan that stands still, and boosts nothing.",
        (edit("fand.dispatch.shelf:Shelf.decision", "self.fans.faults(self.law.on_stalled)", "()"),),
        ("stalled", "dead"),
    ),
    Mutation(
        "silence-unnoticed",
        "S7",
        "A fan client that is silent is not missed.",
        (edit("fand.dispatch.shelf:Shelf.silence", "if self.client.silent(now)", "if False"),),
        ("partition",),
    ),
    Mutation(
        "override-below-fault",
        "S8",
        "An override goes below what a fault demands.",
        (edit("fand.control.decision:decide", "    if faults:", "    if faults and current is None:"),),
        ("override", "lost"),
    ),
    Mutation(
        "override-endless",
        "S8",
        "An override for which nobody gave an end has none.",
        (edit("fand.control.override:override_by", "Timestamp(now.wall + DEFAULT_LIFE)", "None"),),
        ("override", "server clock"),
    ),
    Mutation(
        "override-inherits-a-past-end",
        "S8",
        "A new override has the end that was set for one before it, though that has passed.",
        (
            edit(
                "fand.control.override:override_by",
                *("pending.until > now.wall", "pending.until > 0"),
                *("current is not None and current.given", "before and before.given"),
                *("return replace(current,", "return replace(before,"),
            ),
            edit("fand.dispatch.shelf:Shelf.decision", "self.override = decision.override", "pass"),
        ),
        ("override", "expiry", "override removed"),
    ),
    Mutation(
        "override-not-kept",
        "S8",
        "An override that is on disk is not taken back by the next server.",
        (edit("fand.server.state:_override", "if saved is None:", "if True:"),),
        ("override", "server killed"),
    ),
    Mutation(
        "bad-reload-swapped-in",
        "S11",
        "Of a configuration that falls short the part before the fault is taken.",
        (
            edit(
                "fand.sensing.reloading:Reloading._once",
                "raise loaded",
                "kept = [one for one in before if one[1] == one[0].devices[0]]; "
                "from fand.config import ServerConfig; "
                "loaded = ServerConfig(tuple(type(one)(one.name, one.law, one.devices[:1]) for one, _, _ in kept)), "
                "kept",
            ),
        ),
        ("reload refused",),
    ),
    Mutation(
        "override-outlives-its-end",
        "S8",
        "The end of an override is not looked at.",
        (edit("fand.control.override:living", "left <= 0", "left <= -1e12"),),
        ("override", "expiry"),
    ),
    Mutation(
        "driver-error-escapes",
        "S9",
        "An error of a driver ends the task that asks the device.",
        (
            edit(
                "fand.sensing.watching:Watcher._ask",
                "except BaseException as error",
                "except ArithmeticError as error",
            ),
        ),
        ("raises",),
    ),
    Mutation(
        "one-at-a-time",
        "S9",
        "Devices are asked one at a time, and an answer that does not come is waited for.",
        (
            edit("fand.sensing.readers:Readers.__init__", "asyncio.Semaphore(most)", "asyncio.Semaphore(1)"),
            edit("fand.sensing.readers:Readers.call", "timeout=min(timeout, LONG)", "timeout=None"),
        ),
        ("hangs",),
    ),
    Mutation(
        "failed-asked-no-more",
        "S9",
        "A device that failed is not asked again for a day.",
        (
            edit(
                "fand.sensing.watching:Watcher.watch",
                "interval = self.device.interval",
                "interval = Seconds(self.device.interval + (0 if self._trouble.failure is None else 86400))",
            ),
        ),
        ("lost", "nan"),
    ),
    Mutation(
        "sleepers-woken",
        "S10",
        "smartctl is not told to leave sleeping drives alone.",
        (edit("fand.drivers.smartctl:Smartctl.ask", 'f"{nocheck},{ASLEEP_STATUS}"', '"never"'),),
        ("sleeps",),
    ),
    Mutation(
        "nan-is-zero",
        "law",
        "What is no number is taken for 0 °C.",
        (
            edit(
                "fand.control.plausible:judge",
                'return Failed(f"gave {shown(celsius)}, which is not a number", now)',
                "return Temperature(Celsius(0.0), now)",
            ),
        ),
        ("nan",),
    ),
    Mutation(
        "absurd-believed",
        "law",
        "A temperature that cannot be is believed.",
        (edit("fand.control.plausible:judge", "LOWEST < celsius < HIGHEST", "-1e9 < celsius < 1e9"),),
        ("absurd",),
    ),
    Mutation(
        "mean-for-hottest",
        "law",
        "The mean of a family counts instead of its hottest device.",
        (
            edit(
                "fand.control.decision:_demand",
                "_mean(warm) if family.average else max(warm, key=_CELSIUS)[0]",
                "_mean(warm)",
            ),
        ),
        (),
    ),
    Mutation(
        "hysteresis-both-ways",
        "law",
        "A rise within the hysteresis is not followed either.",
        (
            edit(
                "fand.control.decision:_demand",
                "last - family.hysteresis < celsius < last",
                "abs(celsius - last) < family.hysteresis",
            ),
        ),
        (),
    ),
    Mutation(
        "rise-limited",
        "law",
        "A demand rises no faster than it falls.",
        (
            edit(
                "fand.control.decision:decide",
                "demand = Percent(max(asked, memory.demand - fallen))",
                "demand = Percent(min(max(asked, memory.demand - fallen), memory.demand + fallen))",
            ),
        ),
        (),
    ),
    Mutation(
        "fault-filtered",
        "law",
        "What a fault demands is reached only as fast as a demand falls.",
        (
            edit(
                "fand.control.decision:decide",
                "duty, why = worst.duty, worst.reason",
                "duty, why = Percent(min(worst.duty, max(duty, memory.boost + fallen))), worst.reason",
            ),
        ),
        ("lost",),
    ),
    Mutation(
        "step-late",
        "law",
        "A step curve asks for its next duty only above the point, not at it.",
        (edit("fand.control.curve:Step.duty", "celsius, key", "celsius - 1e-9, key"),),
        (),
    ),
    Mutation(
        "rounded-down",
        "law",
        "Duties are served as whole percents, rounded down.",
        (
            edit(
                "fand.units:served",
                "    tenths = round(duty, 1)",
                "    return int(duty)\n    tenths = round(duty, 1)",
            ),
        ),
        (),
    ),
    Mutation(
        "wall-for-deadlines",
        "time",
        "Deadlines are reckoned by the wall clock.",
        (
            edit("fand.sensing.watching:Watcher._ask", "self._clock.mono()", "Seconds(self._clock.wall())"),
            edit("fand.server.keeper:Keeper.refresh", "self._clock.mono()", "Seconds(self._clock.wall())"),
            edit("fand.server.desk:Desk.now", "self.mono()", "Seconds(self.clock.wall())"),
        ),
        ("server clock",),
    ),
    Mutation(
        "alarms-for-ever",
        "alarms",
        "An alarm is never cleared.",
        (edit("fand.control.alarm:review", "elif undecided(alarm):", "elif True:"),),
        ("lost",),
    ),
    Mutation(
        "server-watchdog-starved",
        "C2",
        "The server does not feed its watchdog.",
        (edit("fand.server.keeper:Keeper._go_round", "if well:", "if not well:"),),
        (),
    ),
)
