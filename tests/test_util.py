"""fand.util: the end of a program, and what its beginning has in common with the others."""

import argparse
import logging
import os
import signal
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import fand
from fand import util
from fand.util import Termination
from tests.child import Child


@pytest.fixture
def end(monkeypatch: pytest.MonkeyPatch) -> Termination:
    """An end of the program that is for one test only."""
    termination = Termination()
    monkeypatch.setattr(util, "_end", termination)
    return termination


def _run(program: str, *args: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", "from fand import util\n" + textwrap.dedent(program), *args],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **(env or {})},
    )


class TestTerminate:
    def test_it_sets_the_flag(self, end: Termination) -> None:
        assert not util.terminating()
        util.terminate()
        assert util.terminating()

    def test_handlers_run_once_the_last_added_first(self, end: Termination) -> None:
        calls: list[object] = []
        util.when_terminate(calls.append, "first")
        util.when_terminate(calls.append, "second")
        util.terminate()
        util.terminate()
        end.finish()
        assert calls == ["second", "first"]

    def test_a_handler_sees_that_the_program_is_terminating(self, end: Termination) -> None:
        seen: list[bool] = []
        util.when_terminate(lambda: seen.append(util.terminating()))
        util.terminate()
        assert seen == [True]

    def test_arguments_are_passed_on(self, end: Termination) -> None:
        calls: list[object] = []

        def handler(*args: object, **kwargs: object) -> None:
            calls.append((args, kwargs))

        util.when_terminate(handler, 1, two=3)
        util.terminate()
        assert calls == [((1,), {"two": 3})]

    def test_a_decorator_keeps_the_function(self, end: Termination) -> None:
        calls: list[int] = []

        @util.when_terminate
        def handler() -> int:
            calls.append(1)
            return 7

        assert handler() == 7
        util.terminate()
        assert calls == [1, 1]

    def test_one_that_fails_does_not_keep_the_others(
        self, end: Termination, caplog: pytest.LogCaptureFixture
    ) -> None:
        calls: list[str] = []

        def fail() -> None:
            raise LookupError("as expected")

        util.when_terminate(calls.append, "after")
        util.when_terminate(fail)
        util.when_terminate(calls.append, "before")
        util.terminate()
        assert calls == ["before", "after"]
        assert "failed while the program was terminating" in caplog.text
        assert "as expected" in caplog.text

    def test_a_handler_may_terminate_and_add_handlers(self, end: Termination) -> None:
        calls: list[str] = []

        def nested() -> None:
            util.when_terminate(calls.append, "late")
            util.terminate("again")
            calls.append("nested")

        util.when_terminate(calls.append, "first")
        util.when_terminate(nested)
        util.terminate()
        assert calls == ["late", "first", "nested"]

    def test_added_too_late_it_runs_at_once(self, end: Termination) -> None:
        calls: list[str] = []
        util.terminate()
        util.when_terminate(calls.append, "late")
        assert calls == ["late"]

    def test_of_many_threads_each_handler_runs_once(self, end: Termination) -> None:
        calls: list[int] = []
        for number in range(500):
            util.when_terminate(calls.append, number)
        start = threading.Barrier(8)

        def terminate() -> None:
            start.wait()
            util.terminate()

        with ThreadPoolExecutor(8) as pool:
            for _ in range(8):
                pool.submit(terminate)
        end.finish()
        assert sorted(calls) == list(range(500))

    def test_one_added_while_another_thread_is_at_it_runs_too(self, end: Termination) -> None:
        running, go_on = threading.Event(), threading.Event()
        calls: list[str] = []

        def slow() -> None:
            running.set()
            go_on.wait(10)

        util.when_terminate(slow)
        with ThreadPoolExecutor(1) as pool:
            done = pool.submit(util.terminate)
            running.wait(10)
            util.when_terminate(calls.append, "late")
            assert calls == []  # nobody waits here
            go_on.set()
            done.result(10)
        assert calls == ["late"]

    def test_one_added_just_after_the_last_was_taken_runs_too(self) -> None:
        calls: list[str] = []

        class End(Termination):
            def _drain(self) -> None:
                super()._drain()
                if not calls:
                    self._handlers.append(lambda: calls.append("late"))  # as if by another thread

        End().terminate()
        assert calls == ["late"]

    def test_the_first_error_stays(self, end: Termination) -> None:
        util.terminate()
        util.terminate("first")
        util.terminate("second")
        with pytest.raises(SystemExit) as exit_:
            util.sys_exit()
        assert exit_.value.code == "first"


