import sys
from subprocess import run

import msgspec
import pytest

from fand.config.curves import CurveTable
from fand.control import CURVES


def test_every_kind_of_curve_of_the_law_can_be_said() -> None:
    for kind in CURVES:
        assert msgspec.convert({"kind": kind, "points": [[0, 25]]}, CurveTable).kind == kind
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"kind": "flat", "points": [[0, 25]]}, CurveTable)


def test_who_has_no_shelves_imports_no_law() -> None:
    code = "import sys, fand.config.client; sys.exit('fand.control' in sys.modules)"
    run([sys.executable, "-c", code], check=True)
