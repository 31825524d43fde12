"""The target ``frames``: what the decoder promises of any bytes."""

import pickle
import sys
import threading
from functools import cache
from typing import Any, Final

from fand.exceptions import CorruptedDataError, UnpicklableError
from fand.wire import HEADER_SIZE, MAX_PAYLOAD, Decoder, Request, decode, encode, opcodes
from tests.wire import vocabulary

STREAM: Final = 0
"""The first byte of an input: the rest is a stream of frames as it stands, split after so many bytes each ..."""
PAYLOAD: Final = 0x80
"""... or, from here on, a payload, whose header is added: changes to a whole frame mostly make its length wrong."""


def check(data: bytes) -> None:
    """Check all promises for one input.

    :raises AssertionError: one is broken; any other exception but CorruptedDataError has escaped the decoder
    """
    how, rest = data[:1], data[1:]
    split = how[0] & 0x7F if how else 0
    if how and how[0] >= PAYLOAD:
        rest = rest[:MAX_PAYLOAD]
        stream = b"99F9%04x" % len(rest) + rest
    else:
        stream = rest
    whole = _events([stream])
    assert _events(_cut(stream, split or 1)) == whole, "what comes out depends on how the bytes are split"
    again = stream + stream
    assert _taken(again) == _events([again]), "who reads frame by frame gets something else"


def _cut(stream: bytes, size: int) -> list[bytes]:
    return [stream[at : at + size] for at in range(0, len(stream), size)]


def _events(pieces: list[bytes]) -> list[Any]:
    """What a decoder makes of the pieces: requests, and the texts of faults; one of framing is the end."""
    events: list[Any] = []
    decoder, fed, taken = Decoder(), 0, 0
    for piece in pieces:
        decoder.feed(piece)
        fed += len(piece)
        while True:
            try:
                frame = decoder.next_frame()
            except CorruptedDataError as error:
                return [*events, str(error)]
            if frame is None:
                break
            taken += len(frame)
            events.append(_read(frame[HEADER_SIZE:]))
        assert decoder.mid_frame == (fed > taken), "bytes are lost, or kept that were given out"
        assert 0 < decoder.missing <= HEADER_SIZE + MAX_PAYLOAD, "it waits for more than a frame"
    return events


def _taken(stream: bytes) -> list[Any]:
    """The same as a client reads it: never beyond a frame, of which some come again."""
    events: list[Any] = []
    decoder, at = Decoder(), 0
    while at < len(stream):
        piece = stream[at : at + decoder.missing]
        at += len(piece)
        mid_frame = decoder.mid_frame
        try:
            said = decoder.take(piece)
        except CorruptedDataError as error:
            events.append(str(error))
            if decoder.mid_frame:  # of framing: a payload with a fault is used up
                return events
            continue
        if said is not None:
            events.append(vocabulary.form(said))
        assert decoder.mid_frame != (said is not None), "bytes are lost, or kept that were given out"
        assert said is None or mid_frame, "a frame came before its header"
    return events


def _read(payload: bytes) -> Any:
    """One payload: the text of its fault, or what it is, in a form that tells all values apart."""
    watch = audit()
    watch.begin()
    try:
        request, args = decode(payload)
    except CorruptedDataError as error:
        fault = str(error)
    else:
        fault = ""
    seen = watch.end()
    assert not seen, f"decoding has done {seen}"
    if fault:
        assert len(fault) < 200, "a fault is told at length"
        return fault
    assert type(request) is Request, "that is no request"
    assert type(args) is tuple, "the arguments are no tuple"
    assert vocabulary.is_of_the_vocabulary(args), "a value is not of the vocabulary"
    assert vocabulary.depth(args) <= 8, "it nests too deep"
    form = vocabulary.form((request, args))
    # Safe only now: what was accepted makes no call but those of the vocabulary. Nothing in src does this.
    assert vocabulary.form(pickle.loads(payload)) == form, "Python's unpickler reads something else"
    _again(payload, request, args, form)
    return form


def _again(payload: bytes, request: Request, args: tuple[Any, ...], form: Any) -> None:
    """What was accepted can be sent, and is read as the same, unless it is longer in our own words."""
    try:
        frame = encode(request, args)
    except UnpicklableError:
        recalls = {opcodes.BINGET, opcodes.LONG_BINGET} & set(payload)
        assert recalls or len(payload) > MAX_PAYLOAD - 64, "what was accepted cannot be sent"
        return
    assert vocabulary.form(decode(frame[HEADER_SIZE:])) == form, "what was accepted is sent as something else"


class Audit:
    """Sees what Python's audit hooks see of one thread, while it is asked to: imports, files, sockets, processes,
    unpickling.
    """

    def __init__(self) -> None:
        self._watched: int | None = None
        self._seen: list[str] = []
        sys.addaudithook(self._hear)

    def begin(self) -> None:
        """From now on, what the calling thread does: hooks hear all threads, and others may be at work."""
        self._seen = []
        self._watched = threading.get_ident()

    def end(self) -> list[str]:
        """No more; returns the names of what was seen."""
        self._watched = None
        return self._seen

    def _hear(self, event: str, _args: tuple[object, ...]) -> None:
        if self._watched == threading.get_ident():
            self._seen.append(event)


@cache
def audit() -> Audit:
    """The one of this process: a hook cannot be taken out again."""
    return Audit()
