"""A Raspberry Pi becomes known to a running server, by the two commands of docs/tls.rst, as real processes."""

import os
import shlex
import subprocess
import sys
from pathlib import Path

from tests.certificates import Pki
from tests.server.processes import running, write_shelf

PAGE = Path(__file__).parents[2] / "docs" / "tls.rst"
PAIR = (
    "fand pki client pi1 --role report --shelf shelf1 | ssh pi1 sudo fand pki accept",
    "fanctl -a /run/fand/fand.sock reload",
)


def shell(line: str, **environ: str) -> "subprocess.CompletedProcess[str]":
    """What a line does whose ``fand`` and ``fanctl`` are ours."""
    ours = f'fand() {{ {shlex.quote(sys.executable)} -m fand "$@"; }}; fanctl() {{ fand fanctl "$@"; }}; {line}'
    env = {**os.environ, **environ}
    return subprocess.run(["sh", "-c", ours], capture_output=True, text=True, timeout=50, check=False, env=env)


def test_the_pair_of_commands_that_the_page_has(tmp_path: Path) -> None:
    page = PAGE.read_text()
    assert all(f"   # {line}\n" in page for line in PAIR)
    pki, pi, socket = Pki(tmp_path), tmp_path / "pi", tmp_path / "s"
    client, reload = PAIR
    client = client.replace("ssh pi1 sudo ", "").replace("accept", f"accept --folder {pi}")
    client = client.replace("pki client", f"pki client --folder {pki.path}")
    path = write_shelf(tmp_path, "{ fake = 32 }")
    path.write_text(path.read_text() + f'[server]\nsocket = "{socket}"\n[server.tls]\nfolder = "{pki.path}"\n')
    files = {"CERTIFICATE": "certificate", "KEY": "key", "AUTHORITY": "authority"}
    known = {f"FAND_TLS_{what}": str(pi / f"{name}.pem") for what, name in files.items()}
    with running(path) as server:

        def ask() -> "subprocess.CompletedProcess[str]":
            return shell(f"fanctl -a {server.host} -p {server.port} get-pwm shelf1", **known)

        accepted = shell(client)
        assert accepted.returncode == 0
        assert accepted.stdout.startswith("client pi1, until 20")
        assert "pi1 is not allowed to connect" in ask().stderr
        done = shell(reload.replace("/run/fand/fand.sock", str(socket)))
        assert (done.returncode, done.stdout, done.stderr) == (0, "ok\n", "")
        done = ask()
        assert (done.returncode, done.stdout, done.stderr) == (0, "35\n", "")
        done = shell(f"fanctl -a {server.host} -p {server.port} set-pwm-override shelf1 0", **known)
        assert done.stderr.endswith("SET_PWM_OVERRIDE needs the role control\n")
