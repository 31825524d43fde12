"""Contexts, and whether files fit together."""

import os
import ssl
import stat
import time
from contextlib import suppress
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import NameOID

from fand.exceptions import ConfigError
from fand.tls import Files, in_folder
from fand.tls.contexts import client_context, ends, server_context
from tests.certificates import Pki

DAY = 86_400


def test_both_ends_want_tls_1_3_and_a_certificate(pki: Pki) -> None:
    for context in (server_context(pki.server), client_context(pki.client("pi1"))):
        assert context.minimum_version is ssl.TLSVersion.TLSv1_3
        assert context.verify_mode is ssl.CERT_REQUIRED
    assert client_context(pki.client("pi1")).check_hostname


def test_a_server_is_known_by_its_alternative_names_alone(pki: Pki, tmp_path: Path) -> None:
    """A company's authority may give clients certificates without a purpose: such a client is no server."""
    authority = x509.load_pem_x509_certificate(Path(pki.server.authority).read_bytes())
    signs = load_pem_private_key((pki.path / "authority.key").read_bytes(), None)
    assert isinstance(signs, ec.EllipticCurvePrivateKey)
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = (
        x509.CertificateBuilder(authority.subject, x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "nas")]))
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(authority.not_valid_before_utc)
        .not_valid_after(authority.not_valid_after_utc)
        .sign(signs, hashes.SHA256())
    )
    files = in_folder(str(tmp_path))
    Path(files.certificate).write_bytes(certificate.public_bytes(Encoding.PEM))
    Path(files.key).write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
    listens = server_context(files._replace(authority=pki.server.authority)).wrap_bio(up, down, server_side=True)
    connects = client_context(pki.client("pi1")).wrap_bio(down, up, server_hostname="nas")
    for end in (connects, listens):
        with suppress(ssl.SSLWantReadError):
            end.do_handshake()
    with pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch, certificate is not valid for 'nas'"):
        connects.do_handshake()


class TestEnds:
    def test_of_a_server(self, pki: Pki) -> None:
        certificate, authority = ends(pki.server, server=True)
        assert 729 * DAY < certificate - time.time() < 731 * DAY
        assert 7299 * DAY < authority - time.time() < 7301 * DAY

    def test_of_a_client(self, pki: Pki) -> None:
        of_client, of_server = ends(pki.client("pi1"), server=False), ends(pki.server, server=True)
        assert of_client.authority == of_server.authority
        assert abs(of_client.certificate - of_server.certificate) < DAY, "they were made on one day"

    def test_time_is_no_fault(self, pki: Pki) -> None:
        over = pki.issued("late", server=True, days=-0.5)
        assert ends(over, server=True).certificate < time.time()

    @pytest.mark.parametrize("server", [True, False])
    def test_the_wrong_kind(self, pki: Pki, *, server: bool) -> None:
        files = pki.client("pi1") if server else pki.server
        with pytest.raises(ConfigError, match="unsuitable certificate purpose"):
            ends(files, server=server)

    @pytest.mark.parametrize("server", [True, False])
    def test_another_authority(self, pki: Pki, tmp_path: Path, *, server: bool) -> None:
        files = pki.server if server else pki.client("pi1")
        other = Pki(tmp_path).server.authority
        with pytest.raises(ConfigError, match=r"is not the certificate of a .* from the authority"):
            ends(files._replace(authority=other), server=server)


class TestFiles:
    @pytest.mark.parametrize("number", range(3))
    def test_absent(self, pki: Pki, number: int) -> None:
        with pytest.raises(ConfigError, match=r"^/nowhere cannot be read: No such file or directory$"):
            server_context(Files(*("/nowhere" if place == number else path for place, path in enumerate(pki.server))))

    @pytest.mark.parametrize("number", range(3))
    def test_empty(self, pki: Pki, tmp_path: Path, number: int) -> None:
        path = tmp_path / "empty"
        path.touch()
        with pytest.raises(ConfigError, match="/empty is empty"):
            client_context(Files(*(str(path) if place == number else file for place, file in enumerate(pki.server))))

    @pytest.mark.parametrize("number", range(3))
    def test_nonsense(self, pki: Pki, tmp_path: Path, number: int) -> None:
        path = tmp_path / "nonsense"
        path.write_text("nonsense")
        with pytest.raises(ConfigError, match="/nonsense"):
            client_context(Files(*(str(path) if place == number else file for place, file in enumerate(pki.server))))

    def test_a_pipe_is_not_waited_for(self, pki: Pki, tmp_path: Path) -> None:
        path = tmp_path / "pipe"
        os.mkfifo(path)
        with pytest.raises(ConfigError, match="/pipe is empty"):
            client_context(pki.server._replace(key=str(path)))

    def test_a_folder(self, pki: Pki, tmp_path: Path) -> None:
        with pytest.raises(ConfigError, match="cannot be read: Is a directory"):
            client_context(pki.server._replace(key=str(tmp_path)))

    def test_the_key_of_another(self, pki: Pki) -> None:
        with pytest.raises(ConfigError, match="no certificate with its unencrypted key: key values mismatch"):
            server_context(pki.server._replace(key=pki.client("pi1").key))

    def test_an_encrypted_key_asks_nobody(self, pki: Pki, tmp_path: Path) -> None:
        from cryptography.hazmat.primitives import serialization as form

        key = form.load_pem_private_key(Path(pki.server.key).read_bytes(), None)
        path = tmp_path / "key.pem"
        cipher = form.BestAvailableEncryption(b"secret")
        path.write_bytes(key.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, cipher))
        with pytest.raises(ConfigError, match="unencrypted key"):
            server_context(pki.server._replace(key=str(path)))

    def test_an_authority_that_is_none(self, pki: Pki) -> None:
        with pytest.raises(ConfigError, match="no certificate of an authority: it may not sign others"):
            server_context(pki.server._replace(authority=pki.server.certificate))


def test_only_the_owner_reads_them(pki: Pki) -> None:
    for path in (*pki.server, *pki.client("pi1")):
        assert stat.S_IMODE(Path(path).stat().st_mode) == 0o600
        assert stat.S_IMODE(Path(path).parent.stat().st_mode) == 0o700
