"""Attacks by what a payload says: it would run something in whoever unpickles it, or make it stumble."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from fand.exceptions import CorruptedDataError
from fand.wire import decode
from tests.hostile.attack import Attack, frame, refused
from tests.hostile.live import CANARY, Live
from tests.wire import attacks as wire


def call(module: str, name: str, *args: bytes) -> bytes:
    """The pickle of a call, by protocol 4."""
    many = b"(" + b"".join(args) + b"t"
    return wire.text(module) + wire.text(name) + b"\x93" + many + b"R"


def words(value: str) -> bytes:
    """A str of any length."""
    data = value.encode()
    return b"X" + len(data).to_bytes(4, "little") + data


def listed(*items: bytes) -> bytes:
    """A list."""
    return b"](" + b"".join(items) + b"e"


RUNS: Final[dict[str, tuple[str, Callable[[str], bytes]]]] = {
    "os.system": (
        "A call of os.system by protocol 4 would run a command.",
        lambda path: call("os", "system", words(f"touch {path}")),
    ),
    "posix.system": (
        "The same by the name that a real pickle of os.system has.",
        lambda path: call("posix", "system", words(f"touch {path}")),
    ),
    "os.system in protocol 2": (
        "The same by the opcodes of fand 0.1.1 on old Pythons.",
        lambda path: b"cos\nsystem\n(" + words(f"touch {path}") + b"tR",
    ),
    "subprocess.call": (
        "A call of subprocess.call would run a program.",
        lambda path: call("subprocess", "call", listed(words("touch"), words(path))),
    ),
    "exec": (
        "A call of exec would run Python code.",
        lambda path: call("builtins", "exec", words(f"open({path!r}, 'w').close()")),
    ),
    "eval": (
        "A call of eval would compute an expression that imports and calls.",
        lambda path: call("builtins", "eval", words(f"__import__('os').system('touch {path}')")),
    ),
    "open for writing": (
        "A call of open would make a file.",
        lambda path: call("builtins", "open", words(path), words("w")),
    ),
    "os.mkdir": ("A call of os.mkdir would make a folder.", lambda path: call("os", "mkdir", words(path))),
    "import of a module that acts": (
        "The name of a global would import a module, which acts when it is imported.",
        lambda path: wire.text(CANARY) + wire.text("x") + b"\x93",
    ),
    "pty.spawn": (
        "A call of pty.spawn would open a shell.",
        lambda path: call("pty", "spawn", listed(words("touch"), words(path))),
    ),
    "cProfile.run": (
        "A call of a module that nobody thinks of would run code all the same.",
        lambda path: call("cProfile", "run", words(f"open({path!r}, 'w').close()")),
    ),
    "runpy.run_path": (
        "A call of runpy would run a file that lies on the server's host.",
        lambda path: call("runpy", "run_path", words(str(Path(path).parent / "bait" / f"{CANARY}.py"))),
    ),
    "INST of os.system": (
        "The opcode of old instances would call os.system.",
        lambda path: b"(" + words(f"touch {path}") + b"ios\nsystem\n",
    ),
    "getattr to a function": (
        "getattr, which one dialect needs, would fetch os.system, which is called.",
        lambda path: (
            call("builtins", "getattr", wire.text("os") + wire.text("path") + b"\x93", wire.text("os"))
            + b"0"
            + call("os", "system", words(f"touch {path}"))
        ),
    ),
    "a call inside a request": (
        "A good request, whose argument is computed by a call.",
        lambda path: listed(call("os", "system", words(f"touch {path}"))),
    ),
}
"""By name, what would be done and the pickle of it; each writes the canary in whoever unpickles it."""


def payload(name: str, path: Path) -> bytes:
    """The payload of one of :data:`RUNS`, which would write ``path``."""
    return wire.holding(RUNS[name][1](str(path)))


_TERA: Final = b"\x8a\x06" + b"\0" * 5 + b"\x01"

HARMS: Final = {
    "os._exit": ("A call of os._exit would end the server.", call("os", "_exit", b"K\0")),
    "os.abort": ("A call of os.abort would end the server.", call("os", "abort")),
    "os.kill of the server's group": (
        "A call of os.kill would end the server and its siblings.",
        call("os", "kill", b"K\0", b"K\x09"),
    ),
    "sys.exit": ("A call of sys.exit would end the server's loop.", call("sys", "exit")),
    "time.sleep": ("A call of time.sleep would stop the server for an hour.", call("time", "sleep", b"M\x10\x0e")),
    "signal.raise_signal": (
        "A call of signal.raise_signal would have the server stop.",
        call("signal", "raise_signal", b"K\x0f"),
    ),
    "fand's own end": ("A call of the server's own function for its end.", call("fand.util", "terminate")),
    "socket.create_connection": (
        "A call would have the server connect to the attacker.",
        call("socket", "create_connection", words("127.0.0.1") + b"M\x09\0\x86"),
    ),
    "a terabyte by bytes()": ("A call of bytes would take a terabyte.", call("builtins", "bytes", _TERA)),
    "a huge range": (
        "A call of list on a range would take all memory.",
        call("builtins", "list", call("builtins", "range", _TERA)),
    ),
    "int of many digits": ("A call of int would compute for minutes.", call("builtins", "int", words("9" * 60_000))),
    "re.compile": (
        "A call of re.match would compute for years.",
        call("re", "match", words("(a+)+$"), words("a" * 60 + "b")),
    ),
}
"""By name, what a call would do, and its pickle."""

_SORTS: Final = {
    "calls": ("A payload that would import or call something.", wire.CALLS),
    "requests": ("A payload that would take a request's place, or change one for all.", wire.REQUESTS),
    "memory": ("A payload that would take memory without end, or refer to itself.", wire.MEMORY),
    "depth": ("A payload that would nest without end.", wire.DEPTH),
    "numbers": ("A payload with a number that is slow to handle.", wire.NUMBERS),
    "dates": ("A payload with a date or span that cannot be.", wire.DATES),
    "shape": ("A payload that is not a request with its arguments.", wire.SHAPE),
}


def _reason(data: bytes) -> str:
    try:
        decode(data)
    except CorruptedDataError as error:
        return str(error)
    raise AssertionError("this is taken")


def _run(name: str) -> Attack:
    def play(live: Live) -> Iterator[None]:
        data = payload(name, live.canary)
        yield from refused(name, "", frame(data), _reason(data)).play(live)

    reason = _reason(payload(name, Path("/tmp") / CANARY))
    return Attack(f"run: {name}", RUNS[name][0], f"refused: {reason}", play)


def _payload(name: str, line: str, data: bytes) -> Attack:
    return refused(name, line, frame(data), _reason(data) if data else "")


ATTACKS: Final = (
    *map(_run, RUNS),
    *(_payload(f"harm: {name}", line, wire.holding(data)) for name, (line, data) in HARMS.items()),
    *(
        _payload(f"{sort}: {name}", line, data)
        for sort, (line, cases) in _SORTS.items()
        for name, data in cases.items()
        if data
    ),
)
