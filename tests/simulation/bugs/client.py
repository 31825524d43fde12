"""Deliberate bugs of the fan client and the wire; :mod:`tests.simulation.mutations` applies and hunts them."""

from typing import Final

from tests.simulation.mutations import Mutation, edit

CLIENT: Final = (
    Mutation(
        "stall-unanswered",
        "S6",
        "The fan client tells of a stalled fan, and drives it as before.",
        (edit("fand.fanclient.output:Output.forced", "self.fault or self.rotation.stalled", "self.fault"),),
        ("stalled", "partition"),
    ),
    Mutation(
        "stall-given-up",
        "S6",
        "A fan that goes on standing still at full speed is given up: neither end takes it for stalled any longer.",
        (
            edit(
                "fand.fanclient.rotation:measured",
                "return replace(rotation, slow=slow, normal=normal)",
                "return Rotation(excused=Seconds(now + 1e9))",
            ),
        ),
        ("stalled", "partition"),
    ),
    Mutation(
        "fault-untold",
        "C1",
        "A fan that cannot be driven is reported as being well.",
        (edit("fand.fanclient.output:Output.condition", "return Condition.FAULT", "return Condition.OK"),),
        ("refuses",),
    ),
    Mutation(
        "not-read-back",
        "C1",
        "What was written is taken for what the hardware does.",
        (edit("fand.fanclient.hardware:HostFan._written", "read = fan.duty()", "read = output.duty"),),
        ("frozen",),
    ),
    Mutation(
        "not-asserted-again",
        "C1",
        "A duty that stays the same is not written again.",
        (
            edit(
                "fand.fanclient.output:wrote",
                "due=Seconds(now + pace.interval)",
                'due=Seconds(float("inf"))',
            ),
        ),
        ("firmware",),
    ),
    Mutation(
        "taken-untold",
        "C1",
        "A fan that somebody else set is set back without a word.",
        (edit("fand.fanclient.output:found", "until=Seconds(now + pace.telling), ", ""),),
        ("firmware",),
    ),
    Mutation(
        "change-not-written",
        "C1",
        "A new duty is written when the old one would have been, not at once.",
        (edit("fand.fanclient.output:aim", "duty=duty, due=now,", "duty=duty,"),),
        ("heat",),
    ),
    Mutation(
        "client-watchdog-starved",
        "C2",
        "The fan client does not feed its watchdog.",
        (edit("fand.fanclient.loop:Loop._turn", "if written and", "if False and"),),
        (),
    ),
    Mutation(
        "watchdog-fed-in-fault",
        "C2",
        "The watchdog is fed though a fan cannot be driven.",
        (
            edit(
                "fand.fanclient.loop:Loop._turn",
                "if written and all(output.verified and not output.fault for output in held):",
                "if True:",
            ),
        ),
        ("refuses",),
    ),
    Mutation(
        "fault-not-handed-over",
        "C1",
        "Hardware that refuses is not handed over to its own full speed.",
        (edit("fand.fanclient.hardware:HostFan.write", "elif output.fault:", "elif False:"),),
        ("refuses",),
    ),
    Mutation(
        "least-of-servers",
        "C3",
        "Of several servers the least demand is driven.",
        (edit("fand.fanclient.machine:Machine.demand", "max(lease.demand", "min(lease.demand"),),
        ("override",),
    ),
    Mutation(
        "lease-endless",
        "RUN",
        "A lease does not end.",
        (
            edit(
                "fand.fanclient.lease:Lease.over",
                "self.asked + self.terms.lease",
                "self.asked + 100 * self.terms.lease",
            ),
        ),
        ("partition", "heat"),
    ),
    Mutation(
        "failsafe-weak",
        "FAILSAFE",
        "When the lease is over the duty is kept, and the failsafe duty is not driven.",
        (
            edit(
                "fand.fanclient.lease:_aged",
                "demand = max(lease.demand, lease.terms.failsafe)",
                "demand = lease.demand",
            ),
        ),
        ("partition", "heat"),
    ),
    Mutation(
        "hold-lowers",
        "HOLD",
        "When an answer is missed the fans idle.",
        (
            edit(
                "fand.fanclient.lease:missed",
                "replace(lease, good=0,",
                "replace(lease, good=0, demand=Percent(20.0), ",
            ),
        ),
        ("partition",),
    ),
    Mutation(
        "floor-ignored",
        "RUN",
        "A fan is given less than its floor.",
        (edit("fand.fanclient.output:Limits.bound", "Percent(max(demand, self.floor))", "demand"),),
        ("override",),
    ),
    Mutation(
        "dialling-given-up",
        "HOLD",
        "After three failures in a row the fan client dials no more.",
        (
            edit(
                "fand.fanclient.redial:ended",
                "Seconds(now + pause(failures, interval, chance))",
                "Seconds(now + (pause(failures, interval, chance) if failures < 3 else 1e9))",
            ),
        ),
        ("refusal",),
    ),
    Mutation(
        "split-frames-dropped",
        "wire",
        "Of a frame that comes in two parts the first is thrown away.",
        (
            edit(
                "fand.wire.frame:Decoder.feed",
                "self._buffer += data",
                "self._buffer[:] = data",
            ),
        ),
        (),
    ),
)
