"""The server's parts together, on a loop whose time is made."""

import asyncio
import socket
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from fand.clock import SystemClock
from fand.config import AllowConfig, DeviceConfig, ServerConfig, ShelfConfig
from fand.control import Override
from fand.dispatch import Grant, Role
from fand.exceptions import AccessDeniedError, RequestError
from fand.ports import Failed, Reading, Temperature
from fand.sensing.readers import Readers
from fand.server.identity import Visitor
from fand.server.service import Service, hall_of, slot_of
from fand.server.state import State
from fand.units import Celsius, Seconds
from fand.wire import Request, encode
from tests.control.shelves import LAW

from .travel import TravelClock, travel


class _Warm:
    family = "hdd"

    def __init__(self) -> None:
        self.reads: list[float] = []

    def read(self, now: Seconds) -> Reading:
        self.reads.append(now)
        return Temperature(Celsius(40), now)

    def close(self) -> None: ...


class _AtOnce(Readers):
    """Calls without a thread."""

    def start(self, function):  # type: ignore[no-untyped-def]
        future = asyncio.get_running_loop().create_future()
        future.set_result(function())
        return future


def _config() -> tuple[ServerConfig, ShelfConfig]:
    devices = tuple(DeviceConfig(name, "sim", None, Seconds(30), Seconds(5), position=name) for name in ("a", "b"))
    shelf = ShelfConfig("shelf1", LAW, devices)
    return ServerConfig((shelf,)), shelf


def test_a_configuration_becomes_a_hall_of_which_nothing_is_known_yet() -> None:
    config, shelf = _config()
    slots = hall_of(config).shelf("shelf1").slots
    assert slots == tuple(map(slot_of, shelf.devices))
    assert [(slot.name, slot.kind, slot.watch.interval, slot.position) for slot in slots] == [
        ("a", "sim", 30, "a"),
        ("b", "sim", 30, "b"),
    ]


def test_devices_are_watched_from_the_beginning_to_the_end_their_readings_spread_over_the_interval() -> None:
    async def main() -> None:
        config, shelf = _config()
        clock, sensors = TravelClock(), [_Warm(), _Warm()]
        pairs = [(shelf, device, sensor) for device, sensor in zip(shelf.devices, sensors, strict=True)]
        service = Service(config, pairs, clock, _AtOnce(), 10)
        service.begin()
        await asyncio.sleep(50)
        assert [sensor.reads for sensor in sensors] == [[0, 15, 45], [0, 30]]
        decision = service.hall.shelf("shelf1").decision(clock.now())
        assert decision.duty < 100
        assert service.welcome() is not service.welcome()
        service.end()
        await asyncio.sleep(50)
        assert [len(sensor.reads) for sensor in sensors] == [3, 2]

    travel(main)


def test_s11_a_service_without_a_file_says_so_when_it_shall_read_it_again() -> None:
    async def main() -> None:
        told: list[str] = []
        service = Service(ServerConfig(()), [], TravelClock(), _AtOnce(), 10, tell=told.append)
        with pytest.raises(RequestError, match="this server has no configuration to read again"):
            await service.reloading.ask()
        assert told[1:] == ["READY=1"]

    travel(main)


def test_s11_another_configuration_counts_in_one_step() -> None:
    async def main() -> None:
        config, shelf = _config()
        first, second = shelf.devices
        sensors = {name: _Warm() for name in ("a", "b", "c", "d")}
        service = Service(
            config, [(shelf, first, sensors["a"]), (shelf, second, sensors["b"])], TravelClock(), _AtOnce(), 10
        )
        service.begin()
        await asyncio.sleep(20)
        now = TravelClock().now()
        there = service.hall.shelf("shelf1")
        assert there.decision(now).duty < 100
        new = ShelfConfig("shelf2", LAW, (second,))
        same = ShelfConfig("shelf1", LAW, (first,))
        service.become(ServerConfig((new, same)), [(new, second, sensors["b"]), (same, first, sensors["a"])])
        assert list(service.hall.shelves) == ["shelf2", "shelf1"]
        assert service.hall.shelf("shelf1") is there
        assert there.decision(now).duty < 100
        assert service.hall.shelf("shelf2").decision(now).duty == 100.0, "a device that moved is another there"
        await asyncio.sleep(1)
        assert service.hall.shelf("shelf2").decision(TravelClock().now()).duty < 100
        service.become(ServerConfig((same,)), [(same, first, sensors["c"])])
        assert there.decision(now).duty == 100.0
        service.end()
        await asyncio.sleep(0)

    travel(main)


