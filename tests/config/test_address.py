import re

import pytest

from fand.config import split_address
from fand.config.address import host_fault, is_loopback


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("nas", ("nas", 9999)),
        ("nas.example.org:1", ("nas.example.org", 1)),
        ("nas.example.org.", ("nas.example.org.", 9999)),
        ("my_nas-2:65535", ("my_nas-2", 65535)),
        ("192.0.2.7", ("192.0.2.7", 9999)),
        ("192.0.2.7:9998", ("192.0.2.7", 9998)),
        ("[::1]:9998", ("::1", 9998)),
        ("[2001:db8::1]", ("2001:db8::1", 9999)),
        ("::1", ("::1", 9999)),
        ("fe80::1%eth0", ("fe80::1%eth0", 9999)),
        ("[fe80::1%eth0]:1234", ("fe80::1%eth0", 1234)),
        ("/run/fand/fand.sock", ("/run/fand/fand.sock", 9999)),
        ("/run/fand:2/[a].sock", ("/run/fand:2/[a].sock", 9999)),
    ],
)
def test_the_forms_of_an_address(text: str, address: tuple[str, int]) -> None:
    assert split_address(text) == address


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "is empty"),
        (":9999", "is empty"),
        ("nas:", "port '' of 'nas:'"),
        ("nas:0", "port '0'"),
        ("nas:65536", "port '65536'"),
        ("nas:http", "port 'http'"),
        ("nas:-1", "port '-1'"),
        ("nas:١٢٣", "port"),
        ("nas:99999999999", "port"),
        ("[::1", "is no IP address"),
        ("[::1]9999", "is no IP address"),
        ("[::1]:", "port ''"),
        ("[nas]:9999", "in brackets is no IPv6 address"),
        ("[192.0.2.7]:9999", "in brackets is no IPv6 address"),
        ("1:2:3", "is no IP address"),
        ("256.1.1.1", "is no IP address"),
        ("1.2.3", "is no IP address"),
        ("tcp://nas", "without a protocol"),
        ("nas/path", "without a protocol"),
        ("my nas", "neither an IP address nor a host name"),
        ("-nas", "neither"),
        ("nas..org", "neither"),
        ("n" * 64, "neither"),
        ("n." * 130 + "n", "neither"),
        ("näs\n", "neither"),
        ("/", "'/' is not an absolute path of a file"),
        ("/run/\0", "NUL"),
        ("/" + "é" * 54, "is longer than 107 bytes"),
    ],
)
def test_what_is_no_address_is_told(text: str, told: str) -> None:
    with pytest.raises(ValueError, match=re.escape(told)):
        split_address(text)


def test_a_host_may_be_an_address_or_a_name() -> None:
    for host in ("0.0.0.0", "::", "nas", "localhost"):
        assert host_fault(host) is None
    assert host_fault("[::]") is not None


@pytest.mark.parametrize(
    ("host", "loopback"),
    [("localhost", True), ("127.0.0.1", True), ("127.8.9.1", True), ("::1", True), ("0.0.0.0", False), ("::", False)],
)
def test_loopback_is_told_from_the_world(host: str, loopback: bool) -> None:
    assert is_loopback(host) is loopback


def test_only_the_resolver_knows_what_a_name_is() -> None:
    assert is_loopback("nas") is None
