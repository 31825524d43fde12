import signal
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fand.config.values import ClientConfig, FanConfig
from fand.drivers.fans import fake, hwmon
from fand.exceptions import ConfigError
from fand.fanclient import failsafe as module
from fand.fanclient.failsafe import failsafe
from fand.fanclient.hardware import HostFan
from fand.fanclient.held import held, on_record, record
from fand.ports import Fan
from fand.units import Percent, Seconds
from tests.drivers.tree import Tree
from tests.fanclient.parts import FanFile
from tests.fanclient.processes import Program, Site

KILLED = {"SERVICE_RESULT": "signal"}
ENDED = {"SERVICE_RESULT": "success"}


def client(state: Path, *fans: FanConfig, duty: float = 100, shelf: str = "shelf1") -> ClientConfig:
    return ClientConfig(shelf, (("localhost", 9),), fans, failsafe=Percent(duty), state=state)


def drive(config: ClientConfig, fan: FanConfig, state: Path) -> HostFan:
    """A fan client's fan, taken over; what follows is as if it had been killed."""
    kept = record(state, config.shelf, fan.name)
    taken = HostFan(fan, state, record=(kept, held(config.shelf, fan, Percent(80))))
    taken.take()
    kept.close()
    return taken


def no_config() -> ClientConfig:
    raise ConfigError(["fand.toml: line 3: broken"])


def test_c2_a_fan_that_was_not_given_back_gets_the_failsafe_duty(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    front, rear = FanFile(tmp_path, "front"), FanFile(tmp_path, "rear")
    config = client(tmp_path, front.config(), rear.config())
    drive(config, front.config(), tmp_path)
    drive(config, rear.config(), tmp_path).give_back()
    front.set(30)
    rear.set(45)
    assert failsafe("fand-client", lambda: config, ENDED) == 0
    assert (front.duty, rear.duty) == (80, 45)  # the duty that was safe for it when it was driven
    assert capsys.readouterr().err == "fand-client: fan front: set to the failsafe duty of 80 %\n"


def test_c2_a_fan_that_does_more_is_not_slowed_down(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    front = FanFile(tmp_path)
    drive(client(tmp_path), front.config(), tmp_path)
    front.set(95)
    assert failsafe("x", lambda: client(tmp_path, front.config()), KILLED) == 0
    assert front.duty == 95
    assert capsys.readouterr().err == "x: fan front: left at 95 %, which is no less than the failsafe duty\n"


@pytest.mark.parametrize("configured", [True, False])
def test_c2_a_fan_whose_client_runs_is_left_to_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], configured: bool
) -> None:
    front = FanFile(tmp_path)
    kept = record(tmp_path, "shelf1", "front")
    running = HostFan(front.config(), tmp_path, record=(kept, held("shelf1", front.config(), Percent(80))))
    running.take()
    front.set(30)
    config = client(tmp_path, front.config())
    environ = {"STATE_DIRECTORY": str(tmp_path)}
    assert failsafe("x", (lambda: config) if configured else no_config, environ) == 0
    assert front.duty == 30
    assert "x: fan front: left to the fan client that runs; end that first if it hangs\n" in capsys.readouterr().err
    # a service manager asks when its client is gone, or will never do anything again
    assert failsafe("x", lambda: config, KILLED) == 0
    assert front.duty == 80


def test_the_fan_of_another_service_for_the_same_shelf_is_left_to_it(tmp_path: Path) -> None:
    theirs, ours = FanFile(tmp_path, "theirs"), FanFile(tmp_path, "ours")
    kept = record(tmp_path, "shelf1", "theirs")
    HostFan(theirs.config(), tmp_path, record=(kept, held("shelf1", theirs.config(), Percent(80)))).take()
    theirs.set(30)
    assert failsafe("x", lambda: client(tmp_path, ours.config()), KILLED) == 0
    assert (theirs.duty, ours.duty) == (30, 100)


