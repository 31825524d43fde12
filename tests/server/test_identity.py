"""Who is at the other end, told by the kernel and by certificates."""

import asyncio
import os
import pwd
import socket
import ssl
import struct
from pathlib import Path
from typing import Any

import pytest

from fand.config import AllowConfig, ServerConfig
from fand.dispatch import ALL, Grant, Role
from fand.exceptions import AccessDeniedError
from fand.server.identity import ROOT, Access, Visitor, access_of, common_name, own_user, trusted, visitor_at
from fand.tls.contexts import server_context
from tests.certificates import Pki

READ = frozenset({"read"})
REPORT = frozenset({"report"})


class _Transport(asyncio.BaseTransport):
    """A transport that tells no more than this."""

    def __init__(self, **extra: Any) -> None:
        super().__init__(extra)


class _Encrypted:
    """What TLS knows of a peer: its certificate, which has been verified."""

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)

    def __init__(self, certificate: dict[str, Any] | None) -> None:
        self._certificate = certificate

    def getpeercert(self) -> dict[str, Any] | None:
        return self._certificate


def subject(*names: str) -> dict[str, Any]:
    return {
        "subject": ((("organizationName", "shelves"),), *((("commonName", name),) for name in names)),
        "issuer": ((("commonName", "the authority"),),),
    }


def granted(access: Access, visitor: Visitor) -> Grant | None:
    try:
        return access.grant(visitor)
    except AccessDeniedError:
        return None


@pytest.mark.parametrize("named", [True, False])
def test_the_kernel_tells_who_is_at_a_unix_socket(named: bool, tmp_path: Path) -> None:
    async def main() -> Visitor:
        met: list[Visitor] = []

        class Meet(asyncio.Protocol):
            def connection_made(self, transport: asyncio.BaseTransport) -> None:
                met.append(visitor_at(transport))

        loop = asyncio.get_running_loop()
        if not named:
            here, there = socket.socketpair()
            with here:
                await loop.connect_accepted_socket(Meet, there)
                return met[0]
        server = await loop.create_unix_server(Meet, path)
        with socket.socket(socket.AF_UNIX) as client:
            client.setblocking(False)
            await loop.sock_connect(client, path)
            while not met:
                await asyncio.sleep(0)
        server.close()
        return met[0]

    path = str(tmp_path / "fand.sock")
    visitor = asyncio.run(main())
    assert visitor == Visitor(f"{path if named else 'local'}:{os.getpid()}", uid=os.geteuid())


def test_the_numbers_of_users_are_not_negative() -> None:
    """A directory service may give any up to 4294967294."""

    class Socket:
        family = socket.AF_UNIX

        def getsockopt(self, _level: int, _name: int, _size: int) -> bytes:
            return struct.pack("iII", 4000, 3_000_000_000, 3_000_000_001)

        def getsockname(self) -> str:
            return "/run/fand.sock"

    assert visitor_at(_Transport(socket=Socket())) == Visitor("/run/fand.sock:4000", uid=3_000_000_000)


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("127.0.0.1", True),
        ("127.8.9.1", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("192.0.2.7", False),
        ("::ffff:192.0.2.7", False),
        ("fe80::1%eth0", False),
        ("pi1", False),
    ],
)
def test_a_plain_connection_from_this_host_is_told_from_others(host: str, loopback: bool) -> None:
    visitor = visitor_at(_Transport(peername=(host, 4000)))
    assert visitor.loopback is loopback
    assert (visitor.name, visitor.uid) == (None, None)
    assert visitor.address.endswith(":4000")


def test_who_has_gone_already_is_nobody_of_this_host() -> None:
    assert visitor_at(_Transport()) == Visitor("somebody")


def test_a_certificate_tells_its_common_name_wherever_it_comes_from() -> None:
    transport = _Transport(peername=("127.0.0.1", 4000), ssl_object=_Encrypted(subject("pi1")))
    authority = trusted(_Encrypted.context)
    assert visitor_at(transport) == Visitor("127.0.0.1:4000", name="pi1", authority=authority)


@pytest.mark.parametrize("certificate", [None, {}, subject(), subject("pi1", "pi2"), subject("")])
def test_a_certificate_without_one_name_proves_nothing(certificate: dict[str, Any] | None) -> None:
    visitor = visitor_at(_Transport(peername=("127.0.0.1", 4000), ssl_object=_Encrypted(certificate)))
    assert visitor.name == ""
    access = access_of(ServerConfig(()), own_user())
    with pytest.raises(AccessDeniedError, match="a certificate with one common name is needed"):
        access.grant(visitor)


