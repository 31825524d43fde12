"""Records of TLS; that real ones are taken as they are made is seen in tests/server/test_encrypted.py."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fand.tls.records import Records, announces_more, length


def record(payload: bytes, kind: int = 0x17) -> bytes:
    return bytes((kind, 3, 3)) + len(payload).to_bytes(2, "big") + payload


def taken(records: Records) -> list[bytes]:
    found = []
    while one := records.take():
        found.append(one)
    return found


@given(st.lists(st.builds(record, st.binary(max_size=60), st.integers(0x14, 0x18)), max_size=6), st.data())
def test_however_they_come_they_are_taken_whole(sent: list[bytes], data: st.DataObject) -> None:
    stream = b"".join(sent)
    records, found, at = Records(), [], 0
    while at < len(stream):
        step = data.draw(st.integers(1, len(stream) - at))
        records.feed(stream[at : at + step])
        at += step
        found += taken(records)
        assert not records.whole
        assert records.held == at - sum(map(len, found))
    assert found == sent
    assert records.held == 0


def test_one_is_taken_at_a_time() -> None:
    records = Records()
    records.feed(record(b"one") + record(b"two") + record(b"three")[:-1])
    assert records.whole
    assert records.take() == record(b"one")
    records.feed(b"e")
    assert taken(records) == [record(b"two"), record(b"three")]


@pytest.mark.parametrize(
    ("data", "size"),
    [
        (b"", 5),
        (record(b"one")[:4], 5),
        (record(b"one")[:5], 8),
        (record(b"one"), 8),
        (record(b"one") + record(b"three"), 8),
        (record(b""), 5),
        (record(bytes(2**14 + 2048))[:9], 5 + 2**14 + 2048),
        (record(bytes(2**14 + 2049))[:9], 9),
        (b"99F9", 4),
    ],
)
def test_how_long_it_is_shows_by_its_header(data: bytes, size: int) -> None:
    assert length(data) == size
    assert length(record(b"before") + data, len(record(b"before"))) == size


def test_the_longest() -> None:
    records = Records()
    records.feed(record(bytes(2**14 + 2048))[:-1])
    assert records.take() == b""
    records.feed(b"\0")
    assert len(records.take()) == 5 + 2**14 + 2048


@pytest.mark.parametrize("stream", [b"9", b"99F9", b"99F9000a" + b"x" * 10, b"\x17\x03\x03\xff\xff", b"\x19" * 7])
def test_what_is_no_record_is_left_to_the_cipher(stream: bytes) -> None:
    records = Records()
    records.feed(record(b"one") + stream)
    assert taken(records) == [record(b"one"), stream]


@pytest.mark.parametrize(
    ("payload", "kind", "more"),
    [
        (b"\x01\x00\x00\x03abc", 0x16, False),
        (b"\x01\x00\x00\x03abcd", 0x16, False),
        (b"\x01\x00\x00\x04abc", 0x16, True),
        (b"\x01\x02\x00\x00abc", 0x16, True),
        (b"\x01\xff\xff\xff", 0x17, False),
        (b"\x01", 0x16, True),
        (b"hello", 0x16, False),
        (b"", 0x16, False),
    ],
)
def test_what_a_record_announces(payload: bytes, kind: int, more: bool) -> None:
    assert announces_more(record(payload, kind)) is more
