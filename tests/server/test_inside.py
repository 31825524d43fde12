"""What a connection takes for the network where TLS is spoken."""

from fand.wire import Request
from tests.certificates import Pki

from .secure import Counter, Serve, serve

__all__ = ["serve"]


def test_it_is_a_transport(pki: Pki, serve: Serve) -> None:
    async def play(counter: Counter) -> None:
        client = await counter.client()
        await client.shake_hands(pki.client("pi1"))
        await client.ask(Request.PING)
        inside = counter.only()._transport
        assert inside.can_write_eof()
        assert inside.get_extra_info("peername") == ""
        assert inside.get_extra_info("nothing", 1) == 1
        assert inside.get_extra_info("ssl_object").version() == "TLSv1.3"
        assert inside.is_reading()
        inside.pause_reading()
        assert not inside.is_reading()
        inside.resume_reading()
        assert inside.is_reading()
        inside.close()
        assert inside.is_closing()
        inside.write(b"too late")
        inside.close()

    serve(play)