def test_s11_who_may_connect_is_taken_over_by_a_reload(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        service = Service(ServerConfig(()), [], TravelClock(), _AtOnce(), 10)
        stranger = Visitor("192.0.2.7:4000", name="pi1")
        with pytest.raises(AccessDeniedError):
            service.desk.access.grant(stranger)
        entry = AllowConfig("pi1", None, None, frozenset({"report"}), frozenset({"shelf1"}))
        service.become(ServerConfig((), allow=(entry,), plain_role="read"), [])
        assert service.desk.access.grant(stranger) == Grant(frozenset({Role.REPORT}), frozenset({"shelf1"}))
        assert service.desk.access.grant(Visitor("192.0.2.8:4000")) == Grant(frozenset({Role.READ}))

    travel(main)
    assert caplog.messages == []


def test_s11_what_takes_a_restart_is_told(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        service = Service(ServerConfig((), port=1), [], TravelClock(), _AtOnce(), 10)
        service.become(ServerConfig((), port=1), [])
        assert caplog.messages == []
        service.become(ServerConfig((), port=2, plain=True), [])

    travel(main)
    assert caplog.messages == [
        "reload: port under [server] is not as it was at the start; that takes a restart",
        "reload: plain under [server] is not as it was at the start; that takes a restart",
    ]


def test_s8_what_must_outlive_the_service_is_kept_before_it_is_acknowledged_and_taken_back() -> None:
    class Disk:
        state: State | None = None

        def load(self) -> State | None:
            return self.state

        def save(self, value: State) -> bool:
            self.state = value
            return True

        def copy_aside(self) -> None: ...

    async def ask(disk: Disk) -> Override | None:
        """What a service finds; it then sets an override of 60 %."""
        config, _ = _config()
        service = Service(config, [], TravelClock(), _AtOnce(), 10, store=disk)
        await service.recall()
        shelf = service.hall.shelf("shelf1")
        found = shelf.override
        here, there = socket.socketpair()
        here.setblocking(False)
        await asyncio.get_running_loop().connect_accepted_socket(service.welcome, there)
        await asyncio.get_running_loop().sock_sendall(here, encode(Request.SET_PWM_OVERRIDE, ("shelf1", 60)))
        assert await asyncio.get_running_loop().sock_recv(here, 100) == encode(Request.ACK, ())
        assert disk.state is not None
        assert disk.state.shelves["shelf1"].override.percent == 60
        await service.settle(1)
        service.end()
        here.close()
        disk.state = msgspec.json.decode(msgspec.json.encode(disk.state), type=State)
        return found

    async def main() -> None:
        disk = Disk()
        assert await ask(disk) is None
        again = await ask(disk)
        assert again is not None
        assert again.percent == 60

    travel(main)


def test_alarms_are_kept_and_told(tmp_path: Path) -> None:
    async def main() -> None:
        config, _ = _config()
        words = ("sh", "-c", 'echo "$FAND_SHELF $FAND_SUBJECT" >> "$1"', "sh", str(tmp_path / "told"))
        service = Service(replace(config, on_alarm=words), [], SystemClock(), Readers(), 10)
        await service.recall()
        shelf = service.hall.shelf("shelf1")
        shelf.observe("a", Failed("no answer", Seconds(0)))
        service.desk.keeper.refresh(shelf)
        while not (tmp_path / "told").exists():
            await asyncio.sleep(0.002)
        await service.settle(20)
        service.end()

    asyncio.run(main())
    assert (tmp_path / "told").read_text() == "shelf1 a\n"


def test_a_reload_and_readings_leave_the_shelves_to_the_turns_that_follow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Thousands of shelves at once would keep everybody waiting."""

    async def main() -> None:
        config, _ = _config()
        shelf = replace(config.shelves[0], name="shelf2")
        service = Service(config, [], TravelClock(), _AtOnce(), 10)
        looked: list[str] = []
        monkeypatch.setattr(service.desk.keeper, "refresh", lambda what: looked.append(what.name))
        service.become(replace(config, shelves=(*config.shelves, shelf)), [])
        assert looked == []
        await asyncio.sleep(0.01)
        assert looked == ["shelf1", "shelf2"]
        for device in ("a", "b"):
            service._observe("shelf2", device, Failed("no answer", Seconds(0)), None)
        assert looked[2:] == []
        await asyncio.sleep(0.01)
        assert looked[2:] == ["shelf2"], "once for both"
        service.end()

    travel(main)


def test_a_reload_does_not_compare_every_shelf_with_every_device() -> None:
    compared = []

    class Name(str):
        __slots__ = ()
        __hash__ = str.__hash__

        def __eq__(self, other: object) -> bool:
            compared.append(other)
            return str(self) == other

    async def main() -> None:
        config, _ = _config()
        shelves = tuple(replace(config.shelves[0], name=Name(f"s{number}")) for number in range(50))
        many = replace(config, shelves=shelves)
        service = Service(many, [], TravelClock(), _AtOnce(), 10)
        sensors = [(shelf, device, _Warm()) for shelf in shelves for device in shelf.devices]
        service.become(many, sensors)
        for shelf, device, _ in sensors:
            service.hall.shelf(shelf.name).observe(device.name, Temperature(Celsius(40), Seconds(0)), "hdd")
        compared.clear()
        service.become(many, sensors)
        assert len(compared) < 10 * len(shelves)
        known = [device.track.last for shelf in service.hall.shelves.values() for device in shelf.devices]
        assert None not in known, "each goes on as it was"
        service.end()

    travel(main)
