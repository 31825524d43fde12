"""fand.aside: nobody who logs ever waits for who reads the log."""

import fcntl
import io
import logging
import os
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from fand import aside
from fand.aside import Aside


@contextmanager
def full_pipe() -> Iterator[tuple[int, int]]:
    """A pipe whose reader has stopped reading: a write to it hangs."""
    reader, writer = os.pipe()
    fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 4096)
    os.write(writer, bytes(4096))
    try:
        yield reader, writer
    finally:
        os.close(reader)
        os.close(writer)


class Held(logging.Handler):
    """Writes nothing until ``free`` is set."""

    def __init__(self) -> None:
        super().__init__()
        self.free = threading.Event()
        self.began = threading.Event()
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.began.set()
        assert self.free.wait(30)
        self.texts.append(record.getMessage())


@pytest.fixture
def log() -> Iterator[logging.Logger]:
    logger = logging.Logger("fand.x")  # noqa: LOG001 - one for each test
    yield logger
    for handler in logger.handlers:
        handler.close()


def test_everything_is_written_in_its_order_by_the_end(log: logging.Logger) -> None:
    stream = io.StringIO()
    log.addHandler(Aside([logging.StreamHandler(stream)]))
    for number in range(50):
        log.error("line %d", number)
    log.handlers[0].close()
    assert stream.getvalue().splitlines() == [f"line {number}" for number in range(50)]


def test_a_message_is_what_it_was_when_it_was_logged(log: logging.Logger) -> None:
    held, value = Held(), ["before"]
    log.addHandler(Aside([held]))
    log.error("%s", value)
    value[0] = "after"
    held.free.set()
    log.handlers[0].close()
    assert held.texts == ["['before']"]


def test_a_trace_is_written_too(log: logging.Logger) -> None:
    stream = io.StringIO()
    log.addHandler(Aside([logging.StreamHandler(stream)]))
    try:
        int("the reason")
    except ValueError:
        log.exception("it failed")
    log.handlers[0].close()
    assert stream.getvalue().startswith("it failed\nTraceback ")
    assert stream.getvalue().endswith("'the reason'\n")


def test_a_handler_may_take_its_lock_as_those_of_python_3_13_do(log: logging.Logger) -> None:
    class Taking(logging.StreamHandler[io.StringIO]):
        def handle(self, record: logging.LogRecord) -> bool:
            assert self.lock is not None
            with self.lock:
                self.emit(record)
            return True

    stream = io.StringIO()
    log.addHandler(Aside([Taking(stream)]))
    log.error("one")
    log.error("two")
    log.handlers[0].close()
    assert stream.getvalue() == "one\ntwo\n"


def test_what_is_too_much_is_lost_counted_and_told(log: logging.Logger) -> None:
    held = Held()
    log.addHandler(Aside([held], most=2))
    log.error("taken")
    assert held.began.wait(30)
    for number in range(5):
        log.error("line %d", number)
    held.free.set()
    while len(held.texts) < 3:
        threading.Event().wait(0.001)
    log.error("last")
    log.handlers[0].close()
    assert held.texts == ["taken", "line 0", "line 1", "3 messages were lost, for nobody took them", "last"]


def test_a_message_that_does_not_fit_its_arguments_hurts_nobody(
    log: logging.Logger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging, "raiseExceptions", False)
    stream = io.StringIO()
    log.addHandler(Aside([logging.StreamHandler(stream)]))
    log.error("%d", "x")
    log.error("next")
    log.handlers[0].close()
    assert stream.getvalue() == "next\n"


def test_the_end_does_not_wait_for_a_write_that_hangs(log: logging.Logger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aside, "PATIENCE", 0.01)
    with full_pipe() as (reader, writer):
        file = os.fdopen(os.dup(writer), "w")
        inner = logging.StreamHandler(file)
        log.addHandler(Aside([inner]))
        log.error("it hangs")
        log.handlers[0].close()
        inner.flush()  # as logging does at the end of the program
        while b"hangs" not in os.read(reader, 4096):
            pass
    file.close()


def test_a_program_ends_though_nobody_reads_what_it_writes_to_stderr() -> None:
    program = """
    import argparse, logging
    from fand import util
    util.parse_args(argparse.ArgumentParser(), [], aside=True)
    for number in range(1500):
        logging.error("line %d", number)
    print("done", flush=True)
    """
    with full_pipe() as (_, writer):
        child = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(program)],
            stdout=subprocess.PIPE,
            stderr=writer,
            timeout=30,
            check=False,
        )
    assert (child.returncode, child.stdout) == (0, b"done\n")


def test_a_program_writes_all_that_it_logged_before_it_ends() -> None:
    program = """
    import argparse, logging
    from fand import util
    util.parse_args(argparse.ArgumentParser(), [], aside=True)
    logging.error("\\u00e9tag\\u00e8re \\udc80")
    """
    child = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)], capture_output=True, check=True, timeout=30
    )
    assert child.stderr.endswith(" ERROR root: étagère \\udc80\n".encode())


def test_a_program_without_stderr_goes_on() -> None:
    program = """
    import argparse, logging, os
    os.close(2)
    from fand import util
    util.parse_args(argparse.ArgumentParser(), [], aside=True)
    logging.error("x")
    logging.error("y")
    print("fine")
    """
    child = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)], capture_output=True, check=True, timeout=30
    )
    assert child.stdout == b"fine\n"
