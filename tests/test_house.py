"""The rules of the house hold, and the machine that guards them really does."""

import ast
import json
import os
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "fand"
MODULES = sorted(PACKAGE.rglob("*.py"))

# Third-party packages, and the only parts of fand that may import them.
LIBRARIES = {
    "msgspec": ("stored", "config", "drivers", "fanclient", "server", "dispatch", "demo", "detect", "fanctl"),
    "rich": ("fanctl", "demo"),
    "cryptography": ("pki",),
    "gpiozero": ("drivers", "clientrpi"),
    "lgpio": ("drivers",),
    "gpiod": ("drivers",),
    "psutil": ("drivers",),
    "uvloop": ("server",),
}

# Every contract of import-linter in pyproject.toml, and lines that break it: file, what is added to it.
BREACHES = {
    "One direction: a line imports only from lines below it": ("units.py", "import fand.control.curve"),
    "Drivers know nothing of one another": (
        "drivers/sensors/one.py",
        "import fand.drivers.sensors.two",
    ),
    "The pure core reaches no socket, clock, thread, file, log or chance": ("control/curve.py", "import time"),
    "No general unpickler anywhere": ("drivers/sensors/one.py", "def late():\n    from pickle import loads"),
}

# Modules of declarations only, which the tests of their neighbours exercise; every other has a test file of its own.
DECLARATIONS = {"ports.py", "config/values.py", "wire/limits.py", "wire/opcodes.py"}


def _contracts() -> set[str]:
    """The names of the contracts, as pyproject.toml has them."""
    lines = (ROOT / "pyproject.toml").read_text().split("[[tool.importlinter.contracts]]")[1:]
    return {part.split('name = "', 1)[1].split('"', 1)[0] for part in lines}


