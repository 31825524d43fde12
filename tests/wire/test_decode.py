"""fand.wire.decode: what is read, and everything else that is not, at no cost."""

import json
import pickle
import pickletools
import subprocess
import sys
import tracemalloc
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fand.exceptions import CorruptedDataError
from fand.wire import HEADER_SIZE, MAX_PAYLOAD, Request, decode, encode, opcodes
from fand.wire.decode import _run

from . import attacks, vocabulary

OURS = {value: name for name, value in vars(opcodes).items() if name.isupper()}
FRAMES = Path(__file__).parent.parent / "data" / "wire" / "frames-0.1.1.txt"
RECORDED = [bytes.fromhex(line.split("|")[3])[HEADER_SIZE:] for line in FRAMES.read_text("ascii").splitlines()]
LONG = encode(Request.SET_STATUS, ("s" * 300, {"a": [1, 2.5, 2**40], "b": b"x" * 300}))[HEADER_SIZE:]

MOST_MEMORY = 8 * 2**20
"""Bytes that decoding the longest payload may take at its worst: some 100 for each byte of it."""


def _enum() -> Any:
    """All that an attack on Request could have changed."""
    return (
        {name: (id(member), dict(vars(member))) for name, member in Request.__members__.items()},
        dict(vars(Request)),
        [Request(member.value) is member for member in Request],
    )


@pytest.fixture
def enum_untouched() -> Iterator[None]:
    before = _enum()
    yield
    assert _enum() == before


def _refused(payload: bytes) -> int:
    """Check that ``payload`` is refused; give the most memory that took."""
    tracemalloc.start()
    try:
        with pytest.raises(CorruptedDataError):
            decode(payload)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.usefixtures("enum_untouched")
@pytest.mark.parametrize("name", attacks.ALL)
def test_an_attack_is_refused_and_leaves_no_trace(name: str) -> None:
    modules = set(sys.modules)
    assert len(attacks.ALL[name]) <= MAX_PAYLOAD
    assert _refused(attacks.ALL[name]) < MOST_MEMORY
    assert set(sys.modules) == modules


BOUNDED = """
import json, resource, sys
from fand.exceptions import CorruptedDataError
from fand.wire import decode
# Far more than is needed, and far less than one attack that works would take.
resource.setrlimit(resource.RLIMIT_AS, (512 * 2**20, 512 * 2**20))
resource.setrlimit(resource.RLIMIT_CPU, (20, 20))
refused = []
for name, payload in json.load(sys.stdin).items():
    try:
        decode(bytes.fromhex(payload))
    except CorruptedDataError as error:
        refused.append(name)
        assert len(str(error)) < 200
print(json.dumps(refused))
"""


