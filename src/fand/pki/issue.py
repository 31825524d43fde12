"""Certificates and their keys: made, signed and looked at. The only module that needs the library cryptography."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from typing import Final, Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from fand.exceptions import ConfigError

EARLY: Final = timedelta(days=1)
"""The authority is valid since a day ago, and all that it signs as long: clocks of hosts differ, and that of a
Raspberry Pi is late until it has asked the network."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A certificate and its private key, PEM."""

    certificate: str
    key: str


@dataclass(frozen=True, slots=True)
class Seen:
    """What a certificate says: whose it is, of what kind, the names of a server, and how long it is valid."""

    name: str
    server: bool
    names: tuple[str, ...]
    until: datetime


class Authority:
    """Who signs the certificates of servers and clients."""

    def __init__(self, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> None:
        self._certificate = certificate
        self._key = key

    @classmethod
    def made(cls, name: str, until: datetime, now: datetime) -> Self:
        """A new authority with a new key."""
        return cls._signed_by_itself(name, ec.generate_private_key(ec.SECP256R1()), until, now)

    @classmethod
    def of(cls, pair: Pair) -> Self:
        """The authority of which ``pair`` is.

        :raises ConfigError: it is of none
        """
        key = _private_key(pair.key)
        certificate = _certificate(pair.certificate)
        if key.public_key() != certificate.public_key():
            raise ConfigError(["the key of the authority does not belong to its certificate"])
        return cls(certificate, key)

    def renewed(self, until: datetime, now: datetime) -> Self:
        """The same authority for longer: what it has signed stays good."""
        return self._signed_by_itself(_common_name(self._certificate), self._key, until, now)

    @property
    def pair(self) -> Pair:
        """Its certificate and key."""
        return _pair(self._certificate, self._key)

    @property
    def until(self) -> datetime:
        """When it ends."""
        return self._certificate.not_valid_after_utc

    def issue(self, names: tuple[str, ...], until: datetime, *, server: bool) -> Pair:
        """A certificate for the server that is reached by ``names``, host names and addresses, or for the client that
        is the first of them; no longer valid than the authority's own.
        """
        key = ec.generate_private_key(ec.SECP256R1())
        usage = ExtendedKeyUsageOID.SERVER_AUTH if server else ExtendedKeyUsageOID.CLIENT_AUTH
        own = self._certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
        builder = (
            _builder(names[0], key, self._certificate.not_valid_before_utc, min(until, self.until))
            .issuer_name(self._certificate.subject)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(signs=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(own), critical=False)
        )
        if server:
            builder = builder.add_extension(x509.SubjectAlternativeName(map(_general, names)), critical=False)
        return _pair(builder.sign(self._key, hashes.SHA256()), key)

    @classmethod
    def _signed_by_itself(cls, name: str, key: ec.EllipticCurvePrivateKey, until: datetime, now: datetime) -> Self:
        builder = _builder(name, key, now - EARLY, until)
        own = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
        certificate = (
            builder.issuer_name(_name(name))
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(signs=True), critical=True)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(own), critical=False)
            .sign(key, hashes.SHA256())
        )
        return cls(certificate, key)


def seen(pem: str) -> Seen:
    """What the certificate ``pem`` says.

    :raises ConfigError: it is none
    """
    certificate = _certificate(pem)
    extensions = certificate.extensions
    try:
        usages = extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
        server = ExtendedKeyUsageOID.SERVER_AUTH in usages
        names: tuple[str, ...] = ()
        if server:
            alternatives = extensions.get_extension_for_class(x509.SubjectAlternativeName).value
            names = tuple(str(alternative.value) for alternative in alternatives)
    except x509.ExtensionNotFound:
        raise ConfigError(["it is no certificate of a server or client of fand"]) from None
    return Seen(_common_name(certificate), server, names, certificate.not_valid_after_utc)


def _builder(name: str, key: ec.EllipticCurvePrivateKey, since: datetime, until: datetime) -> x509.CertificateBuilder:
    public = key.public_key()
    return (
        x509.CertificateBuilder()
        .subject_name(_name(name))
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(since)
        .not_valid_after(until)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
    )


def _usage(*, signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs,
        key_cert_sign=signs,
        crl_sign=signs,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _common_name(certificate: x509.Certificate) -> str:
    return str(certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value)


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _pair(certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> Pair:
    text = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return Pair(certificate.public_bytes(serialization.Encoding.PEM).decode(), text.decode())


def _certificate(pem: str) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(pem.encode())
    except ValueError:
        raise ConfigError(["what should be a certificate is none"]) from None


def _private_key(pem: str) -> ec.EllipticCurvePrivateKey:
    try:
        key = serialization.load_pem_private_key(pem.encode(), None)
    except (ValueError, TypeError):
        raise ConfigError(["what should be a private key is none, or encrypted"]) from None
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise ConfigError(["the private key is none of those that fand makes"])
    return key


def in_days(days: int, now: datetime | None = None) -> datetime:
    """The instant ``days`` from ``now``, to the second."""
    return ((now or datetime.now(UTC)) + timedelta(days=days)).replace(microsecond=0)