def _lint(tree: Path) -> subprocess.CompletedProcess[str]:
    """Run import-linter on a copy of the project."""
    program = Path(sys.executable).with_name("lint-imports")
    environ = {**os.environ, "PYTHONPATH": str(tree / "src"), "COLUMNS": "200"}
    command = [str(program), "--no-cache"]
    return subprocess.run(command, cwd=tree, env=environ, capture_output=True, text=True, check=False)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the project that may be broken, with two more drivers in it."""
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    shutil.copytree(ROOT / "src", tmp_path / "src", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("one", "two"):
        (tmp_path / f"src/fand/drivers/sensors/{name}.py").write_text(f'"""Driver {name}."""\n')
    return tmp_path


def test_each_contract_has_its_breach() -> None:
    assert _contracts() == BREACHES.keys()


def test_an_unbroken_copy_passes(copy: Path) -> None:
    done = _lint(copy)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(BREACHES)} kept, 0 broken" in done.stdout


@pytest.mark.parametrize("contract", BREACHES)
def test_a_breach_is_caught_by_its_contract_alone(copy: Path, contract: str) -> None:
    name, lines = BREACHES[contract]
    with (copy / "src" / "fand" / name).open("a") as file:
        file.write(f"\n\n{lines}\n")
    done = _lint(copy)
    assert done.returncode != 0
    assert f"{contract} BROKEN" in done.stdout
    assert f"{len(BREACHES) - 1} kept, 1 broken" in done.stdout


def test_a_module_without_a_place_is_caught(copy: Path) -> None:
    (copy / "src/fand/attic.py").write_text('"""Belongs nowhere."""\n')
    done = _lint(copy)
    assert done.returncode != 0
    assert "attic" in done.stdout


# Runs in a process of its own, for it must be the first to import fand.
IMPORT_ALL = textwrap.dedent(
    """
    import atexit, importlib, json, logging, os, pathlib, pkgutil, signal, sys, threading, warnings

    watching, seen = "", []
    code = tuple(str(pathlib.Path(p).resolve()) for p in (sys.prefix, sys.base_prefix, sys.argv[1]))
    acts = ("socket.", "subprocess.", "shutil.", "tempfile.", "signal.", "fcntl.", "ftplib.", "urllib.",
            "os.chdir", "os.exec", "os.fork", "os.kill", "os.mkdir", "os.link", "os.putenv", "os.remove", "os.rename",
            "os.rmdir", "os.spawn", "os.posix_spawn", "os.symlink", "os.system", "os.truncate", "os.unsetenv",
            "_thread.start_new_thread", "logging.")

    def hook(event, args):
        if not watching:
            return
        if event == "open":
            path, _, flags = args
            writes = flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
            if isinstance(path, str) and not writes and os.path.realpath(path).startswith(code):
                return
        elif not event.startswith(acts):
            return
        seen.append(f"{watching}: {event} {args!r:.200}")

    def state():
        root = logging.getLogger()
        loggers = [logging.getLogger(name) for name in root.manager.loggerDict if name.startswith("fand")]
        return {
            "threads": threading.active_count(),
            "handlers": [len(root.handlers), sum(len(l.handlers) for l in loggers)],
            "level": [root.level, *{l.level for l in loggers if l.level}],
            "signals": [str(signal.getsignal(s)) for s in sorted(signal.valid_signals())],
            "environ": dict(os.environ),
            "hooks": [str(sys.excepthook), str(threading.excepthook)],
            "folder": os.getcwd(),
            "umask": os.umask(os.umask(0o22)) or 0,
        }

    names = ["fand", *(m.name for m in pkgutil.walk_packages([sys.argv[1]], "fand."))]
    sys.addaudithook(hook)
    for name in names:
        before = state()
        watching = name
        importlib.import_module(name)
        watching = ""
        after = state()
        seen += [f"{name}: {key} was {before[key]}, is {after[key]}" for key in after if after[key] != before[key]]
    print(json.dumps([names, seen]))
    """
)


def test_importing_any_module_has_no_effect(tmp_path: Path) -> None:
    command = [sys.executable, "-B", "-c", IMPORT_ALL, str(PACKAGE)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    names, seen = json.loads(done.stdout)
    assert len(names) == len(MODULES)
    assert seen == []
    assert list(tmp_path.iterdir()) == []


def test_the_watch_over_imports_sees(tmp_path: Path) -> None:
    (tmp_path / "fand").mkdir()
    (tmp_path / "fand/__init__.py").write_text(
        "import logging, os, signal, socket, threading\n"
        "logging.basicConfig()\n"
        "signal.signal(signal.SIGUSR1, signal.SIG_IGN)\n"
        "socket.gethostname()\n"
        "os.environ['FAND_TEST'] = 'x'\n"
        "os.path.exists('/etc') and open('/etc/hostname').close()\n"
        "open('left-behind', 'w').close()\n"
    )
    command = [sys.executable, "-B", "-c", IMPORT_ALL, str(tmp_path / "fand")]
    # not measured: a fand of its own, which is gone when coverage is reported
    environ = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")}
    environ["PYTHONPATH"] = str(tmp_path)
    done = subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, text=True, check=False)
    seen = "\n".join(json.loads(done.stdout)[1])
    for trace in ("handlers", "signals", "environ", "socket.gethostname", "/etc/hostname", "left-behind"):
        assert trace in seen


def _is_declaration(node: ast.stmt) -> bool:
    """Tell whether a statement at module level only declares."""
    if isinstance(node, ast.Expr):
        return isinstance(node.value, ast.Constant)  # a docstring
    if isinstance(node, ast.If):
        return ast.unparse(node.test) in {"TYPE_CHECKING", "__name__ == '__main__'"}
    declarations = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    return isinstance(node, (*declarations, ast.Assign, ast.AnnAssign))


@pytest.mark.parametrize(
    "module",
    sorted(
        name
        for name in (path.relative_to(PACKAGE).as_posix() for path in MODULES)
        if not name.endswith("__.py") and name not in DECLARATIONS
    ),
)
def test_a_module_has_its_test_file(module: str) -> None:
    path = Path(module)
    assert (ROOT / "tests" / path.with_name(f"test_{path.name}")).is_file()


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_declares_and_keeps_to_its_libraries(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert ast.get_docstring(tree), "a module says what it is for"
    assert [ast.unparse(node) for node in tree.body if not _is_declaration(node)] == []
    assert [ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Global)] == []
    place = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    known = {*sys.stdlib_module_names, "fand"}
    for library in _imported(tree) - known:
        assert place in LIBRARIES.get(library, ()), f"{library} is not for {place}"


def _imported(tree: ast.Module) -> set[str]:
    """The top-level names of all that is imported anywhere in a module."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.module is not None, "imports are absolute"
            names.add(node.module.partition(".")[0])
    return names
