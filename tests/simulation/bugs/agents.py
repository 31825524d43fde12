"""Deliberate bugs in what is made of agents' reports, each with its test: the simulation has no agent."""

from typing import Final

from tests.simulation.mutations import Mutation, edit

AGENTS: Final = (
    Mutation(
        "silent-agent-unnoticed",
        "S2",
        "That nothing comes from an agent any more is not looked for.",
        (edit("fand.dispatch.mail:Mail.look", "if failure is not None:", "if failure is self:"),),
        test="tests/server/test_reported.py::test_s2_an_agent_that_falls_silent_is_lost_within_half_a_minute",
    ),
    Mutation(
        "silence-undone",
        "S2",
        "A report from before an agent fell silent makes its device well.",
        (
            edit(
                "fand.dispatch.mailbox:Mailbox.take",
                "return reading if self._failed is None or at > self._failed else None",
                "return reading",
            ),
        ),
        test="tests/agent/test_play.py::test_a_report_that_was_held_up_for_a_minute_does_not_make_the_device_good",
    ),
    Mutation(
        "sensors-vouched-for",
        "S2",
        "An agent gives signs of life though nobody looks after its sensors.",
        (edit("fand.agent.link:Link._turn", "if not self._board.alive(now):", "if False:"),),
        test="tests/agent/test_link.py::test_nothing_is_told_of_sensors_that_nobody_looks_after",
    ),
    Mutation(
        "report-taken-for-young",
        "S3",
        "A report that the network held up is taken for one that was sent when it came.",
        (edit("fand.dispatch.reports:sent", "min(now, answered + passed)", "now"),),
        test="tests/agent/test_play.py::test_s3_no_reading_is_taken_for_younger_than_it_is",
    ),
    Mutation(
        "old-connection-believed",
        "S3",
        "What was held up on a connection that its agent has given up takes the place of what came since.",
        (
            edit(
                "fand.dispatch.mailbox:Mailbox.take",
                "elif peer.since < source.since and at <= last.latest:",
                "elif at is None:",
            ),
        ),
        test="tests/agent/test_play.py::test_s3_no_reading_is_taken_for_younger_than_it_is",
    ),
    Mutation(
        "report-counted-twice",
        "S5",
        "A reading that an agent tells again counts again.",
        (
            edit(
                "fand.dispatch.mailbox:Mailbox.take",
                "if report.reading.at <= last.latest and reading ==",
                "if at is None and reading ==",
            ),
        ),
        test="tests/dispatch/test_mailbox.py::test_s5_what_may_be_the_same_reading_again_is_not_told_twice",
    ),
    Mutation(
        "report-for-any-shelf",
        "access",
        "An agent that may report for one shelf reports for others.",
        (edit("fand.dispatch.mail:Mail.deliver", "if peer.grant.may(Role.REPORT, each.shelf)", ""),),
        test="tests/dispatch/test_mail.py::test_a_report_counts_in_the_shelves_for_which_its_agent_may_report",
    ),
)