class TestSysExit:
    def test_without_an_error(self, end: Termination) -> None:
        with pytest.raises(SystemExit) as exit_:
            util.sys_exit()
        assert not exit_.value.code
        assert util.terminating()

    def test_status_and_text_of_a_process(self) -> None:
        child = _run("util.terminate('the reason')\nutil.sys_exit()")
        assert (child.returncode, child.stdout, child.stderr) == (1, "", "the reason\n")
        child = _run("util.sys_exit()")
        assert (child.returncode, child.stdout, child.stderr) == (0, "", "")

    def test_it_waits_for_handlers_that_another_thread_runs(self, end: Termination) -> None:
        running, go_on = threading.Event(), threading.Event()
        calls: list[str] = []

        def slow() -> None:
            running.set()
            go_on.wait(10)
            calls.append("done")

        util.when_terminate(slow)
        end.terminate_aside()
        running.wait(10)
        threading.Timer(0, go_on.set).start()
        with pytest.raises(SystemExit):
            util.sys_exit()
        assert calls == ["done"]

    def test_but_not_for_ever(self, end: Termination, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(util, "PATIENCE", 0.001)
        running, go_on, done = threading.Event(), threading.Event(), threading.Event()

        def hang() -> None:
            running.set()
            go_on.wait(30)
            done.set()

        util.when_terminate(hang)
        end.terminate_aside()
        running.wait(10)
        with pytest.raises(SystemExit):
            util.sys_exit()
        go_on.set()
        assert done.wait(10)


class TestEndOfTheProcess:
    def test_handlers_run_without_terminate(self) -> None:
        child = _run("util.when_terminate(print, 'bye')\nprint(util.terminating())")
        assert (child.returncode, child.stdout) == (0, "False\nbye\n")

    def test_handlers_run_after_an_exception(self) -> None:
        child = _run("util.when_terminate(print, 'bye')\nraise SystemError('expected')")
        assert (child.returncode, child.stdout) == (1, "bye\n")

    def test_a_forked_child_runs_none(self) -> None:
        program = """
        import os, sys
        util.when_terminate(lambda: os.write(1, b'bye\\n'))
        pid = os.fork()
        if not pid:
            sys.exit()
        os.waitpid(pid, 0)
        """
        assert _run(program).stdout == "bye\n"

    def test_importing_has_no_effect(self) -> None:
        program = """
        import logging, os, threading
        assert not logging.getLogger().handlers
        assert threading.active_count() == 1
        assert not util._end._pid
        print(sorted(name for name in os.listdir("/proc/self/fd") if int(name) > 3))
        """
        child = _run(program)
        assert (child.stdout, child.stderr) == ("[]\n", "")


class TestSleep:
    def test_it_lasts(self, end: Termination, monkeypatch: pytest.MonkeyPatch) -> None:
        util.sleep(0.001)
        assert not util.terminating()

    @pytest.mark.parametrize("secs", [3600, float("inf"), 0, -1])
    def test_it_does_not_begin_when_terminating(self, end: Termination, secs: float) -> None:
        util.terminate()
        util.sleep(secs)
        util.sleep(secs)

    @pytest.mark.parametrize("secs", [0, -1])
    def test_no_time_is_no_error(self, end: Termination, secs: float) -> None:
        util.sleep(secs)

    def test_all_who_sleep_are_woken(self, end: Termination) -> None:
        asleep = threading.Barrier(9)

        def doze() -> bool:
            asleep.wait()
            util.sleep(3600)
            return util.terminating()

        with ThreadPoolExecutor(8) as pool:
            sleepers = [pool.submit(doze) for _ in range(8)]
            asleep.wait()
            util.terminate()
            assert all(sleeper.result(10) for sleeper in sleepers)


class TestSignals:
    def test_the_handler_does_not_run_handlers_itself(self, end: Termination) -> None:
        threads: list[int] = []
        done = threading.Event()

        @util.when_terminate
        def handler() -> None:
            threads.append(threading.get_ident())
            done.set()

        util.default_signal_handler(signal.SIGTERM, None)
        assert util.terminating()
        assert done.wait(10)
        assert threads != [threading.get_ident()]

    def test_where_no_thread_can_be_had_the_end_runs_them(
        self, end: Termination, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(*_args: object) -> None:
            raise RuntimeError("can't start new thread")

        monkeypatch.setattr("_thread.start_new_thread", refuse)
        calls: list[str] = []
        util.when_terminate(calls.append, "handler")
        util.default_signal_handler(signal.SIGTERM, None)
        assert calls == []
        end.finish()
        assert calls == ["handler"]

    def test_a_signal_handler_may_terminate_whatever_it_interrupts(self) -> None:
        """Signals rain on a main thread that is itself in the middle of all this module does."""
        program = """
        import os, signal, threading
        calls = []
        def on_signal(sig, frame):
            ends[-1].terminate()
        signal.signal(signal.SIGALRM, on_signal)
        ends = [util.Termination()]
        signal.setitimer(signal.ITIMER_REAL, 0.0005, 0.0005)
        for number in range(300):
            end = util.Termination()
            ends.append(end)
            for _ in range(20):
                end.when(lambda: calls.append(number))
                end.sleep(0.0001)
            end.terminate()
            end.finish()
        signal.setitimer(signal.ITIMER_REAL, 0)
        print(len(calls))
        """
        child = _run(program)
        assert (child.returncode, child.stdout, child.stderr) == (0, "6000\n", "")


@pytest.fixture
def parser() -> Iterator[argparse.ArgumentParser]:
    """A parser, and a root logger that is put back."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield argparse.ArgumentParser(prog="fand-test")
    for handler in set(root.handlers) - set(handlers):
        root.removeHandler(handler)
        handler.close()
    root.setLevel(level)


class TestParseArgs:
    def test_defaults(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("name")
        args = util.parse_args(parser, ["shelf1"])
        assert vars(args) == {
            "name": "shelf1",
            "address": None,
            "port": 9999,
            "verbose": 0,
            "quiet": False,
            "logfile": None,
            "pidfile": None,
        }

    def test_the_command_line(self, parser: argparse.ArgumentParser, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sys, "argv", ["fand-test", "--address", "::1", "--port", "0"])
        args = util.parse_args(parser)
        assert (args.address, args.port) == ("::1", 0)

    def test_short_options(self, parser: argparse.ArgumentParser) -> None:
        args = util.parse_args(parser, ["-a", "nas", "-p", "65535", "-vv", "-q"])
        assert (args.address, args.port, args.verbose, args.quiet) == ("nas", 65_535, 2, True)

    @pytest.mark.parametrize("port", ["65536", "-1", "1.5", "", "x", "9" * 5000, "\N{ARABIC-INDIC DIGIT ONE}x"])
    def test_a_bad_port(self, parser: argparse.ArgumentParser, port: str, capsys: pytest.CaptureFixture[str]) -> None:
        with pytest.raises(SystemExit) as exit_:
            util.parse_args(parser, [f"--port={port}"])
        assert exit_.value.code == 2
        assert "is not a port, a number from 0 to 65535" in capsys.readouterr().err

    @pytest.mark.parametrize("address", ["[::1]", "::1"])
    def test_an_address_of_ipv6_may_stand_in_brackets(self, parser: argparse.ArgumentParser, address: str) -> None:
        assert util.parse_args(parser, ["-a", address]).address == "::1"

    @pytest.mark.parametrize("path", ["/run/fand/fand.sock", "/run/fand:2/[a]"])
    def test_an_address_may_be_the_path_of_a_unix_socket(self, parser: argparse.ArgumentParser, path: str) -> None:
        assert util.parse_args(parser, ["-a", path]).address == path

    @pytest.mark.parametrize(
        ("address", "fault"),
        [
            ("", "is neither an IP address nor a host name"),
            (" ", "is neither"),
            ("[]", "is neither"),
            ("\udcff.example", "is neither"),
            ("nas\0", "is neither"),
            ("/nas\0", "is neither"),
            ("nas:9999", "give the port with -p"),
        ],
    )
    def test_a_bad_address(
        self, parser: argparse.ArgumentParser, address: str, fault: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        with pytest.raises(SystemExit) as exit_:
            util.parse_args(parser, ["-a", address])
        assert exit_.value.code == 2
        assert fault in capsys.readouterr().err

    def test_version(self, parser: argparse.ArgumentParser, capsys: pytest.CaptureFixture[str]) -> None:
        with pytest.raises(SystemExit) as exit_:
            util.parse_args(parser, ["-V"])
        assert exit_.value.code == 0
        assert capsys.readouterr().out == f"fand-test {fand.__version__}\n"


class TestLogging:
    @pytest.mark.parametrize(
        ("options", "level"),
        [
            ([], logging.WARNING),
            (["-v"], logging.INFO),
            (["-vv"], logging.DEBUG),
            (["-vvv"], logging.DEBUG),
            (["-q"], logging.CRITICAL),
            (["-q", "-vvv"], logging.CRITICAL),
        ],
    )
    def test_levels(self, parser: argparse.ArgumentParser, options: list[str], level: int) -> None:
        util.parse_args(parser, options)
        assert logging.getLogger().level == level

    def test_to_stderr(self, parser: argparse.ArgumentParser, capsys: pytest.CaptureFixture[str]) -> None:
        util.parse_args(parser, [])
        logging.getLogger("fand.x").error("a drive is %s", "lost")
        line = capsys.readouterr().err
        assert line.endswith(" ERROR fand.x: a drive is lost\n")
        assert line[0].isdigit()  # the time

    def test_to_a_file(
        self, parser: argparse.ArgumentParser, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        path = tmp_path / "fand.log"
        path.write_text("before\n")
        util.parse_args(parser, ["-l", str(path)])
        logging.getLogger("fand.x").error("étagère")
        lines = path.read_text("utf-8").splitlines()
        assert lines[0] == "before"
        assert lines[1].endswith(" ERROR fand.x: étagère")
        assert capsys.readouterr().err == ""

    def test_a_file_that_cannot_be_written(
        self, parser: argparse.ArgumentParser, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        with pytest.raises(SystemExit) as exit_:
            util.parse_args(parser, ["-l", str(tmp_path / "no" / "fand.log")])
        assert exit_.value.code == 2
        error = capsys.readouterr().err.splitlines()[-1]
        assert error.startswith("fand-test: error: cannot write to the log file ")
        assert error.endswith("fand.log: No such file or directory")

    def test_to_the_journal(self, tmp_path: Path) -> None:
        """A file stands in for the journal's socket: what counts is that JOURNAL_STREAM names it."""
        program = """
        import argparse, logging, os, sys
        stderr = os.fstat(2)
        os.environ["JOURNAL_STREAM"] = f"{stderr.st_dev}:{stderr.st_ino}"
        util.parse_args(argparse.ArgumentParser(), ["-vv"])
        log = logging.getLogger("x")
        log.critical("a"), log.error("b\\nc"), log.warning("d"), log.info("e"), log.debug("f")
        """
        child = _run(program)
        assert child.stderr == "<2>x: a\n<3>x: b\n<3>c\n<4>x: d\n<6>x: e\n<7>x: f\n"

    @pytest.mark.parametrize("stream", ["", "1:2", "nonsense"])
    def test_another_journal_is_not_ours(self, stream: str) -> None:
        program = "import argparse, logging\nutil.parse_args(argparse.ArgumentParser(), [])\nlogging.error('x')"
        assert _run(program, env={"JOURNAL_STREAM": stream}).stderr.endswith(" ERROR root: x\n")

    def test_without_stderr(self) -> None:
        program = "import argparse, os\nos.close(2)\nutil.parse_args(argparse.ArgumentParser(), [])\nprint('fine')"
        assert _run(program, env={"JOURNAL_STREAM": "1:2"}).stdout == "fine\n"


_WITH_PIDFILE = "import argparse, sys\nutil.parse_args(argparse.ArgumentParser(prog='x'), ['-P', sys.argv[1]])\n"


class TestPidfile:
    def test_it_is_there_while_the_program_runs(self, tmp_path: Path) -> None:
        path = tmp_path / "fand.pid"
        child = _run(_WITH_PIDFILE + "import os\nprint(os.getpid(), open(sys.argv[1]).read())", str(path))
        pid, written = child.stdout.split()
        assert pid == written
        assert not path.exists()

    def test_one_left_behind_is_taken_over(self, tmp_path: Path) -> None:
        path = tmp_path / "fand.pid"
        path.write_text(f"{os.getpid()} and more than that\n")  # of a process that lives, but is not fand
        child = _run(_WITH_PIDFILE + "import os\nprint(open(sys.argv[1]).read() == f'{os.getpid()}\\n')", str(path))
        assert child.stdout == "True\n"

    def test_of_a_running_program_it_is_not(self, tmp_path: Path) -> None:
        path = tmp_path / "fand.pid"
        with Child(
            [
                sys.executable,
                "-c",
                f"from fand import util\n{_WITH_PIDFILE}print('ready', flush=True)\ninput()",
                str(path),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as first:
            assert first.stdout is not None
            assert first.stdout.readline() == "ready\n"
            second = _run(_WITH_PIDFILE, str(path))
            assert path.read_text() == f"{first.pid}\n"
            first.communicate("\n")
        assert second.returncode == 2
        assert second.stderr.splitlines()[-1] == (
            f"x: error: cannot take the PID file {path}: process {first.pid} is running and holds it"
        )
        assert not path.exists()

    def test_one_that_cannot_be_written(self, tmp_path: Path) -> None:
        child = _run(_WITH_PIDFILE, str(tmp_path / "no" / "fand.pid"))
        assert child.returncode == 2
        assert child.stderr.endswith("fand.pid: No such file or directory\n")

    def test_in_this_process(
        self, parser: argparse.ArgumentParser, end: Termination, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        path = tmp_path / "fand.pid"
        util.parse_args(parser, ["-P", str(path)])
        assert path.read_text() == f"{os.getpid()}\n"
        with pytest.raises(SystemExit):
            util.parse_args(argparse.ArgumentParser(), ["-P", str(path)])
        assert f"process {os.getpid()} is running" in capsys.readouterr().err
        util.terminate()
        assert not path.exists()


class TestHelpFormatter:
    @pytest.mark.parametrize(("columns", "width"), [("60", 58), ("1", 18), ("", 78), ("0", 78), ("wide", 78)])
    def test_it_is_as_wide_as_the_terminal(self, monkeypatch: pytest.MonkeyPatch, columns: str, width: int) -> None:
        def none(_file: int) -> os.terminal_size:
            raise OSError

        monkeypatch.setenv("COLUMNS", columns)
        monkeypatch.setattr(os, "get_terminal_size", none)
        parser = argparse.ArgumentParser("x", description="word " * 40, formatter_class=util.help_formatter)
        assert width - 5 < max(map(len, parser.format_help().splitlines())) <= width

    def test_a_terminal_is_asked(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("COLUMNS", raising=False)
        monkeypatch.setattr(os, "get_terminal_size", lambda _file: os.terminal_size((132, 24)))
        parser = argparse.ArgumentParser("x", description="word " * 40, formatter_class=util.help_formatter)
        assert 125 < max(map(len, parser.format_help().splitlines())) <= 130
