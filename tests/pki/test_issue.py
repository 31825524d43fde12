"""Certificates, as the library cryptography reads them; that OpenSSL takes them shows in tests/tls."""

from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization as form
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID

from fand.exceptions import ConfigError
from fand.pki.issue import Authority, Pair, in_days, seen

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority.made("fand of nas", in_days(7300, NOW), NOW)


def _certificate(pair: Pair) -> x509.Certificate:
    return x509.load_pem_x509_certificate(pair.certificate.encode())


def test_an_authority_may_sign_and_nothing_else(authority: Authority) -> None:
    certificate = _certificate(authority.pair)
    basic = certificate.extensions.get_extension_for_class(x509.BasicConstraints)
    assert (basic.critical, basic.value.ca, basic.value.path_length) == (True, True, 0)
    usage = certificate.extensions.get_extension_for_class(x509.KeyUsage)
    assert usage.critical
    assert usage.value.key_cert_sign
    assert not usage.value.digital_signature
    assert certificate.not_valid_before_utc == NOW - timedelta(days=1)
    assert authority.until == NOW + timedelta(days=7300)


@pytest.mark.parametrize("server", [True, False])
def test_what_it_signs_is_of_one_kind(authority: Authority, *, server: bool) -> None:
    certificate = _certificate(authority.issue(("a.example.org", "192.0.2.1", "::1"), in_days(9, NOW), server=server))
    usages = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    kind = ExtendedKeyUsageOID.SERVER_AUTH if server else ExtendedKeyUsageOID.CLIENT_AUTH
    assert list(usages) == [kind]
    basic = certificate.extensions.get_extension_for_class(x509.BasicConstraints)
    assert (basic.critical, basic.value.ca) == (True, False)
    certificate.verify_directly_issued_by(_certificate(authority.pair))


def test_a_server_has_its_names_and_addresses(authority: Authority) -> None:
    names = ("a.example.org", "192.0.2.1", "::1")
    pair = authority.issue(names, in_days(9, NOW), server=True)
    shown = _certificate(pair).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert shown.get_values_for_type(x509.DNSName) == ["a.example.org"]
    assert shown.get_values_for_type(x509.IPAddress) == [ip_address("192.0.2.1"), ip_address("::1")]
    said = seen(pair.certificate)
    assert (said.name, said.server, said.names) == ("a.example.org", True, names)
    assert said.until == NOW + timedelta(days=9)


def test_it_is_valid_since_the_authority_is_and_no_longer(authority: Authority) -> None:
    certificate = _certificate(authority.issue(("pi1",), in_days(99999, NOW), server=False))
    assert certificate.not_valid_before_utc == NOW - timedelta(days=1)
    assert certificate.not_valid_after_utc == authority.until


def test_every_key_is_another(authority: Authority) -> None:
    assert len({authority.issue(("pi1",), in_days(9, NOW), server=False).key for _ in range(3)}) == 3


def test_an_authority_from_its_files(authority: Authority) -> None:
    again = Authority.of(authority.pair)
    assert again.pair == authority.pair


def test_renewed_it_is_the_same(authority: Authority) -> None:
    pair = authority.issue(("pi1",), in_days(9, NOW), server=False)
    later = authority.renewed(in_days(9000, NOW), NOW)
    assert later.until > authority.until
    assert later.pair.key == authority.pair.key
    _certificate(pair).verify_directly_issued_by(_certificate(later.pair))


class TestWhatIsNone:
    def test_a_certificate(self) -> None:
        with pytest.raises(ConfigError, match="what should be a certificate is none"):
            seen("nonsense")

    def test_of_a_server_or_client(self, authority: Authority) -> None:
        with pytest.raises(ConfigError, match="no certificate of a server or client"):
            seen(authority.pair.certificate)

    def test_a_key(self, authority: Authority) -> None:
        with pytest.raises(ConfigError, match="what should be a private key is none"):
            Authority.of(Pair(authority.pair.certificate, "nonsense"))

    def test_a_key_of_this_kind(self, authority: Authority) -> None:
        key = rsa.generate_private_key(65_537, 2048)
        text = key.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, form.NoEncryption()).decode()
        with pytest.raises(ConfigError, match="none of those that fand makes"):
            Authority.of(Pair(authority.pair.certificate, text))

    def test_the_key_of_this_authority(self, authority: Authority) -> None:
        other = authority.issue(("pi1",), in_days(9, NOW), server=False)
        with pytest.raises(ConfigError, match="does not belong to its certificate"):
            Authority.of(Pair(authority.pair.certificate, other.key))


def test_days() -> None:
    assert in_days(1) > datetime.now(UTC) + timedelta(hours=23)
