import subprocess
import sys
from pathlib import Path

import pytest

from fand import __version__
from fand.__main__ import SERVICES, main


def test_help_names_every_service(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    shown = capsys.readouterr().out
    assert all(f"  {service} " in shown for service in SERVICES)


@pytest.mark.parametrize("option", ["-V", "--version"])
def test_version(option: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([option]) == 0
    assert capsys.readouterr().out == f"fand {__version__}\n"


@pytest.mark.parametrize(("words", "fault"), [([], "which service?"), (["servr"], "there is no service 'servr'")])
def test_no_service_is_an_error(words: list[str], fault: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.endswith(f"fand: {fault}\n")


def test_the_service_is_started_with_the_rest_of_the_words(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "fand", "server", "-c", str(tmp_path / "absent.toml")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "absent.toml" in done.stderr


def test_the_words_are_those_of_the_process() -> None:
    done = subprocess.run([sys.executable, "-m", "fand", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout == f"fand {__version__}\n"


def test_no_service_is_imported_before_it_is_chosen() -> None:
    code = "import sys; import fand.__main__; print([name for name in sys.modules if name.startswith('fand')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "['fand', 'fand.__main__']\n"


def test_an_interrupt_is_one_sentence(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(_name: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("fand.__main__.import_module", interrupted)
    assert main(["server"]) == 1
    assert capsys.readouterr().err == "fand server: interrupted\n"