def test_of_several_parts_of_a_subject_only_the_common_name_counts() -> None:
    assert common_name({"subject": ((("commonName", "pi1"), ("userId", "pi2")),)}) == "pi1"


def test_who_is_listed_has_what_the_list_says() -> None:
    config = ServerConfig(
        (),
        allow=(
            AllowConfig("pi1", None, None, REPORT, frozenset({"shelf1"})),
            AllowConfig(None, "anna", 1234, frozenset({"read", "control"})),
            AllowConfig(None, "not yet there", None, READ),
        ),
    )
    access = access_of(config, (77, "fand"))
    assert access.grant(Visitor("a", name="pi1")) == Grant(frozenset({Role.REPORT}), frozenset({"shelf1"}))
    assert access.grant(Visitor("a", uid=1234)) == Grant(frozenset({Role.READ, Role.CONTROL}))
    for stranger in (Visitor("a", name="anna"), Visitor("a", uid=1235), Visitor("a", name="1234")):
        assert granted(access, stranger) is None


def test_a_name_counts_by_certificates_of_the_authority_only(pki: Pki, tmp_path: Path) -> None:
    ours, others = server_context(pki.server), server_context(Pki(tmp_path).server)
    assert trusted(ours) == trusted(server_context(pki.server)) != trusted(others)
    config = ServerConfig((), allow=(AllowConfig("pi1", None, None, READ),))
    access = access_of(config, own_user(), trusted(ours))
    assert granted(access, Visitor("a", name="pi1", authority=trusted(ours))) == Grant(frozenset({Role.READ}))
    with pytest.raises(AccessDeniedError, match="another authority's by now; connect again"):
        access.grant(Visitor("a", name="pi1", authority=trusted(others)))
    assert granted(access, Visitor("a", uid=ROOT)) == ALL


def test_at_the_socket_root_and_the_servers_own_user_may_do_everything() -> None:
    config = ServerConfig((), allow=(AllowConfig(None, "fand", 77, READ),))
    access = access_of(config, (77, "fand"))
    assert access.grant(Visitor("a", uid=ROOT)) == access.grant(Visitor("a", uid=77)) == ALL


@pytest.mark.parametrize(
    ("role", "may"),
    [
        ("read", [Role.READ]),
        ("report", [Role.READ, Role.REPORT]),
        ("control", [Role.READ, Role.REPORT, Role.CONTROL]),
    ],
)
def test_plain_connections_have_the_plain_role_and_from_this_host_everything(role: str, may: list[Role]) -> None:
    access = access_of(ServerConfig((), plain=True, plain_role=role), own_user())
    assert [role for role in Role if access.grant(Visitor("a")).may(role, "any")] == may
    assert access.grant(Visitor("a", loopback=True)) == ALL


@pytest.mark.parametrize(
    ("visitor", "who"),
    [
        (Visitor("a"), ""),
        (Visitor("a", name="pi1"), "pi1"),
        (Visitor("a", name="pi1\x1b[2J\n" + "x" * 1000), "pi1 [2J " + "x" * 91 + "…"),
        (Visitor("a", uid=0), "user root"),
        (Visitor("a", uid=77), "user fand"),
        (Visitor("a", uid=1234), "user anna"),
        (Visitor("a", uid=4321), "user 4321"),
    ],
)
def test_everybody_has_a_name_for_people(visitor: Visitor, who: str) -> None:
    config = ServerConfig((), allow=(AllowConfig(None, "anna", 1234, READ),))
    access = access_of(config, (77, "fand"))
    assert access.who(visitor) == who
    if granted(access, visitor) is None and visitor.name != "":
        with pytest.raises(AccessDeniedError) as caught:
            access.grant(visitor)
        assert str(caught.value) == f"{who} is not allowed to connect"


def test_the_own_user_has_a_name_or_at_least_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    assert own_user() == (os.geteuid(), pwd.getpwuid(os.geteuid()).pw_name)
    monkeypatch.setattr(os, "geteuid", lambda: 4_000_000_000)
    assert own_user() == (4_000_000_000, "4000000000")