def test_all_attacks_together_in_a_process_with_little_memory_and_time() -> None:
    child = subprocess.run(
        [sys.executable, "-c", BOUNDED],
        input=json.dumps({name: payload.hex() for name, payload in attacks.ALL.items()}),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (child.returncode, child.stderr) == (0, "")
    assert json.loads(child.stdout) == list(attacks.ALL)


def test_the_work_is_in_proportion_to_the_length() -> None:
    """Counted in lines run, for the attacks that are long."""
    for name, payload in attacks.ALL.items():
        lines = 0

        def count(_frame: Any, event: str, _arg: Any) -> Any:
            nonlocal lines
            lines += event == "line"
            return count

        before = sys.gettrace()
        sys.settrace(count)
        try:
            decode(payload)
        except CorruptedDataError:
            pass
        finally:
            sys.settrace(before)
        assert lines < 40 * len(payload) + 100, name


def test_every_other_opcode_is_refused_where_it_stands() -> None:
    place = len(attacks.PROTO + attacks.PING) + 2
    for opcode in set(range(256)) - set(OURS):
        payload = attacks.holding(b"NN" + bytes((opcode,)) + b"\0" * 40)
        with pytest.raises(CorruptedDataError, match=f"opcode 0x{opcode:02x} at byte {place}"):
            decode(payload)


def test_our_opcodes_are_those_of_python() -> None:
    assert {ord(op.code): op.name for op in pickletools.opcodes if ord(op.code) in OURS} == OURS
    assert len(OURS) == len([name for name in vars(opcodes) if name.isupper()])


def test_a_payload_longer_than_any_frame_is_refused() -> None:
    with pytest.raises(CorruptedDataError, match="70000 bytes"):
        decode(b"x" * 70_000)


@pytest.mark.parametrize("payload", [*RECORDED[::40], LONG], ids=lambda payload: payload[-20:].hex())
def test_every_payload_cut_short_is_refused(payload: bytes) -> None:
    for end in range(len(payload)):
        with pytest.raises(CorruptedDataError):
            decode(payload[:end])


class TestDialects:
    """What other picklers write for the vocabulary."""

    @given(vocabulary.requests, vocabulary.args, st.integers(4, 5))
    def test_pythons_own_pickler(self, request_: Request, args: tuple[Any, ...], protocol: int) -> None:
        payload = pickle.dumps((request_, args), protocol)
        got = decode(payload)
        assert got[0] is request_
        assert vocabulary.form(got[1]) == vocabulary.form(args)

    @given(vocabulary.requests, vocabulary.args, st.integers(4, 5))
    def test_the_pickler_in_python_optimised(self, request_: Request, args: tuple[Any, ...], protocol: int) -> None:
        payload = pickletools.optimize(pickle._dumps((request_, args), protocol))  # type: ignore[attr-defined]
        assert vocabulary.form(decode(payload)[1]) == vocabulary.form(args)

    @pytest.mark.parametrize("protocol", [2, 3, 4, 5])
    def test_any_protocol(self, protocol: int) -> None:
        args = ("s", 1, -1, 2**40, 1.5, True, False, None, ["a", ["b"], []], {"k": ("v",), "e": {}}, Request.ACK)
        assert decode(pickle.dumps((Request.PING, args), protocol)) == (Request.PING, args)

    def test_a_memo_of_more_than_256(self) -> None:
        names = [f"name {number}" for number in range(300)]
        args = (names, [names[299], names[1]])
        assert decode(pickle.dumps((Request.PING, args), 4)) == (Request.PING, args)

    def test_getattr_gives_every_request_by_name(self) -> None:
        for request in Request:
            head = attacks.GETATTR + attacks.REQUEST + attacks.text(request.name) + b"\x86R"
            assert decode(attacks.PROTO + head + b")\x86.")[0] is request

    def test_a_datetime_twice(self) -> None:
        when = datetime(2030, 1, 1)
        assert decode(pickle.dumps((Request.PING, (when, when)), 4)) == (Request.PING, (when, when))


def _agrees_with_pickle(payload: bytes) -> None:
    """Check that ``payload`` is refused, or read as what Python's own unpickler reads, of the vocabulary."""
    try:
        request, args = decode(payload)
    except CorruptedDataError:
        return
    assert type(request) is Request
    assert type(args) is tuple
    assert vocabulary.depth(args) <= 8
    assert vocabulary.is_of_the_vocabulary(args)
    # Only safe now: what was accepted makes no call but those of the vocabulary.
    assert vocabulary.form(pickle.loads(payload)) == vocabulary.form((request, args))


_SMALL = st.integers(0, 3).map(lambda number: bytes((number,)))
_PIECES = st.one_of(
    st.sampled_from([attacks.PING, attacks.REQUEST, attacks.GETATTR, attacks.DATETIME, attacks.TIMEZONE]),
    st.sampled_from([attacks.HOUR, attacks.state(attacks.DAY), b"K\x01", b"J\0\0\0\0"]),
    st.sampled_from(["ping", "PING", ""]).map(attacks.text),
    st.sampled_from([bytes((opcode,)) for opcode in sorted(OURS)]),
    st.builds(bytes.__add__, st.sampled_from([b"h", b"q", b"K", b"\x8c", b"C", b"\x8a", b"M"]), _SMALL),
    st.binary(max_size=3),
)


@given(st.lists(_PIECES, max_size=30).map(b"".join), st.booleans())
@example(b")\x86.", True)
def test_any_run_of_opcodes_is_refused_or_read_as_pickle_does(run: bytes, shaped: bool) -> None:
    _agrees_with_pickle(attacks.PROTO + attacks.PING + run + b"\x85\x86." if shaped else attacks.PROTO + run)


@given(st.binary(max_size=200))
def test_any_bytes_are_refused_or_read_as_pickle_does(payload: bytes) -> None:
    _agrees_with_pickle(payload)


def _mutate(payload: bytes, edits: list[tuple[int, str, bytes]]) -> bytes:
    data = bytearray(payload)
    for place, edit, piece in edits:
        at = place % (len(data) + 1)
        if edit == "change":
            data[at : at + len(piece)] = piece
        elif edit == "insert":
            data[at:at] = piece
        else:
            del data[at : at + len(piece)]
    return bytes(data)


_EDITS = st.lists(
    st.tuples(
        st.integers(0, 2**16), st.sampled_from(["change", "insert", "delete"]), st.binary(min_size=1, max_size=4)
    ),
    min_size=1,
    max_size=3,
)


_WHOLE = st.sampled_from(RECORDED) | st.builds(
    lambda request, args: encode(request, args)[HEADER_SIZE:], vocabulary.requests, vocabulary.args
)


@given(_WHOLE, _EDITS)
def test_a_mutated_frame_is_refused_or_read_as_pickle_does(
    payload: bytes, edits: list[tuple[int, str, bytes]]
) -> None:
    before = _enum()
    _agrees_with_pickle(_mutate(payload, edits))
    assert _enum() == before


@pytest.mark.usefixtures("enum_untouched")
def test_every_byte_of_a_frame_changed_to_every_other() -> None:
    payload = encode(Request.SET_PWM_EXPIRE, ("s", datetime(2030, 1, 1)))[HEADER_SIZE:]
    for at in range(len(payload)):
        for byte in range(256):
            _agrees_with_pickle(payload[:at] + bytes((byte,)) + payload[at + 1 :])


@pytest.mark.parametrize("request_", Request)
def test_a_request_without_arguments_known_by_its_bytes_is_what_they_say(request_: Request) -> None:
    payload = encode(request_, ())[HEADER_SIZE:]
    assert decode(payload) == _run(payload) == (request_, ())
