"""What a fand.toml may say: its tables, each key with type, default, range and meaning.

The meanings are the reference in docs/configuration.rst, which a test holds against them.
"""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from fand.config.checked import Entry
from fand.config.values import DEFAULT_PORT

RoleName = Literal["read", "report", "control"]

_Span = Annotated[float, Meta(ge=0.01, le=3600)]


class LimitsTable(Struct, frozen=True, forbid_unknown_fields=True):
    """``[server.limits]``: how much of the server its clients may have."""

    connections: Annotated[
        int,
        Meta(
            ge=1,
            le=500_000,
            description="So many clients at once; fewer if the system does not give the server as many descriptors.",
        ),
    ] = 20_000
    per_peer: Annotated[
        int,
        Meta(
            ge=1,
            le=500_000,
            description="So many from one address, or from one network of 64 bits in IPv6.",
        ),
    ] = 15_000
    frames_per_second: Annotated[
        float,
        Meta(
            ge=1,
            le=100_000,
            description="So many requests of one connection are answered a second, averaged over ten minutes. The "
            "others wait.",
        ),
    ] = 5000.0
    idle: Annotated[
        float,
        Meta(
            ge=1,
            le=604_800,
            description="After so long without a request (seconds) a client is disconnected, unless it reports or "
            "subscribes.",
        ),
    ] = 3600.0
    handshake: Annotated[
        float,
        Meta(ge=0.1, le=600, description="So long may the beginning of an encrypted connection take (seconds)."),
    ] = 10.0


class AllowTable(Struct, frozen=True, forbid_unknown_fields=True):
    """``[[server.allow]]``: somebody who may connect, and what for."""

    roles: Annotated[
        tuple[RoleName, ...],
        Meta(
            description="What is allowed: to ``read`` the state, to ``report`` fans and temperatures, to ``control`` "
            "the duty. The last two include the first."
        ),
    ]
    name: Annotated[
        str | None, Meta(description="The name in the certificate of who comes by TLS. Either this or ``user``.")
    ] = None
    user: Annotated[
        str | None,
        Meta(description="The user of this host, by name or number, who comes by the Unix socket ``socket``."),
    ] = None
    shelves: Annotated[
        tuple[str, ...] | None,
        Meta(description="The only shelves for which it is allowed. Without it, all that there are or will be."),
    ] = None


class TlsTable(Struct, frozen=True, forbid_unknown_fields=True):
    """``[tls]`` and ``[server.tls]``: the certificate shown, and the authority trusted."""

    certificate: Annotated[
        str | None, Meta(description="File with the certificate that is shown (PEM); an absolute path.")
    ] = None
    key: Annotated[
        str | None,
        Meta(description="File with the private key of ``certificate`` (PEM, not encrypted); an absolute path."),
    ] = None
    authority: Annotated[
        str | None,
        Meta(
            description="File with the certificate of the authority (PEM), which the other end must have its own "
            "from; an absolute path."
        ),
    ] = None
    folder: Annotated[
        str | None,
        Meta(
            description="Instead of these three, the folder that has them as ``certificate.pem``, ``key.pem`` and "
            "``authority.pem``, as ``fand pki`` puts them there; an absolute path."
        ),
    ] = None


class ServerTable(Struct, frozen=True, forbid_unknown_fields=True):
    """``[server]``: where the server listens, what it keeps, whom it tells."""

    address: Annotated[
        str | None,
        Meta(description="Address or host name to listen on. Without it the server listens on loopback only."),
    ] = None
    port: Annotated[int, Meta(ge=1, le=65535, description="TCP port to listen on.")] = DEFAULT_PORT
    plain: Annotated[
        bool,
        Meta(
            description="Let everybody who reaches the address in, unencrypted. Any address but loopback needs it, "
            "or ``tls``."
        ),
    ] = False
    plain_role: Annotated[
        RoleName,
        Meta(
            description="What everybody is then allowed: to ``read`` the state; to ``report`` too, as fan clients "
            "and agents do; to ``control`` besides, which is everything. From loopback everything is allowed."
        ),
    ] = "control"
    socket: Annotated[
        str | None,
        Meta(
            description="Path of a Unix socket to listen on as well, for users of this host; an absolute path. Root "
            "and the server's own user may do everything there, others what ``allow`` says."
        ),
    ] = None
    tls: Annotated[
        TlsTable | None,
        Meta(
            description="Its certificate. With one, the server speaks TLS at every address, and lets in only those "
            "who have a certificate of the same authority; see ``[server.tls]``."
        ),
    ] = None
    allow: Annotated[
        tuple[AllowTable, ...],
        Meta(
            description="Who else may connect by TLS or by the Unix socket, each a ``[[server.allow]]`` table; see "
            "below."
        ),
    ] = ()
    state: Annotated[
        str | None,
        Meta(
            description="Folder that keeps overrides and alarms through a restart; an absolute path. Without it, the "
            "usual one of the system."
        ),
    ] = None
    on_alarm: Annotated[
        tuple[str, ...],
        Meta(
            description="A program and its arguments, run without a shell whenever an alarm is raised, changes or is "
            "over; see :ref:`on-alarm`."
        ),
    ] = ()
    limits: Annotated[
        LimitsTable, Meta(description="How much of the server its clients may have; see ``[server.limits]``.")
    ] = LimitsTable()


