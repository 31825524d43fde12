"""Values in real files: damaged, foreign, on full disks, in folders that may not be written."""

import logging
import os
import resource
import shutil
import socket
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fand import stored
from fand.exceptions import ConfigError
from fand.stored import LARGEST, MOST_ASIDE, Stored, state_folder

NOBODY = 65534


class Point(msgspec.Struct, frozen=True):
    x: int
    name: str = ""


def stored_at(path: Path) -> Stored[Point]:
    return Stored(path, Point, what="where it is", loss="it will be looked for")


@contextmanager
def unprivileged() -> Iterator[Path]:
    """A folder of somebody who is not root, and the right to no more than he may do."""
    folder = Path(tempfile.mkdtemp())
    before = os.geteuid()
    try:
        if before == 0:
            os.chown(folder, NOBODY, NOBODY)
            os.seteuid(NOBODY)
        yield folder
    finally:
        os.seteuid(before)
        folder.chmod(0o700)
        shutil.rmtree(folder)


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """As on a disk with only so much room."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_what_is_saved_is_loaded_until_it_is_forgotten(tmp_path: Path) -> None:
    path = tmp_path / "state" / "fand" / "point.json"
    assert stored_at(path).load() is None
    assert stored_at(path).save(Point(1, "ä"))
    assert stored_at(path).save(Point(2, "ö"))
    assert stored_at(path).load() == Point(2, "ö")
    assert names(path.parent) == ["point.json"]
    stored_at(path).forget()
    stored_at(path).forget()
    assert stored_at(path).load() is None
    assert names(path.parent) == []


def test_nobody_else_may_look_into_what_is_made(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        path = tmp_path / "state" / "fand" / "point.json"
        assert stored_at(path).save(Point(1))
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert path.parent.parent.stat().st_mode & 0o777 == 0o700


def test_a_folder_that_was_there_stays_as_it_was(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    assert stored_at(tmp_path / "point.json").save(Point(1))
    assert tmp_path.stat().st_mode & 0o777 == 0o755


def test_the_disk_has_the_whole_file_before_it_is_put_in_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The order that a power failure at any instant leaves the old or the new value by."""
    seen: list[str] = []
    sync, replace, mkdir = os.fsync, Path.replace, Path.mkdir

    def note_sync(handle: int) -> None:
        name = Path(f"/proc/self/fd/{handle}").readlink()
        whole = name.read_bytes() if name.is_file() else b""
        seen.append(f"sync {'new' if name.name.endswith('.new') else name.name} {whole.decode()}".strip())
        sync(handle)

    def note_replace(self: Path, target: Path) -> Path:
        seen.append("replace")
        return replace(self, target)

    def note_mkdir(self: Path, *args: Any, **kwargs: Any) -> None:
        seen.append(f"mkdir {self.name}")
        mkdir(self, *args, **kwargs)

    monkeypatch.setattr(os, "fsync", note_sync)
    monkeypatch.setattr(Path, "replace", note_replace)
    monkeypatch.setattr(Path, "mkdir", note_mkdir)
    stored_at(tmp_path / "fand" / "point.json").save(Point(1))
    made = ["mkdir fand", f"sync {tmp_path.name}"]
    assert seen == [*made, 'sync new {"x":1,"name":""}', "replace", "sync fand"]


DAMAGED = {
    "empty": b"",
    "truncated": b'{"x":1',
    "wrong type": b'{"x":"one"}',
    "another shape": b"[1, 2]",
    "a field missing": b'{"name":"a"}',
    "zeros": b"\0" * 4096,
    "no UTF-8": b'{"x":1,"name":"\xff"}',
    "half a character": '{"x":1,"name":"ä'.encode()[:-1],
    "not a number": b'{"x":NaN}',
    "too deep": b'{"x":1,"more":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "a tail": b'{"x":1}{"x":2}',
    "huge": b'{"x":1,"name":"' + b"x" * LARGEST + b'"}',
}


@pytest.mark.parametrize("data", DAMAGED.values(), ids=DAMAGED.keys())
def test_what_cannot_be_used_is_set_aside_and_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, data: bytes
) -> None:
    path = tmp_path / "point.json"
    path.write_bytes(data)
    assert stored_at(path).load() is None
    (message,) = caplog.messages
    assert message.startswith(f"Cannot use {path}, which keeps where it is: ")
    assert message.endswith("; it is set aside as point.json.bad1")
    assert (tmp_path / "point.json.bad1").read_bytes() == data
    assert stored_at(path).load() is None, "and a second start finds nothing, in silence"
    assert len(caplog.messages) == 1
    assert stored_at(path).save(Point(3))
    assert stored_at(path).load() == Point(3)


