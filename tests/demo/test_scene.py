"""What there is to see in the demo, in words and lines."""

from typing import Any

import pytest

from fand.demo.scene import Past, Scene, hottest, lines, phase, sentence


def status(**other: Any) -> dict[str, Any]:
    devices = [
        {"name": f"bay {bay}", "celsius": 30.0 + bay, "health": "good", "failure": None} for bay in range(1, 9)
    ]
    fans = [{"name": name, "rpm": 1240.4, "duty": 62, "state": "ok"} for name in ("front", "rear")]
    reason = "hdd bay 8 at 38.0 °C on curve drives -> 62 %"
    return {"duty": 62, "demand": 61.5, "rpm": 1240.4, "reason": reason, "devices": devices, "fans": fans, **other}


def text(scene: Scene, width: int = 80) -> list[str]:
    return ["".join(piece for piece, _ in line).rstrip() for line in lines(scene, width)]


@pytest.mark.parametrize(
    ("elapsed", "expected"),
    [
        (0, ("idle", 0.0)),
        (9.9, ("idle", 0.0)),
        (10, ("load step", 1.0)),
        (39.9, ("load step", 1.0)),
        (40, ("recovery", 0.0)),
        (69.9, ("recovery", 0.0)),
        (70, ("load step", 1.0)),
        (3600, ("recovery", 0.0)),
    ],
)
def test_idle_then_load_and_recovery_by_turns(elapsed: float, expected: tuple[str, float]) -> None:
    assert phase(elapsed) == expected


def test_the_hottest_of_the_drives_that_were_read() -> None:
    assert hottest(status()) == 38.0
    assert hottest(status(devices=[{"name": "bay 1", "celsius": None, "health": "waiting"}])) is None


def test_a_scene_in_a_sentence() -> None:
    assert sentence(Scene(17.2, "load step", 4321, status())) == (
        "0:17  load step  hottest 38.0 °C  demand  62 %  duty  62 %  1240 rpm  "
        "hdd bay 8 at 38.0 °C on curve drives -> 62 %"
    )
    unknown = sentence(Scene(0.3, "idle", 4321, status(devices=[], rpm=None)))
    assert unknown.startswith("0:00  idle       hottest    - °C  demand  62 %  duty  62 %     - rpm")


def test_a_scene_in_lines() -> None:
    past = [Past(30.0, 0), Past(35.0, 50), Past(40.0, 100)]
    shown = text(Scene(75, "load step", 4321, status(), past))
    assert shown[0].startswith(" fand demo  1:15  load step  1 second here is 60 in the shelf")
    assert shown[0].endswith("Ctrl-C ends")
    assert shown[2].split() == ["drive", "°C", "22", "26", "30", "34", "38", "42"]
    assert shown[3].startswith(" bay 1    31.0  ███")
    assert [line.split("  ")[-1] for line in shown[12:14]] == ["▁▄█", "▁▅█"]
    assert " fans    front 1240 rpm   rear 1240 rpm" in shown
    assert " reason  hdd bay 8 at 38.0 °C on curve drives -> 62 %" in shown
    assert " try     fanctl -p 4321 set-pwm-override demo 80  elsewhere" in shown
    assert len(shown) < 24


def test_a_hotter_drive_has_a_longer_bar_in_a_warmer_colour() -> None:
    drives = [{"name": "x", "celsius": celsius, "health": "good"} for celsius in (10.0, 30.0, 38.0, 45.0, 60.0)]
    drawn = list(lines(Scene(0, "idle", 4321, status(devices=drives)), 80))[3:8]
    bars = [line[1] for line in drawn]
    assert [len(bar) for bar, _ in bars] == sorted(len(bar) for bar, _ in bars)
    assert [style for _, style in bars] == ["green", "green", "yellow", "red", "red"]
    assert bars[0][0] == ""


def test_a_drive_without_a_reading_says_what_it_is() -> None:
    drive = {"name": "bay 1", "celsius": None, "health": "waiting"}
    shown = text(Scene(0, "idle", 4321, status(devices=[drive], rpm=None)))
    assert shown[3].split() == ["bay", "1", "-", "waiting"]


@pytest.mark.parametrize("width", [80, 100, 120, 200])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    scene = Scene(75, "load step", 4321, status(reason="x" * 300), [Past(35.0, 50)] * 500)
    shown = text(scene, width)
    assert max(map(len, shown)) <= width
    assert any(line.endswith("…") for line in shown)
    assert max(len(line) for line in shown if "▄" in line) > width - 5
