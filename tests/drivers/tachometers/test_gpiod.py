"""What needs a chip runs in the virtual machine (tests/vm); here its library gives out what a test wrote."""

from pathlib import Path
from typing import Any

import gpiod as libgpiod
import msgspec
import pytest
from gpiod.line import Bias, Direction
from gpiod.line import Edge as LineEdge

from fand.drivers.tachometers import gpiod
from fand.exceptions import GpioError
from fand.ports import Tachometer, TachometerKind
from fand.units import Seconds


class Line:
    """A requested line with edges to give out."""

    def __init__(self) -> None:
        self.asked: dict[str, Any] = {}
        self.batches: list[list[libgpiod.EdgeEvent]] = []
        self.released = 0

    def request_lines(self, path: str, **asked: Any) -> "Line":
        self.asked = asked | {"path": path}
        return self

    def wait_edge_events(self, timeout: float) -> bool:
        assert timeout == 0
        return bool(self.batches)

    def read_edge_events(self, most: int) -> list[libgpiod.EdgeEvent]:
        if not self.batches[0]:
            raise OSError(19, "No such device")
        taken, self.batches[0] = self.batches[0][:most], self.batches[0][most:]
        if not self.batches[0]:
            self.batches.pop(0)
        return taken

    def release(self) -> None:
        self.released += 1

    def turn(self, start: float, period: float, numbers: range) -> None:
        self.batches.append(
            [
                libgpiod.EdgeEvent(
                    libgpiod.EdgeEvent.Type.FALLING_EDGE.value,
                    round((start + period * each) * 1e9),
                    17,
                    number,
                    number,
                )
                for each, number in enumerate(numbers)
            ]
        )


class Chip:
    """A chip whose label its device file holds."""

    num_lines = 28

    def __init__(self, path: str) -> None:
        self.label = Path(path).read_text()

    def __enter__(self) -> "Chip":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def get_info(self) -> "Chip":
        return self

    def line_offset_from_id(self, line: int | str) -> int:
        if line not in (17, "GPIO17"):
            raise FileNotFoundError(2, "No such file or directory")
        return 17


@pytest.fixture
def line(monkeypatch: pytest.MonkeyPatch) -> Line:
    line = Line()
    monkeypatch.setattr(libgpiod, "request_lines", line.request_lines)
    monkeypatch.setattr(libgpiod, "is_gpiochip_device", lambda path: Path(path).is_file())
    monkeypatch.setattr(libgpiod, "Chip", Chip)
    return line


@pytest.fixture
def devices(tmp_path: Path) -> Path:
    for number, label in enumerate(("pinctrl-rp1", "twin", "twin")):
        (tmp_path / f"gpiochip{number}").write_text(label)
    (tmp_path / "gpiochip4").symlink_to("gpiochip0")
    return tmp_path


class Clock:
    now = 0.0


def tachometer(devices: Path, **keys: Any) -> gpiod.GpiodTachometer:
    settings = msgspec.convert({"gpiod": "pinctrl-rp1", "line": 17} | keys, gpiod.Settings)
    return gpiod.open_tachometer(settings, devices, lambda: Clock.now)


def speed(opened: gpiod.GpiodTachometer, at: float) -> float | None:
    """The speed at ``at`` of the clock of the kernel's stamps; the one that is handed in counts suspends too."""
    Clock.now = at
    return opened.rpm(Seconds(at + 86_400))


def test_it_is_a_tachometer_kind(line: Line, devices: Path) -> None:
    kind: TachometerKind = gpiod
    assert kind.Settings is gpiod.Settings
    opened: Tachometer = tachometer(devices)
    opened.close()
    opened.close()
    assert line.released == 1


def test_it_asks_for_falling_edges_pulled_up(line: Line, devices: Path) -> None:
    tachometer(devices, debounce=0.0005)
    assert line.asked["path"] == str(devices / "gpiochip0")
    assert line.asked["event_buffer_size"] == 1024
    settings = line.asked["config"][17]
    assert (settings.direction, settings.edge_detection, settings.bias) == (
        Direction.INPUT, LineEdge.FALLING, Bias.PULL_UP,
    )  # fmt: skip
    assert settings.debounce_period.total_seconds() == 0.0005
    tachometer(devices, line="GPIO17", pull="none")
    assert line.asked["config"]["GPIO17"].bias == Bias.AS_IS


