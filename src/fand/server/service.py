"""The server without its surroundings: shelves, one task a device, a desk for clients; on any event loop.

The daemon gives it sockets, signals and threads; a simulation gives it a network and a clock of its own.
"""

import logging
from collections import defaultdict
from collections.abc import Callable
from dataclasses import fields
from typing import TYPE_CHECKING, Final

from fand.clock import instant
from fand.config import DeviceConfig, ServerConfig, ShelfConfig
from fand.control import Event, Watch
from fand.dispatch import After, Hall, Shelf, Slot
from fand.exceptions import ConfigError
from fand.notify import notify
from fand.ports import Clock, Reading
from fand.sensing.readers import Readers
from fand.sensing.reloading import Reloading
from fand.sensing.sensors import Sensors
from fand.sensing.watching import Watches
from fand.server.connection import Connection
from fand.server.desk import Desk, Work
from fand.server.identity import Access, access_of, own_user
from fand.server.keeper import ROUND
from fand.server.reported import Reported
from fand.server.saving import Saving, Store
from fand.units import Seconds

if TYPE_CHECKING:
    from fand.server.alarming import Alarming
    from fand.server.certificates import Certificates, Shown
    from fand.server.encrypted import Encrypted

_log = logging.getLogger(__name__)

RELOADED: Final = frozenset({"shelves", "allow", "plain_role", "limits", "tls"})
"""The fields of the configuration that a reload takes over; the others need a restart."""


def hall_of(config: ServerConfig) -> Hall:
    """The shelves of ``config``, of which nothing is known yet."""
    return Hall(map(shelf_of, config.shelves), instant)


def shelf_of(config: ShelfConfig) -> Shelf:
    """The shelf of ``config``, of which nothing is known yet."""
    return Shelf(config.name, config.law, map(slot_of, config.devices))


def slot_of(device: DeviceConfig) -> Slot:
    """The place of ``device`` in its shelf."""
    return Slot(device.name, device.kind, Watch(device.interval, device.optional), device.position)


def _alarming(config: ServerConfig, readers: Readers) -> "Alarming":
    from fand.server.alarming import Alarming  # noqa: PLC0415 - running programs is for who wants it

    return Alarming(config.on_alarm, readers)


def _no_file() -> ServerConfig:
    raise ConfigError(["this server has no configuration to read again"])


