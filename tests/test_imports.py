"""No service imports what it does not need: its memory and its start are what that costs."""

import subprocess
import sys
from pathlib import Path

import pytest

CONFIG = """
[curves.drives]
kind = "linear"
points = [[30, 25], [41, 100]]
[shelves.shelf1]
curves = { hdd = "drives" }
devices = [{ file = "/sys/none", name = "a", family = "hdd" }]
"""
CLIENT = """
[client]
shelf = "shelf1"
servers = ["127.0.0.1:9999"]
[[client.fans]]
name = "front"
hwmon = "nct6798"
pwm = 1
tachometer = 1
"""
AGENT = """
[agent]
name = "agent1"
servers = ["127.0.0.1:9999"]
devices = [{ file = "/sys/none", name = "a", family = "hdd" }]
"""

# What takes much memory or time to import, and is not of use to everybody.
HEAVY = (
    "argparse", "asyncio", "concurrent.futures", "configparser", "cryptography", "dataclasses", "decimal", "difflib",
    "email", "gpiozero", "http", "importlib.metadata", "inspect", "json", "logging", "msgspec", "pathlib", "pickle",
    "random", "rich", "shutil", "ssl", "subprocess", "tempfile", "tomllib", "typing", "unicodedata", "urllib.request",
    "uuid", "uvloop",
)  # fmt: skip

# What msgspec, dataclasses and asyncio bring along, which is theirs to change; so is unicodedata, for names of hosts.
TYPED = {"argparse", "dataclasses", "decimal", "inspect", "logging", "msgspec", "pathlib", "typing", "uuid"}
LOOP = {"asyncio", "concurrent.futures", "ssl", "subprocess"}

# By service: how it starts, as far as that goes without hardware; what of HEAVY it needs; what of fand.
SERVICES = {
    "fand-server": (
        "from fand.server.cli import main; main(['--check', '-c', config])",
        TYPED | LOOP | {"tomllib", "unicodedata"},
        {"aside", "clock", "config", "control", "dispatch", "drivers", "exceptions", "journal", "logs", "notify",
         "output", "ports", "sensing", "server", "signals", "stored", "tls", "units", "util", "wire"},
    ),
    "fand-agent": (
        "from fand.agent.cli import main; main(['--check', '-c', config])",
        TYPED | LOOP | {"tomllib"},
        {"agent", "aside", "clock", "communication", "config", "control", "dispatch", "drivers", "exceptions",
         "fanclient", "heard", "links", "logs", "notify", "output", "ports", "sensing", "signals", "tls", "units",
         "util", "wire"},
    ),
    "fand-client": (
        "from fand.fanhost import main; main(['-c', config])",
        TYPED | {"tomllib"},
        {"aside", "clock", "communication", "config", "drivers", "exceptions", "fanclient", "fanhost", "heard",
         "links", "logs", "notify", "ports", "stored", "tls", "units", "util", "wire"},
    ),
    "fand-clientrpi": (
        "from fand.clientrpi import main; main(['shelf1', '--pwm-chip', 'none.pwm', '--rpm-chip', 'none'])",
        TYPED | {"tomllib"},
        {"aside", "clientrpi", "clock", "communication", "config", "drivers", "exceptions", "fanclient", "heard",
         "links", "logs", "notify", "ports", "stored", "tls", "units", "util", "wire"},
    ),
    "fanctl": (
        "from fand.fanctl import main; main(['get-pwm', 'shelf1'])",
        {"typing"},
        {"client", "communication", "exceptions", "fanctl", "heard", "links", "tls", "units", "util", "wire"},
    ),
}  # fmt: skip

CONFIGS = {"fand-server": CONFIG, "fand-client": CLIENT, "fand-agent": AGENT}

PROGRAM = """
import sys
sys.path += sys.argv[2:]
config = sys.argv[1]
try:
    START
except SystemExit:
    pass
print(*sys.modules)
"""


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_imports_what_it_needs(service: str, tmp_path: Path) -> None:
    start, heavy, parts = SERVICES[service]
    config = tmp_path / "fand.toml"
    config.write_text(CONFIGS.get(service, ""))
    # without what site-packages has imported at each start, such as coverage; FAND_SERVER names nobody
    environ = {"HOME": str(tmp_path), "PATH": "/nowhere", "FAND_SERVER": str(tmp_path / "no.socket")}
    paths = [str(Path(__file__).parents[1] / "src"), *(place for place in sys.path if place.endswith("-packages"))]
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", PROGRAM.replace("START", start), str(config), *paths],
        cwd=tmp_path,
        env=environ,
        capture_output=True,
        text=True,
        check=True,
    )
    names = {*done.stdout.splitlines()[-1].split()}
    found = {name for name in names if name.startswith("fand.")}
    assert {name.split(".")[1] for name in found} == parts, done.stderr
    assert {name for name in HEAVY if name in names} == heavy


def test_what_a_service_reads_of_the_configuration_is_what_it_imports(tmp_path: Path) -> None:
    config = tmp_path / "fand.toml"
    config.write_text(CLIENT)
    code = (
        "import sys\nfrom pathlib import Path\nfrom fand import drivers\nfrom fand.config import load\n"
        "load(Path(sys.argv[1]), drivers)\nprint(*(name for name in sys.modules if name.startswith('fand')))"
    )
    done = subprocess.run([sys.executable, "-c", code, str(config)], capture_output=True, text=True, check=True)
    assert not {"fand.config.server", "fand.config.agent", "fand.config.ini", "fand.control"} & {*done.stdout.split()}
