"""The wire: frames and their payloads, without a socket."""

from fand.wire.request import Request

__all__ = ["Request"]
