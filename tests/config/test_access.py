import pwd
from pathlib import Path

import pytest

from fand.config import AllowConfig, user_id
from fand.config.values import ServerConfig
from fand.dispatch import Role
from fand.server.identity import Visitor, access_of, own_user

from .hand_made import faults, read
from .test_server import shelf

TLS = '[server.tls]\nfolder = "/nowhere"\n'
SOCKET = f'[server]\nsocket = "/run/fand/fand.sock"\n{TLS}'


def allow(*entries: str) -> str:
    return SOCKET + "".join(f"[[server.allow]]\n{entry}\n" for entry in entries) + shelf()


def server(text: str) -> ServerConfig:
    config = read(text).server
    assert config is not None
    return config


def test_without_a_word_nobody_is_listed_and_plain_means_everything() -> None:
    config = server(shelf())
    assert (config.allow, config.plain_role, config.socket) == ((), "control", None)


def test_who_may_connect_is_taken_with_roles_and_shelves() -> None:
    config = server(
        allow(
            'name = "pi1"\nroles = ["report"]\nshelves = ["s"]',
            'user = "daemon"\nroles = ["read", "control"]',
            'user = "1234"\nroles = ["read"]',
            'user = "nobody by that name"\nroles = ["read"]',
        )
    )
    assert config.socket == Path("/run/fand/fand.sock")
    assert config.allow == (
        AllowConfig("pi1", None, None, frozenset({"report"}), frozenset({"s"})),
        AllowConfig(None, "daemon", pwd.getpwnam("daemon").pw_uid, frozenset({"read", "control"})),
        AllowConfig(None, "1234", 1234, frozenset({"read"})),
        AllowConfig(None, "nobody by that name", None, frozenset({"read"})),
    )


@pytest.mark.parametrize(
    ("entry", "fault"),
    [
        ('roles = ["read"]', ": needs either name, of a certificate, or user, of this host"),
        ('name = "a"\nuser = "b"\nroles = ["read"]', ": needs either name, of a certificate, or user, of this host"),
        ('name = ""\nroles = ["read"]', ".name: a name must not be empty"),
        ('user = " b"\nroles = ["read"]', ".user: ' b' begins or ends with a space"),
        (
            'name = "user root"\nroles = ["read"]',
            ".name: 'user root' would be taken for a user of this host, in reports and in the log",
        ),
        ('name = "a"\nroles = []', '.roles: is empty; give what is allowed, like ["read"]'),
        ('name = "a"', ": key 'roles' is missing; it is a list"),
        (
            'name = "a"\nroles = ["write"]',
            ".roles[1]: expected 'read' or 'report' or 'control', not 'write'",
        ),
        ('name = "a"\nroles = ["read"]\nshelves = []', ".shelves: is empty; name some, or leave it out for all"),
        ('name = "a"\nrole = ["read"]\nroles = ["read"]', ": unknown key 'role'; did you mean 'roles'?"),
        (
            'user = "root"\nroles = ["read"]',
            ".user: root may do everything at the socket, and no entry can limit that; leave it out",
        ),
    ],
)
def test_s11_faults_of_an_entry_are_told(entry: str, fault: str) -> None:
    assert faults(allow(entry)) == [f"f: server.allow[1]{fault}"]


def test_an_entry_for_a_shelf_that_is_not_there_is_a_warning_and_grants_nothing_else() -> None:
    config = read(
        allow(
            'name = "pi1"\nroles = ["report"]\nshelves = ["s", "t"]',
            'user = "1234"\nroles = ["control"]\nshelves = ["shelf"]',
        )
    )
    assert config.server is not None
    assert [entry.shelves for entry in config.server.allow] == [{"s", "t"}, {"shelf"}]
    assert config.warnings == (
        "f: server.allow[1].shelves[2]: there is no shelf 't', so pi1 is granted nothing there",
        "f: server.allow[2].shelves[1]: there is no shelf 'shelf', so 1234 is granted nothing there",
    )
    granted = access_of(config.server, own_user()).grant(Visitor("somewhere", uid=1234))
    assert not any(granted.may(role, "s") or granted.may(role, None) for role in Role)


