"""What every client of the tests does with what it says and hears, encrypted or not."""

from typing import Any

from fand.wire import Decoder, Request, encode

Reply = tuple[Request, tuple[Any, ...]]


class Asking:
    """Frames over :meth:`say` and :meth:`hear`."""

    def __init__(self) -> None:
        self._decoder = Decoder()

    async def say(self, data: bytes) -> None:
        raise NotImplementedError

    async def hear(self) -> bytes:
        """Bytes that have come; nothing when the server closes."""
        raise NotImplementedError

    async def reply(self) -> Reply | None:
        """The next frame; None when the server closes."""
        while (found := self._decoder.next()) is None:
            data = await self.hear()
            if not data:
                return None
            self._decoder.feed(data)
        return found

    async def ask(self, request: Request, *args: object) -> Reply | None:
        await self.say(encode(request, args))
        return await self.reply()