@given(st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
def test_any_bytes_are_a_value_or_set_aside(data: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "point.json"
        path.write_bytes(data)
        value = stored_at(path).load()
        assert names(path.parent) == (["point.json"] if value else ["point.json.bad1"])


def fifo(path: Path) -> None:
    os.mkfifo(path)


def folder(path: Path) -> None:
    path.mkdir()
    (path / "inside").write_text("precious")


def link(path: Path) -> None:
    path.symlink_to("elsewhere")
    (path.parent / "elsewhere").write_text('{"x":1}')


def dangling(path: Path) -> None:
    path.symlink_to("nowhere")


def endless(path: Path) -> None:
    path.symlink_to(path.name)


def listening(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(str(path))


@pytest.mark.parametrize("make", [fifo, folder, link, dangling, endless, listening])
def test_what_is_no_plain_file_is_set_aside_and_hangs_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, make: Callable[[Path], None]
) -> None:
    path = tmp_path / "p"
    make(path)
    assert stored_at(path).load() is None
    assert "it is not a plain file; it is set aside as p.bad1" in caplog.text
    assert os.path.lexists(tmp_path / "p.bad1")
    assert stored_at(path).save(Point(3))
    assert stored_at(path).load() == Point(3)


def test_a_pipe_put_in_between_hangs_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, plain = tmp_path / "point.json", tmp_path / "plain"
    os.mkfifo(path)
    plain.write_text("")
    found = plain.lstat()
    monkeypatch.setattr(Path, "lstat", lambda _self: found)
    assert stored_at(path).load() is None


def test_what_is_set_aside_is_not_overwritten_and_does_not_pile_up(tmp_path: Path) -> None:
    path = tmp_path / "point.json"
    for number in range(MOST_ASIDE + 5):
        path.write_text(f"damage {number}")
        assert stored_at(path).load() is None
    kept = [(tmp_path / f"point.json.bad{number}").read_text() for number in range(1, MOST_ASIDE + 1)]
    assert kept == [*(f"damage {number}" for number in range(MOST_ASIDE - 1)), f"damage {MOST_ASIDE + 4}"]
    assert len(names(tmp_path)) == MOST_ASIDE


def test_what_cannot_be_set_aside_is_told_so_and_stays(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "point.json"
    path.write_text("damaged")
    for number in range(1, MOST_ASIDE + 1):
        (tmp_path / f"point.json.bad{number}").mkdir()
    assert stored_at(path).load() is None
    assert "; it cannot be set aside either: Is a directory" in caplog.text
    assert path.read_text() == "damaged"


def test_a_copy_can_be_kept_before_the_next_save(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "point.json"
    path.write_text('{"x": 7}')
    stored_at(path).copy_aside()
    assert caplog.messages == [f"{path} is kept as it was as point.json.bad1"]
    assert stored_at(path).load() == Point(7)
    assert stored_at(path).save(Point(8))
    assert (tmp_path / "point.json.bad1").read_text() == '{"x": 7}'
    path.unlink()
    stored_at(path).copy_aside()
    assert caplog.messages[1:] == [f"Cannot keep a copy of {path}: No such file or directory"]


def test_a_file_of_somebody_else_is_set_aside(caplog: pytest.LogCaptureFixture) -> None:
    """Such as after a run as root in a user's folder."""
    with unprivileged() as folder:
        path = folder / "point.json"
        path.write_text('{"x": 7}')
        path.chmod(0)
        assert stored_at(path).load() is None
        assert stored_at(path).save(Point(8))
        assert stored_at(path).load() == Point(8)
        assert names(folder) == ["point.json", "point.json.bad1"]
    assert [message.split(": ")[1] for message in caplog.messages] == [
        "Permission denied; it is set aside as point.json.bad1"
    ]


def test_a_read_only_folder_is_told_once_and_when_it_is_over(caplog: pytest.LogCaptureFixture) -> None:
    with unprivileged() as folder:
        kept = stored_at(folder / "point.json")
        assert kept.save(Point(1))
        folder.chmod(0o500)
        for number in range(3):
            assert not kept.save(Point(number))
        assert kept.load() == Point(1)
        kept.forget()
        folder.chmod(0o700)
        assert kept.save(Point(9))
        assert kept.save(Point(10))
        assert names(folder) == ["point.json"]
    path = folder / "point.json"
    assert caplog.messages == [
        f"Cannot keep where it is in {path} (Permission denied): it will be looked for",
        f"Cannot remove {path}: Permission denied",
        f"{path} is kept again: where it is",
    ]


def test_a_folder_that_may_not_be_entered_is_told(caplog: pytest.LogCaptureFixture) -> None:
    with unprivileged() as folder:
        folder.chmod(0)
        kept = stored_at(folder / "deep" / "point.json")
        assert kept.load() is None
        assert not kept.save(Point(1))
    assert [message.split()[:2] for message in caplog.messages] == [["Cannot", "use"], ["Cannot", "keep"]]
    assert "cannot be set aside either: Permission denied" in caplog.text


@pytest.mark.parametrize("place", ["/proc/fand", "/proc/fand/deeper"])
def test_a_folder_that_cannot_be_made_is_told(caplog: pytest.LogCaptureFixture, place: str) -> None:
    kept = stored_at(Path(place) / "point.json")
    assert kept.load() is None
    assert not kept.save(Point(1))
    assert len(caplog.messages) == 1


def test_a_file_in_the_place_of_the_folder_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").write_text("")
    kept = stored_at(tmp_path / "file" / "point.json")
    assert kept.load() is None
    assert not kept.save(Point(1))
    assert [message.split(":")[0].split()[1] for message in caplog.messages] == ["read", "keep"]


def test_a_full_disk_leaves_what_was_kept_before_and_no_rest(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    kept = stored_at(tmp_path / "point.json")
    assert kept.save(Point(1))
    with files_of_at_most(100):
        for _ in range(3):
            assert not kept.save(Point(2, "x" * 100_000))
        assert kept.load() == Point(1)
        assert kept.save(Point(3))
    assert names(tmp_path) == ["point.json"]
    assert [message.partition(" (")[2].partition(")")[0] for message in caplog.messages] == ["File too large", ""]
    assert caplog.messages[1] == f"{tmp_path / 'point.json'} is kept again: where it is"


def test_trouble_that_changes_is_told_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = stored_at(tmp_path / "point.json")
    for number in (28, 28, 5, 28):

        def fail(_handle: int, number: int = number) -> None:
            raise OSError(number, os.strerror(number))

        monkeypatch.setattr(os, "fsync", fail)
        assert not kept.save(Point(1))
    told = [message.partition("(")[2].partition(")")[0] for message in caplog.messages]
    assert told == ["No space left on device", "Input/output error", "No space left on device"]


def test_what_does_not_reach_the_disk_counts_as_not_kept_only_if_that_can_be_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sync = os.fsync
    for number, kept in ((22, True), (5, False)):

        def fail(handle: int, number: int = number) -> None:
            if Path(f"/proc/self/fd/{handle}").readlink().is_dir():
                raise OSError(number, os.strerror(number))
            sync(handle)

        monkeypatch.setattr(os, "fsync", fail)
        assert stored_at(tmp_path / "point.json").save(Point(1)) is kept


def test_what_has_no_form_in_a_file_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    kept = stored_at(tmp_path / "point.json")
    assert not kept.save(Point(1, "\ud800"))
    assert not kept.save(Point(1, "x" * LARGEST))
    assert len(caplog.messages) == 2
    assert names(tmp_path) == []


def test_what_a_killed_run_had_begun_is_swept_away_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "point.json"
    stored_at(path).save(Point(1))
    for name in (".point.json.abc.new", ".other.json.abc.new", "point.json.bad1", ".point.json.old"):
        (tmp_path / name).write_text("{")
    assert stored_at(path).load() == Point(1)
    assert names(tmp_path) == [".other.json.abc.new", ".point.json.old", "point.json", "point.json.bad1"]


def test_a_rest_that_cannot_be_removed_keeps_nobody_from_reading(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "point.json"
    stored_at(path).save(Point(1))
    (tmp_path / ".point.json.x.new").mkdir()
    with caplog.at_level(logging.DEBUG, stored.__name__):
        assert stored_at(path).load() == Point(1)
    assert "cannot remove" in caplog.text


def test_the_state_folder_is_the_managers_or_roots_or_the_users(monkeypatch: pytest.MonkeyPatch) -> None:
    assert state_folder("client", {"STATE_DIRECTORY": "/var/lib/fand:/var/lib/other"}) == Path("/var/lib/fand")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert state_folder("client", {}) == Path("/var/lib/fand")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert state_folder("client", {"XDG_STATE_HOME": "/home/pi/.state"}) == Path("/home/pi/.state/fand")
    assert state_folder("client", {"XDG_STATE_HOME": "relative"}) == Path.home() / ".local/state/fand"


@pytest.mark.parametrize("table", ["client", "server"])
def test_a_user_without_a_home_is_told_what_to_set(monkeypatch: pytest.MonkeyPatch, table: str) -> None:
    """Such as the arbitrary user of a container."""
    monkeypatch.delenv("HOME")
    monkeypatch.setattr(os, "geteuid", lambda: 54321)
    monkeypatch.setattr(os, "getuid", lambda: 54321)
    with pytest.raises(ConfigError, match=rf"user 54321 has no home .* set HOME, or state under \[{table}\]"):
        state_folder(table, {})
