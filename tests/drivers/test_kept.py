import errno
import os
import resource
import shutil
from pathlib import Path

import pytest

from fand.drivers.kept import GoneError, Kept
from fand.exceptions import DriverError


@pytest.fixture(params=["open", "scarce"])
def descriptors(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Whether there are enough descriptors to keep files open."""
    if request.param == "scarce":
        monkeypatch.setattr(resource, "getrlimit", lambda _: (4, 4))
    return str(request.param)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "device/temp1_input"
    path.parent.mkdir()
    path.write_text("31000\n")
    return path


def opened() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.usefixtures("descriptors")
def test_it_says_what_it_says_now(path: Path) -> None:
    kept = Kept(path)
    assert [kept.read(), kept.read()] == [b"31000\n"] * 2
    path.write_text("32000\n")
    assert kept.read() == b"32000\n"
    kept.close()
    kept.close()


@pytest.mark.usefixtures("descriptors")
def test_what_was_removed_is_gone_whatever_is_there_now(path: Path) -> None:
    kept, before = Kept(path), opened()
    aside = path.parent.rename(path.parent.with_name("gone"))
    path.parent.mkdir()
    path.write_text("60000\n")
    shutil.rmtree(aside)
    for _ in range(2):
        with pytest.raises(GoneError, match=f"cannot read {path}: No such file or directory"):
            kept.read()
    shutil.rmtree(path.parent)
    with pytest.raises(GoneError):
        kept.read()
    assert opened() == before
    kept.close()


def test_it_is_kept_open_while_there_are_descriptors_for_others(path: Path, descriptors: str) -> None:
    before = opened()
    kept = Kept(path)
    kept.read()
    assert opened() - before == (1 if descriptors == "open" else 0)
    kept.close()
    assert opened() == before


def test_what_cannot_be_opened_is_told(tmp_path: Path) -> None:
    with pytest.raises(DriverError, match=r"cannot read .*nothing: No such file or directory"):
        Kept(tmp_path / "nothing")


@pytest.mark.parametrize(("number", "gone"), [(errno.ENODEV, True), (errno.EIO, False)])
def test_a_device_that_went_is_told_from_one_that_cannot_be_read(
    path: Path, monkeypatch: pytest.MonkeyPatch, number: int, gone: bool
) -> None:
    def fail(*_: object) -> bytes:
        raise OSError(number, os.strerror(number))

    kept = Kept(path)
    monkeypatch.setattr(os, "pread", fail)
    with pytest.raises(DriverError, match=os.strerror(number)) as told:
        kept.read()
    assert isinstance(told.value, GoneError) is gone
    kept.close()


def test_a_file_of_the_kernel_is_made_anew_for_each_reading() -> None:
    kept = Kept(Path("/proc/self/stat"))
    first = kept.read()
    assert all(kept.read() for _ in range(3))
    sum(range(10**6))
    while kept.read() == first:  # its processor time grows
        sum(range(10**6))
    kept.close()