@pytest.mark.parametrize("which", ["pinctrl-rp1", "gpiochip0", "gpiochip4", "/gpiochip0"])
def test_the_chip_is_found_by_label_name_and_path(line: Line, devices: Path, which: str) -> None:
    tachometer(devices, gpiod=f"{devices}{which}" if "/" in which else which)
    assert Path(line.asked["path"]).resolve() == (devices / "gpiochip0").resolve()


def test_a_chip_that_is_not_the_only_one_or_not_there_is_told(line: Line, devices: Path) -> None:
    there = r"gpiochip0 \(pinctrl-rp1\), gpiochip1 \(twin\), gpiochip2 \(twin\)"
    with pytest.raises(GpioError, match=f"2 GPIO chips are called 'twin'; there are: {there}"):
        tachometer(devices, gpiod="twin")
    with pytest.raises(GpioError, match=f"no GPIO chips are called 'tripled'; there are: {there}"):
        tachometer(devices, gpiod="tripled")
    with pytest.raises(GpioError, match="there are: none"):
        tachometer(devices / "nowhere")


def test_a_line_that_is_not_there_is_told(line: Line, devices: Path) -> None:
    with pytest.raises(GpioError, match="gpiochip0 has lines 0 to 27, not 28"):
        tachometer(devices, line=28)
    with pytest.raises(GpioError, match="gpiochip0 has no line called 'GPIO99'; see gpioinfo"):
        tachometer(devices, line="GPIO99")


def test_many_edges_are_all_seen(line: Line, devices: Path) -> None:
    opened = tachometer(devices)
    line.turn(50, 0.001, range(1, 2002))
    assert speed(opened, 52.0005) == pytest.approx(30_000)
    assert not line.batches


def test_the_speed_is_that_of_the_kernels_stamps(line: Line, devices: Path) -> None:
    opened = tachometer(devices)
    assert speed(opened, 50) is None
    line.turn(50, 0.02, range(1, 52))
    assert speed(opened, 51.005) == pytest.approx(1500)
    line.turn(51.02, 0.02, range(52, 72))
    line.turn(51.42, 0.02, range(72, 92))
    assert speed(opened, 52) == pytest.approx(1500)
    assert speed(opened, 55) == 0.0


def test_lost_edges_are_counted(line: Line, devices: Path) -> None:
    opened = tachometer(devices)
    line.turn(50, 0.02, range(1, 11))
    line.turn(50.8, 0.02, range(41, 52))
    assert speed(opened, 51) == pytest.approx(1500)


def test_noise_without_end_does_not_hold_it(line: Line, devices: Path) -> None:
    opened = tachometer(devices)
    line.turn(50, 1e-6, range(10_000))
    assert speed(opened, 51) is None
    assert len(line.batches[0]) == 10_000 - 4096


def test_a_chip_that_goes_is_an_error(line: Line, devices: Path) -> None:
    opened = tachometer(devices)
    line.batches.append([])
    with pytest.raises(GpioError, match=r"cannot count the pulses on line 17 of pinctrl-rp1: .*No such device"):
        speed(opened, 50)


def test_the_real_library_says_what_is_no_chip(tmp_path: Path) -> None:
    with pytest.raises(GpioError, match="no GPIO chips are called 'pinctrl-rp1'"):
        tachometer(tmp_path)
    with pytest.raises(GpioError, match="no GPIO chips are called '/dev/null'"):
        tachometer(tmp_path, gpiod="/dev/null")


def test_a_raspberry_pi_is_detected(line: Line, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "dev").mkdir()
    (tmp_path / "dev/gpiochip0").write_text("INT34C5:00")
    assert gpiod.detect(tmp_path) == []
    (tmp_path / "dev/gpiochip1").write_text("pinctrl-bcm2711")
    assert [each.line for each in gpiod.detect(tmp_path)] == ['{ gpiod = "pinctrl-bcm2711", line = 17 }']

    def refuse(path: str) -> None:
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr(libgpiod, "Chip", refuse)
    assert gpiod.detect(tmp_path) == []


def test_an_old_library_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delattr(libgpiod, "request_lines")
    with pytest.raises(GpioError, match="older than 2"):
        tachometer(tmp_path)


@pytest.mark.parametrize(
    "keys",
    [
        {"gpiod": ""},
        {"gpiod": "a\0b"},
        {"line": -1},
        {"line": ""},
        {"line": "\n"},
        {"pulses": 0},
        {"pull": "down"},
        {"debounce": 1},
        {"fan": 1},
    ],
)
def test_bad_settings_are_refused(keys: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(msgspec.ValidationError):
        tachometer(tmp_path, **keys)