class Service:
    """``most`` is how many clients there may be at once; ``readers`` is where sensors are asked; ``load`` gives the
    configuration as it is by then; ``tell`` gives word of a reload to the service manager; ``store`` keeps what must
    outlive the server, and without one nothing does; ``certificates`` is what it shows, if it has any.
    """

    def __init__(
        self,
        config: ServerConfig,
        sensors: Sensors,
        clock: Clock,
        readers: Readers,
        most: int,
        *,
        load: Callable[[], ServerConfig] = _no_file,
        tell: Callable[[str], object] = notify,
        store: Store | None = None,
        certificates: "Certificates | None" = None,
    ) -> None:
        self.hall = hall_of(config)
        self.sensors = sensors
        self._load = load
        self.certificates = certificates
        if certificates is not None:
            self.hall.certificates = certificates.known
        self._next: Shown | None = None
        self.reloading = Reloading(
            self._load_again, lambda: self.sensors, self.become, readers, tell, owners=lambda new: new.shelves
        )
        self._saving = None if store is None else Saving(store, self.hall, clock, readers)
        self._alarming = _alarming(config, readers) if config.on_alarm else None
        works: dict[After, Work] = {After.RELOADED: self.reloading.ask}
        if self._saving is not None:
            works[After.SAVED] = self._saving.saved
        self._own = own_user()
        self.desk = Desk(self.hall, clock, most, works, self._hear, access=self._access(config), limits=config.limits)
        self._config = config
        self._watches = Watches(self._observe, readers, clock)
        self._reported = Reported(self.hall.mail, clock, self.desk.keeper.note)

    async def recall(self) -> None:
        """Go on where the server before this one ended."""
        if self._saving is not None:
            await self._saving.recall()

    def begin(self, every: Seconds = ROUND, alive: Callable[[], object] = lambda: None) -> None:
        """Watch every device, and look after all shelves each ``every`` seconds, :data:`~fand.server.keeper.ROUND` at
        most; ``alive`` is called whenever that went well.
        """
        self._watches.become(self._reported.become(self.sensors))
        self.desk.keeper.start(every, alive, self._watches.wake)
        if self.certificates is not None:
            self.certificates.begin()

    def welcome(self) -> Connection:
        """For a client that comes."""
        return Connection(self.desk)

    def welcome_by_tls(self) -> "Encrypted":
        """For a client that comes where TLS is spoken."""
        assert self.certificates is not None
        return self.certificates.welcome(self.desk)

    def become(self, config: ServerConfig, sensors: Sensors) -> None:
        """Go on under ``config``, in one step. A device whose sensor is the same object is the same as before."""
        self._compare(config)
        before = {id(sensor) for _, _, sensor in self.sensors}
        same: defaultdict[str, set[str]] = defaultdict(set)
        for owner, device, sensor in sensors:
            if id(sensor) in before:
                same[owner.name].add(device.name)
        shelves = []
        for shelf in config.shelves:
            there = self.hall.shelves.get(shelf.name)
            if there is None:
                there = shelf_of(shelf)
            else:
                slots = map(slot_of, shelf.devices)
                there.become(shelf.law, slots, same[shelf.name])
            shelves.append(there)
        gone = self.hall.become(shelves)
        self._watches.become(self._reported.become(sensors))
        self.sensors = sensors
        self.desk.forget(gone)
        self.desk.door.become(config.limits)
        if self.certificates is not None and self._next is not None:
            self.certificates.become(self._next, self._access(config).names)
        self.desk.become(self._access(config))
        if self._saving is not None:
            self._saving.note()
        _log.info("reloaded: %d shelves with %d devices", len(shelves), len(sensors))
        self.desk.keeper.note(shelves)

    async def settle(self, patience: float) -> None:
        """Bring to disk what is not there yet, and end the command that is told of alarms; not for ever."""
        if self._alarming is not None:
            await self._alarming.close(patience / 2)
        if self._saving is not None:
            await self._saving.close(patience / 2)

    def end(self) -> None:
        """Watch no device any more, push nothing, and tell every client that the server goes."""
        self.reloading.stop()
        self._watches.stop()
        self._reported.stop()
        self.desk.keeper.stop()
        if self.certificates is not None:
            self.certificates.stop()
        for connection in tuple(self.desk.connections.values()):
            connection.leave("the server stops")

    def _access(self, config: ServerConfig) -> Access:
        return access_of(config, self._own, b"" if self.certificates is None else self.certificates.authority)

    def _load_again(self) -> ServerConfig:
        """The configuration as it is by now, and the certificate that it names."""
        config = self._load()
        if (config.tls is None) != (self.certificates is None):
            raise ConfigError(["whether there is [server.tls] cannot change while the server runs; restart it"])
        self._next = None
        if config.tls is not None and self.certificates is not None:
            from fand.server.certificates import shown  # noqa: PLC0415 - ssl is for who uses it

            self._next = shown(config.tls)
        return config

    def _compare(self, config: ServerConfig) -> None:
        for field in fields(config):
            new, old = getattr(config, field.name), getattr(self._config, field.name)
            if field.name not in RELOADED and new != old:
                _log.warning(
                    "reload: %s under [server] is not as it was at the start; that takes a restart", field.name
                )

    def _hear(self, shelf: Shelf, event: Event) -> None:
        if self._saving is not None:
            self._saving.note()
        if self._alarming is not None:
            self._alarming.hear(shelf.name, event)

    def _observe(self, shelf: str, device: str, reading: Reading, family: str | None) -> None:
        there = self.hall.shelves[shelf]
        there.observe(device, reading, family)
        self.desk.keeper.note((there,))
