"""The wire: frames and their payloads, without a socket."""

from fand.wire.decode import decode
from fand.wire.encode import encode
from fand.wire.frame import Decoder, is_frame
from fand.wire.limits import HEADER_SIZE, MAGIC, MAX_PAYLOAD
from fand.wire.request import Request, reason

__all__ = ["HEADER_SIZE", "MAGIC", "MAX_PAYLOAD", "Decoder", "Request", "decode", "encode", "is_frame", "reason"]
