import asyncio
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from fand.exceptions import ConfigError
from fand.server.loops import VARIABLE, kind, new_loop


@contextmanager
def loop_for(**environ: str) -> Iterator[asyncio.AbstractEventLoop]:
    loop = new_loop(environ)
    try:
        yield loop
    finally:
        loop.close()


def test_asyncio_if_it_is_wanted() -> None:
    with loop_for(**{VARIABLE: "asyncio"}) as loop:
        assert kind(loop) == "asyncio"


def test_uvloop_where_it_is_there() -> None:
    pytest.importorskip("uvloop")
    for environ in ({}, {VARIABLE: "uvloop"}):
        with loop_for(**environ) as loop:
            assert kind(loop) == "uvloop"


def test_without_uvloop_asyncio_will_do_unless_it_is_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "fand.server.uv", raising=False)
    monkeypatch.setitem(sys.modules, "uvloop", None)
    with loop_for() as loop:
        assert kind(loop) == "asyncio"
    with pytest.raises(ConfigError, match=r"FAND_LOOP wants uvloop: .*; install fand\[speed\]"):
        new_loop({VARIABLE: "uvloop"})


def test_another_word_is_refused() -> None:
    with pytest.raises(ConfigError, match="'libev'; there are asyncio and uvloop"):
        new_loop({VARIABLE: "libev"})
