"""The configuration as frozen values: what the server, the fan client and the sensor agent are told."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from fand.tls import Files
from fand.units import FULL, Percent, Rpm, Seconds

if TYPE_CHECKING:
    from fand.control import ShelfLaw

DEFAULT_PORT = 9999


@dataclass(frozen=True, slots=True)
class DeviceConfig:
    """One device of a shelf.

    ``kind`` names the sensor driver and ``settings`` is that driver's own; ``name`` is unique in its shelf.
    ``family`` is given where the driver cannot tell. It is asked every ``interval`` seconds, and given up for
    failed after ``timeout``.
    """

    name: str
    kind: str
    settings: object
    interval: Seconds
    timeout: Seconds
    optional: bool = False
    position: str = ""
    family: str | None = None


@dataclass(frozen=True, slots=True)
class ShelfConfig:
    """One shelf: its law and its devices."""

    name: str
    law: "ShelfLaw"
    devices: tuple[DeviceConfig, ...]


@dataclass(frozen=True, slots=True)
class LimitsConfig:
    """How much of the server its clients may have.

    ``connections`` in all and ``per_peer`` of one host; ``frames_per_second`` of one connection, averaged over ten
    minutes. After ``idle`` seconds without a word a client goes, and one that does not come to an end of its TLS
    ``handshake`` after so many.
    """

    connections: int = 20_000
    per_peer: int = 15_000
    frames_per_second: float = 5000.0
    idle: Seconds = Seconds(3600.0)
    handshake: Seconds = Seconds(10.0)


@dataclass(frozen=True, slots=True)
class AllowConfig:
    """Somebody who may connect: the ``name`` of a certificate, or a ``user`` of this host.

    ``uid`` is the number of the user, None if the host knew none of that name when the file was read. ``roles`` are
    values of :class:`fand.dispatch.Role`, granted for ``shelves``; None is all.
    """

    name: str | None
    user: str | None
    uid: int | None
    roles: frozenset[str]
    shelves: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class ServerConfig:
    """Where the server listens, who may connect, and its shelves.

    ``address`` None is loopback, where everybody is let in; any other address needs ``plain``, and who comes by it
    has ``plain_role``, a value of :class:`fand.dispatch.Role` that stands for itself and those before it. With
    ``tls`` every address speaks TLS instead, and ``allow`` says what a name in a certificate may do. ``socket``
    is the path of a Unix socket to listen on as well. ``state`` is the folder that keeps what must outlive the
    server; None is the usual one. ``on_alarm`` is the command that is told of alarms, or nothing.
    """

    shelves: tuple[ShelfConfig, ...]
    address: str | None = None
    port: int = DEFAULT_PORT
    plain: bool = False
    state: Path | None = None
    on_alarm: tuple[str, ...] = ()
    limits: LimitsConfig = LimitsConfig()
    plain_role: str = "control"
    tls: Files | None = None
    socket: Path | None = None
    allow: tuple[AllowConfig, ...] = ()


@dataclass(frozen=True, slots=True)
class TachometerConfig:
    """What measures one fan: the kind of driver and its settings."""

    kind: str
    settings: object


@dataclass(frozen=True, slots=True)
class FanConfig:
    """One fan output of the fan client.

    ``floor`` is the least duty it is ever given while the fan client runs; 0 reaches it only with ``allow_stop``.
    While it is driven it turns at ``least_rpm`` or more; else it is stalled.
    """

    name: str
    kind: str
    settings: object
    tachometer: TachometerConfig | None = None
    floor: Percent = Percent(20.0)
    allow_stop: bool = False
    least_rpm: Rpm = Rpm(0.0)


@dataclass(frozen=True, slots=True)
class ClientConfig:
    """The fan client of one shelf: whom it asks, what it drives.

    It asks every ``interval`` seconds; a duty is good for ``lease`` seconds, after which ``failsafe`` is driven.
    ``state`` is the folder where the original mode of the hardware is kept while it is under control; None is the
    usual one. ``tls`` is what the file says of certificates.
    """

    shelf: str
    servers: tuple[tuple[str, int], ...]
    fans: tuple[FanConfig, ...]
    interval: Seconds = Seconds(5.0)
    lease: Seconds = Seconds(20.0)
    failsafe: Percent = FULL
    state: Path | None = None
    tls: Files | None = None


@dataclass(frozen=True, slots=True)
class AgentConfig:
    """The sensor agent of one host: whom it tells, and of what.

    ``name`` is what it calls itself; empty is the name of its host. Whether a device is optional, and its position,
    mean nothing here. Every ``interval`` seconds at least, each server is given a sign of life. ``tls`` is what the
    file says of certificates.
    """

    name: str
    servers: tuple[tuple[str, int], ...]
    devices: tuple[DeviceConfig, ...]
    interval: Seconds = Seconds(5.0)
    tls: Files | None = None


@dataclass(frozen=True, slots=True)
class Config:
    """One configuration file, of which each service uses its part; None where the file has no such part.

    ``warnings`` are what the server can do without, though it can hardly be meant so, each a line with its place.
    """

    path: Path
    server: ServerConfig | None
    client: ClientConfig | None
    agent: AgentConfig | None = None
    warnings: tuple[str, ...] = ()
