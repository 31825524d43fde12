"""fand.journal against a socket that takes datagrams as journald does."""

import logging
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from fand.journal import ToJournal, entry, priority


class Journal:
    """The other end: understands what is sent by the words of the protocol's description."""

    def __init__(self, path: Path) -> None:
        self.path = str(path)
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.sock.bind(self.path)
        self.sock.settimeout(20)

    def entry(self) -> dict[str, str]:
        return fields_of(self.sock.recv(1 << 20))


def fields_of(data: bytes) -> dict[str, str]:
    found: dict[str, str] = {}
    while data:
        head, data = data.split(b"\n", 1)
        name, equals, value = head.partition(b"=")
        if not equals:
            size, data = int.from_bytes(data[:8], "little"), data[8:]
            value, end, data = data[:size], data[size : size + 1], data[size + 1 :]
            assert end == b"\n"
        found[name.decode()] = value.decode()
    return found


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    made = Journal(tmp_path / "journal")
    with made.sock:
        yield made


@pytest.fixture
def log() -> Iterator[logging.Logger]:
    """A logger of our own, as it was again in the end."""
    logger = logging.getLogger("fand.test.journal")
    logger.setLevel(logging.INFO)
    yield logger
    logger.filters.clear()


def test_a_record_is_an_entry_with_its_fields_and_goes_nowhere_else(
    journal: Journal, log: logging.Logger, caplog: pytest.LogCaptureFixture
) -> None:
    log.addFilter(ToJournal("fand-server", journal.path))
    log.warning("%s is refused", "pi1", extra={"fields": {"FAND_WHO": "pi1", "FAND_REASON": "two\nlines = three"}})
    assert journal.entry() == {
        "MESSAGE": "fand.test.journal: pi1 is refused",
        "PRIORITY": "4",
        "SYSLOG_IDENTIFIER": "fand-server",
        "FAND_WHO": "pi1",
        "FAND_REASON": "two\nlines = three",
    }
    log.info("no fields")
    assert journal.entry()["PRIORITY"] == "6"
    assert caplog.messages == []


@pytest.mark.parametrize("trouble", ["absent", "full", "dead"])
def test_what_the_journal_does_not_take_goes_to_the_handlers(
    trouble: str, journal: Journal, log: logging.Logger, caplog: pytest.LogCaptureFixture
) -> None:
    if trouble == "absent":
        Path(journal.path).unlink()
    elif trouble == "dead":
        journal.sock.close()
    log.addFilter(ToJournal("fand-server", journal.path))
    for number in range(5000):
        log.warning("message %d", number)
        if caplog.messages:
            break
    assert caplog.messages == [f"message {number}"]
    assert (number > 0) == (trouble == "full")


def test_the_values_of_fields_are_taken_as_they_are() -> None:
    fields = {"A": "", "B": "=", "C": "\n", "D": "°C 1\n=2\n", "E": "x" * 70_000}
    assert fields_of(entry(fields)) == fields
    assert entry({"A": "\udcff"}) == b"A=\\udcff\n"


@pytest.mark.parametrize(("level", "number"), [(50, 2), (40, 3), (35, 4), (30, 4), (20, 6), (10, 7), (0, 7)])
def test_levels_have_their_priorities(level: int, number: int) -> None:
    assert priority(level) == number


PROGRAM = """
import sys
import fand.journal
from fand.server import cli
fand.journal.ToJournal.__init__.__defaults__ = (sys.argv[1],)
sys.exit(cli.main(sys.argv[2:]))
"""


def test_the_servers_audit_log_goes_there_where_its_log_goes_to_the_journal(journal: Journal, tmp_path: Path) -> None:
    from fand import communication as com
    from tests.server.processes import Server, write_shelf

    config, stderr, path = write_shelf(tmp_path, "{ fake = 32 }"), tmp_path / "stderr", tmp_path / "fand.sock"
    config.write_text(config.read_text() + f'[server]\nsocket = "{path}"\nstate = "{tmp_path}"\n')
    with stderr.open("w") as out:
        stat = os.fstat(out.fileno())
        process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, journal.path, "-c", str(config), "-p", "0"],
            stdout=subprocess.PIPE,
            stderr=out,
            text=True,
            env={**os.environ, "JOURNAL_STREAM": f"{stat.st_dev}:{stat.st_ino}"},
        )
        try:
            Server(process)
            sock = com.connect(str(path), 9999)
            com.send(sock, com.Request.SET_PWM_OVERRIDE, "shelf1", 60)
            assert com.recv(sock) == (com.Request.ACK, ())
            com.reset_connection(sock)
            told = journal.entry()
        finally:
            process.terminate()
            process.communicate(timeout=20)
    assert told["FAND_PEER"] == f"{path}:{os.getpid()}"
    assert told["FAND_WHO"].startswith("user ")
    assert (told["FAND_REQUEST"], told["FAND_SHELF"], told["FAND_PERCENT"]) == ("SET_PWM_OVERRIDE", "shelf1", "60")
    assert told["FAND_UNTIL"] in told["MESSAGE"]
    assert told["SYSLOG_IDENTIFIER"] == "fand-server"
    assert "SET_PWM_OVERRIDE" not in stderr.read_text()
