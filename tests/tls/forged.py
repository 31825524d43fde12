"""Records of TLS 1.3 that no library would send, made with the keys of a connection (RFC 8446, 5 and 7)."""

from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA384
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

CIPHER: Final = "TLS_AES_256_GCM_SHA384"
"""What both ends of a connection here choose."""

_HANDSHAKE: Final = 22
_DATA: Final = 23


class Forger:
    """What a client sends that has sent nothing yet since its handshake; ``keys`` is the key log of its context."""

    def __init__(self, keys: Path) -> None:
        (secret,) = [
            line.split()[2] for line in keys.read_text().splitlines() if line.startswith("CLIENT_TRAFFIC_SECRET_0 ")
        ]
        self._become(bytes.fromhex(secret))

    def record(self, data: bytes, kind: int = _DATA) -> bytes:
        """One record of ``data``, which may be nothing."""
        inner = data + bytes((kind,))
        head = b"\x17\x03\x03" + (len(inner) + 16).to_bytes(2, "big")
        nonce = (self._iv ^ self._number).to_bytes(12, "big")
        self._number += 1
        return head + self._key.encrypt(nonce, inner, head)

    def other_keys(self, *, asks: bool = True) -> bytes:
        """From now on other keys are used; if it ``asks``, the server is to answer by other keys of its own."""
        record = self.record(b"\x18\x00\x00\x01" + bytes((asks,)), _HANDSHAKE)
        self._become(_expand(self._secret, b"traffic upd", 48))
        return record

    def _become(self, secret: bytes) -> None:
        self._secret = secret
        self._key = AESGCM(_expand(secret, b"key", 32))
        self._iv = int.from_bytes(_expand(secret, b"iv", 12))
        self._number = 0


def _expand(secret: bytes, label: bytes, length: int) -> bytes:
    info = length.to_bytes(2, "big") + bytes((6 + len(label),)) + b"tls13 " + label + b"\0"
    return HKDFExpand(SHA384(), length, info).derive(secret)