def test_a_fan_that_was_renamed_after_a_crash_is_not_taken_for_one_that_is_driven(tmp_path: Path) -> None:
    fan = FanFile(tmp_path, "old")
    drive(client(tmp_path), fan.config(), tmp_path)  # and killed
    renamed = replace(fan.config(), name="new")
    drive(client(tmp_path), renamed, tmp_path).give_back()
    fan.set(30)
    assert failsafe("x", lambda: client(tmp_path, renamed), ENDED) == 0
    assert fan.duty == 30
    assert list(on_record(tmp_path)) == []


@pytest.mark.parametrize("environ", [KILLED, {}])
def test_c2_after_a_bad_end_every_fan_of_the_configuration_does(tmp_path: Path, environ: dict[str, str]) -> None:
    front, rear = FanFile(tmp_path, "front"), FanFile(tmp_path, "rear")
    config = client(tmp_path, front.config(), rear.config(), duty=90)
    drive(config, front.config(), tmp_path)
    front.set(30)
    rear.set(45)
    assert failsafe("fand-client", lambda: config, environ) == 0
    assert (front.duty, rear.duty) == (80, 90)


def test_c2_a_broken_configuration_does_not_keep_a_driven_fan_from_safety(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    front = FanFile(tmp_path)
    drive(client(tmp_path), front.config(), tmp_path)
    environ = KILLED | {"STATE_DIRECTORY": str(tmp_path)}
    for config in (lambda: 1 / 0, no_config):
        front.set(30)
        capsys.readouterr()
        assert failsafe("fand-client", config, environ) == 0  # type: ignore[arg-type]
        assert front.duty == 80
    assert capsys.readouterr().err.splitlines() == [
        "fand-client: fand.toml: line 3: broken",
        "fand-client: fan front: set to the failsafe duty of 80 %",
    ]


def test_where_nothing_is_known_that_is_told_and_no_success(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert failsafe("fand-client", no_config, {"STATE_DIRECTORY": str(tmp_path)}) == 1
    assert "no fan is on record as driven, and no other is known: none was touched" in capsys.readouterr().err


def test_without_a_home_the_fans_of_the_configuration_are_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def no_folder(*args: object) -> Path:
        raise ConfigError(["user 54321 has no home"])

    monkeypatch.setattr(module, "state_folder", no_folder)
    front = FanFile(tmp_path)
    config = ClientConfig("shelf1", (), (front.config(),))
    assert failsafe("fand-client", lambda: config, KILLED) == 0
    assert front.duty == 100
    assert "user 54321 has no home" in capsys.readouterr().err


def test_another_clients_fans_are_left_alone(tmp_path: Path) -> None:
    other, ours = FanFile(tmp_path, "other"), FanFile(tmp_path, "ours")
    drive(client(tmp_path, shelf="shelf2"), other.config(), tmp_path)
    other.set(30)
    assert failsafe("fand-client", lambda: client(tmp_path, ours.config()), KILLED) == 0
    assert (other.duty, ours.duty) == (30, 100)


def test_c2_one_fan_that_fails_or_hangs_holds_up_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    good, gone, hung = (FanFile(tmp_path, name) for name in ("good", "gone", "hung"))
    gone.path.mkdir()
    gate = threading.Event()

    def open_fan(config: FanConfig, state: Path) -> Fan:
        if config.name == "hung":
            gate.wait(30)
        return fake.open_fan(config.settings, config.name, state)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "open_fan", open_fan)
    config = client(tmp_path, hung.config(), gone.config(), good.config())
    assert failsafe("fand-client", lambda: config, KILLED, Seconds(1)) == 1
    gate.set()
    assert good.duty == 100
    lines = capsys.readouterr().err.splitlines()
    assert lines[:2] == [
        "fand-client: fan good: set to the failsafe duty of 100 %",
        "fand-client: fan hung: left as it is: its driver hangs",
    ]
    assert lines[2].startswith("fand-client: fan gone: cannot write ")


class Stubborn(fake.FakeFan):
    """Takes a duty, and does nothing of it; ``last`` is what becomes of the last resort."""

    last: Exception | None = None

    def drive(self, duty: Percent) -> None:
        pass

    def duty(self) -> Percent:
        return Percent(12)

    def hand_over(self) -> None:
        if self.last is not None:
            raise self.last


@pytest.mark.parametrize(
    ("last", "status", "text"),
    [
        (None, 0, "left to the full speed of its hardware: does 12 % after 100 % was written"),
        (ZeroDivisionError("no"), 1, "cannot be brought to full speed in any way: ZeroDivisionError: no"),
    ],
)
def test_c2_what_does_not_hold_is_handed_over(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    last: Exception | None,
    status: int,
    text: str,
) -> None:
    def open_fan(config: Any, state: Path) -> Fan:
        opened = Stubborn(config.settings)
        opened.last = last
        return opened

    monkeypatch.setattr(module, "open_fan", open_fan)
    assert failsafe("x", lambda: client(tmp_path, FanFile(tmp_path).config()), KILLED) == status
    assert text in capsys.readouterr().err


def test_a_record_that_names_no_driver_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    front = FanFile(tmp_path)
    drive(client(tmp_path), front.config(), tmp_path)
    (path,) = tmp_path.glob("held-*")
    path.write_text(path.read_text().replace('"kind":"fake"', '"kind":"gone"'))
    assert failsafe("x", no_config, {"STATE_DIRECTORY": str(tmp_path)}) == 1
    assert (
        "x: fan front: it is on record as driven by what cannot be used now: no fan driver" in capsys.readouterr().err
    )
    path.write_text("{")
    assert list(on_record(tmp_path)) == []


def test_c2_how_the_hardware_was_found_is_kept_for_the_next_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree, state = Tree(tmp_path), tmp_path / "state"
    board = tree.chip(2, "nct6798", "platform/nct6775.656", pwm2=102, pwm2_enable=5)
    fan = FanConfig("front", "hwmon", hwmon.Settings("nct6798", 2))

    def open_fan(config: FanConfig, folder: Path) -> Fan:
        assert isinstance(config.settings, hwmon.Settings)
        return hwmon.open_fan(config.settings, config.name, folder, tree.root)

    monkeypatch.setattr(module, "open_fan", open_fan)
    kept = (record(state, "shelf1", "front"), held("shelf1", fan, Percent(80)))
    with HostFan(fan, state, open_fan, record=kept) as killed:
        killed.take()
        (board / "pwm2").write_text("51\n")
        assert failsafe("x", lambda: client(state, fan), KILLED) == 0
        assert (board / "pwm2").read_text() == "204\n"
        assert len(list(state.glob("*.json"))) == 2
    with HostFan(fan, state, open_fan, record=kept) as restarted:
        restarted.take()
    assert (board / "pwm2_enable").read_text() == "5\n"
    assert not list(state.iterdir())


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with Site(tmp_path) as site:
        yield site


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGABRT])
def test_c2_a_client_that_was_killed_leaves_fans_that_the_command_makes_safe(
    site: Site, tmp_path: Path, how: signal.Signals
) -> None:
    site.server()
    running = site.client()
    site.until_duty(75)
    running.end(how)
    assert site.duty == 75
    broken = tmp_path / "broken.toml"
    broken.write_text("[client")
    env = {"SERVICE_RESULT": "signal", "STATE_DIRECTORY": str(tmp_path / "state")}
    with Program(tmp_path / "failsafe.log", "client", "-c", str(broken), "--failsafe", env=env) as command:
        assert command.process.wait(30) == 0
        assert command.text.endswith("fand-client: fan front: set to the failsafe duty of 100 %\n")
    assert site.duty == 100


def test_c2_a_client_that_ended_well_leaves_nothing_to_do(site: Site, tmp_path: Path) -> None:
    running = site.client()
    site.until_duty(100)
    assert running.end() == 0
    site.duty_file.write_text("33\n")
    with Program(
        tmp_path / "failsafe.log", "client", "-c", str(site.config), "--failsafe", env={"SERVICE_RESULT": "success"}
    ) as command:
        assert command.process.wait(30) == 0
        assert command.text == ""
    assert site.duty == 33
