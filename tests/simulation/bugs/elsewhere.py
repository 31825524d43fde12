"""Deliberate bugs that no simulation of this kind can see, each with the test that catches it."""

from typing import Final

from tests.simulation.bugs.agents import AGENTS
from tests.simulation.mutations import Mutation, edit

ELSEWHERE: Final = (
    Mutation(
        "lost-temperature-dropped",
        "S2",
        "The last temperature of a lost device no longer counts.",
        (
            edit(
                "fand.control.decision:_survey",
                "if not isinstance(last, Temperature):",
                "if not isinstance(last, Temperature) or state is Health.LOST:",
            ),
        ),
        test="tests/control/test_decision.py::test_s2_a_lost_device_asks_on_for_what_it_asked_last",
    ),
    Mutation(
        "one-good-answer",
        "FAILSAFE",
        "One good answer ends a failsafe.",
        (edit("fand.fanclient.lease:ANSWERS", "2", "1"),),
        test="tests/fanclient/test_lease.py::test_one_answer_does_not_end_a_failsafe_and_two_do",
    ),
    Mutation(
        "fall-in-one-jump",
        "FAILSAFE",
        "After a failsafe the duty falls in one jump.",
        (edit("fand.fanclient.lease:STEP", "5.0", "100.0"),),
        test="tests/fanclient/test_lease.py::test_after_a_failsafe_it_falls_by_steps_of_5_until_it_has_come_down",
    ),
    Mutation(
        "push-starts-lease",
        "RUN",
        "A pushed duty, which may have been under way for any time, starts a lease.",
        (
            edit(
                "fand.fanclient.conversation:Conversation._received",
                "self._duty = self._checked(args)",
                "self._duty, self._sure = self._checked(args), now",
            ),
        ),
        test="tests/fanclient/test_conversation.py::test_pushes_are_heard_as_old_as_the_last_round",
    ),
    Mutation(
        "suspend-unnoticed",
        "C1",
        "After a suspend the fans are not written until their turn comes.",
        (edit("fand.fanclient.output:woken", "due=now, ", ""),),
        test="tests/fanclient/test_output.py::test_after_a_sleep_it_is_written_at_once_and_excused_for_standing_still",
    ),
    Mutation(
        "other-shelf-accepted",
        "wire",
        "A duty that is for another shelf is taken.",
        (
            edit(
                "fand.fanclient.conversation:Conversation._checked",
                " or args[0] != self._shelf",
                "",
            ),
        ),
        test="tests/fanclient/test_conversation.py::test_a_push_for_another_shelf_is_refused",
    ),
    Mutation(
        "override-acknowledged-early",
        "S8",
        "An override is acknowledged before it is on disk.",
        (edit("fand.server.saving:Saving.saved", "if self._late:", "if True:"),),
        test="tests/server/test_saving.py::test_s8_an_answer_waits_until_the_disk_has_what_it_tells",
    ),
    Mutation(
        "curve-falls",
        "S11",
        "A curve that falls is accepted.",
        (edit("fand.control.curve:point_faults", "elif after[1] < before[1]:", "elif False:"),),
        test="tests/control/test_curve.py::test_s11_what_is_no_curve_is_told",
    ),
    Mutation(
        "round-stops-at-a-fault",
        "S9",
        "A shelf that cannot be looked after by a bug of the server ends the round through all.",
        (
            edit(
                "fand.server.keeper:Keeper.look_after",
                "except Exception as error:",
                "except ArithmeticError as error:",
            ),
        ),
        test="tests/server/test_keeper.py::"
        "test_s9_a_shelf_that_cannot_be_looked_after_stops_no_other_but_the_watchdog",
    ),
    Mutation(
        "watchdog-fed-blindly",
        "C2",
        "The server's watchdog is fed though a shelf could not be looked after.",
        (
            edit(
                "fand.server.keeper:Keeper.look_after", "failure, well = repr(error), False", "failure = repr(error)"
            ),
        ),
        test="tests/server/test_keeper.py::"
        "test_s9_a_shelf_that_cannot_be_looked_after_stops_no_other_but_the_watchdog",
    ),
    Mutation(
        "suspended-drive-opened",
        "S10",
        "smartctl is started for a drive that the kernel has suspended, and wakes it.",
        (edit("fand.drivers.smartdrive:SmartDrive.ask", "and place.drive.suspended()", "and False"),),
        test="tests/drivers/test_smartdrive.py::test_s10_a_drive_that_the_kernel_suspended_is_not_opened",
    ),
    Mutation(
        "telling-dies",
        "S12",
        "A bug in telling the command for alarms ends the telling.",
        (
            edit(
                "fand.server.alarming:Alarming._tell",
                "except Exception as error:",
                "except ArithmeticError as error:",
            ),
        ),
        test="tests/server/test_alarming.py::test_s12_a_bug_in_telling_stops_nothing",
    ),
    Mutation(
        "failsafe-without-effect",
        "C2",
        "The failsafe command takes a fan over, and does not set its duty.",
        (edit("fand.fanclient.failsafe:_make_safe", "fan.drive(duty)", "pass"),),
        test="tests/fanclient/test_failsafe.py::test_c2_a_fan_that_was_not_given_back_gets_the_failsafe_duty",
    ),
    Mutation(
        "original-not-kept",
        "C2",
        "What a chip was set to is not kept on disk, so that a crash makes manual control its own.",
        (edit("fand.drivers.fans.hwmon:HwmonFan.__enter__", "self._kept.save(self._original)", "pass"),),
        test="tests/drivers/fans/test_hwmon.py::test_what_a_killed_run_had_found_is_restored",
    ),
    Mutation(
        "changes-not-pushed",
        "law",
        "Subscribers are told the duty by the heartbeat only, not when it changes.",
        (edit("fand.server.keeper:Keeper.refresh", "if changed or beat:", "if beat:"),),
        test="tests/server/test_keeper.py::test_every_change_is_pushed_at_once",
    ),
    *AGENTS,
)