class ShelfTable(Struct, frozen=True, forbid_unknown_fields=True):
    """``[shelves.NAME]``: devices that the same fans cool."""

    curves: Annotated[
        dict[str, str],
        Meta(
            description="For each family of devices (hdd, ssd, nvme, cpu, air, ...) the name of its curve. "
            "NVMe drives follow ``ssd`` where ``nvme`` is not given."
        ),
    ]
    devices: Annotated[list[Entry], Meta(description="The devices, each an inline table; see below.")]
    floor: Annotated[float, Meta(ge=0, le=100, description="The least duty (percent) that the shelf asks for.")] = (
        20.0
    )
    on_lost: Annotated[
        float,
        Meta(ge=0, le=100, description="The least duty (percent) while a device is lost; not under ``floor``."),
    ] = 100.0
    on_stalled: Annotated[
        float,
        Meta(
            ge=0,
            le=100,
            description="The least duty (percent) while a fan stands still or cannot be driven; not under ``floor``.",
        ),
    ] = 100.0
    fall: Annotated[
        float,
        Meta(gt=0, le=6000, description="How fast the duty may fall (percent per minute). It rises at once."),
    ] = 60.0


class DeviceTable(Struct, frozen=True, forbid_unknown_fields=True):
    """An entry of ``devices``: the keys that every kind of sensor has."""

    name: Annotated[
        str | None, Meta(description="The name shown, unique in the shelf. Without it, what identifies the device.")
    ] = None
    position: Annotated[str, Meta(description="Where it sits, for people.")] = ""
    optional: Annotated[bool, Meta(description="It may be absent. Otherwise its absence is a fault.")] = False
    family: Annotated[
        str | None, Meta(description="Its family, where the sensor cannot tell; a family with a curve in the shelf.")
    ] = None
    interval: Annotated[
        _Span | None,
        Meta(description="How often it is read (seconds). Without it, as its kind has it."),
    ] = None
    timeout: Annotated[
        _Span | None,
        Meta(description="When a reading is given up (seconds). Without it, as its kind has it."),
    ] = None


class AgentTable(Struct, frozen=True, forbid_unknown_fields=True):
    """``[agent]``: the sensor agent of this host."""

    devices: Annotated[
        list[Entry],
        Meta(
            description="The devices, each an inline table as in a shelf. Where they sit, and whether they are "
            "optional, is for the server to say, and does nothing here."
        ),
    ]
    name: Annotated[
        str | None,
        Meta(
            description="What the servers call it, where they do not know it by a certificate or as a user. Without "
            "it, the name of this host."
        ),
    ] = None
    servers: Annotated[
        tuple[str, ...],
        Meta(
            description='The servers: ``"host"``, ``"host:port"``, ``"[IPv6 address]:port"``, or the path of a Unix '
            "socket. Each is told all."
        ),
    ] = ("localhost",)
    interval: Annotated[
        float,
        Meta(
            ge=0.01,
            le=5,  # a server takes an agent for silent after three times as long (S2)
            description="How often a server is given a sign of life at least (seconds).",
        ),
    ] = 5.0


class ClientTable(Struct, frozen=True, forbid_unknown_fields=True):
    """``[client]``: the fan client of one shelf."""

    shelf: Annotated[str, Meta(min_length=1, description="The shelf, by its name on the server.")]
    fans: Annotated[list[Entry], Meta(description="The fans, each a ``[[client.fans]]`` table; see below.")]
    servers: Annotated[
        tuple[str, ...],
        Meta(
            description='The servers: ``"host"``, ``"host:port"``, ``"[IPv6 address]:port"``, or the path of a Unix '
            "socket. With several, the greatest of their duties is driven."
        ),
    ] = ("localhost",)
    interval: Annotated[
        float,
        Meta(
            ge=0.01,
            le=20,  # a server takes a client for silent after twice as long (S7)
            description="How often a server is asked and told of the fans (seconds).",
        ),
    ] = 5.0
    lease: Annotated[
        float,
        Meta(
            ge=0.02,
            le=600,
            description="How long a duty stays good without an answer (seconds); at least two intervals.",
        ),
    ] = 20.0
    failsafe: Annotated[
        float,
        Meta(gt=0, le=100, description="The duty (percent) once the lease is over; not under the floor of any fan."),
    ] = 100.0
    state: Annotated[
        str | None,
        Meta(
            description="Folder that keeps the original mode of the fans' hardware while fand has it; an absolute "
            "path. Without it, the usual one of the system."
        ),
    ] = None


class FanTable(Struct, frozen=True, forbid_unknown_fields=True):
    """``[[client.fans]]``: the keys that every kind of fan has."""

    name: Annotated[str, Meta(min_length=1, description="The name shown and reported, unique.")]
    tachometer: Annotated[
        Entry,
        Meta(
            description="What measures its speed: an inline table with the keys of a tachometer kind, or for a hwmon "
            "fan the number of the ``fan`` input on the same chip."
        ),
    ] = Entry(None)
    floor: Annotated[
        float,
        Meta(ge=0, le=100, description="The least duty (percent) it is given while the client runs."),
    ] = 20.0
    allow_stop: Annotated[bool, Meta(description="A duty of 0 stops it, whatever the floor.")] = False
    least_rpm: Annotated[
        float,
        Meta(ge=0, le=200_000, description="A fan that turns more slowly than this while it is driven is stalled."),
    ] = 0.0