def test_a_shelf_that_is_misspelt_is_told() -> None:
    entry = TLS + '[[server.allow]]\nname = "pi1"\nroles = ["report"]\nshelves = ["shelf2"]\n'
    (warning,) = read(entry + shelf(name="shelf1")).warnings
    assert warning.endswith("is granted nothing there; did you mean 'shelf1'?")


def test_a_user_whom_the_host_does_not_know_is_a_warning() -> None:
    config = read(allow('user = "nobody by that name"\nroles = ["read"]'))
    assert config.warnings == (
        "f: server.allow[1].user: this host knows no user 'nobody by that name'; reload when it does",
    )


def test_s11_an_entry_that_stands_there_twice_is_refused() -> None:
    entry = 'roles = ["read"]'
    text = allow(f'name = "a"\n{entry}', f'user = "a"\n{entry}', f'name = "a"\n{entry}', f'user = "a"\n{entry}')
    assert faults(text) == [
        "f: server.allow[3]: name 'a' has an entry already; join the two",
        "f: server.allow[4]: user 'a' has an entry already; join the two",
    ]


@pytest.mark.parametrize("names", [(pwd.getpwuid(2).pw_name, "2"), ("2", "0002")])
def test_s11_a_user_who_is_listed_by_two_names_is_refused(names: tuple[str, str]) -> None:
    text = allow(*(f'user = "{name}"\nroles = ["read"]' for name in names))
    assert faults(text) == [
        f"f: server.allow[2]: user {names[1]!r} has an entry already as {names[0]!r}; join the two"
    ]


def test_s11_a_number_that_is_far_too_long_is_a_fault_and_no_more() -> None:
    (fault,) = faults(allow(f'user = "{"9" * 5000}"\nroles = ["read"]'))
    assert fault.endswith("is longer than 200 bytes")


def test_s11_names_are_listed_in_vain_without_certificates() -> None:
    entry = '[[server.allow]]\nname = "pi1"\nroles = ["read"]\n'
    for text in (entry, "[server]\nplain = true\n" + entry, '[server]\nsocket = "/run/fand.sock"\n' + entry):
        assert faults(text + shelf()) == [
            "f: server.allow[1].name: limits nobody: without [server.tls] nobody is asked for a certificate"
        ]


def test_s11_users_are_listed_in_vain_without_a_socket() -> None:
    text = '[[server.allow]]\nuser = "daemon"\nroles = ["read"]\n' + shelf()
    assert faults(text) == [
        "f: server.allow[1].user: users come by the Unix socket only; give the key socket as well"
    ]


@pytest.mark.parametrize(
    ("path", "fault"),
    [
        ("fand.sock", "'fand.sock' is not an absolute path of a file"),
        ("/run/fand/", "'/run/fand/' is not an absolute path of a file"),
        ("/a\\u0000b", "a path cannot contain the character NUL"),
        ("/" + "x" * 107, f"'/{'x' * 107}' is longer than 107 bytes, and the system takes no more for a socket"),
    ],
)
def test_s11_a_socket_that_can_never_be_is_refused(path: str, fault: str) -> None:
    assert faults(f'[server]\nsocket = "{path}"\n' + shelf()) == [f"f: server.socket: {fault}"]


@pytest.mark.parametrize("role", ["read", "report", "control"])
def test_plain_connections_may_be_limited_to_a_role(role: str) -> None:
    assert server(f'[server]\nplain = true\nplain_role = "{role}"\n' + shelf()).plain_role == role


def test_s11_a_plain_role_that_limits_nobody_is_refused() -> None:
    (fault,) = faults('[server]\nplain_role = "read"\n' + shelf())
    assert fault.startswith("f: server.plain_role: limits nobody: without plain = true all come by loopback")


def test_a_user_is_known_by_name_or_number() -> None:
    assert user_id("root") == 0
    assert user_id("0") == 0
    assert user_id("nobody by that name") is None
    assert user_id("²") is None
    assert user_id("a\0b") is None
