"""A service of fand whose drivers find the kernel's files below another folder, as the tests give them one.

``python rooted.py FOLDER KINDS server|client ARGUMENTS``, KINDS such as ``sensors.hwmon,fans.hwmon``: the drivers
that this goes for. All else is the service as it is.
"""

import sys
from functools import partial
from importlib import import_module
from pathlib import Path

FUNCTIONS = {"sensors": "open_sensor", "fans": "open_fan", "tachometers": "open_tachometer"}

folder, kinds, service = sys.argv[1:4]
for kind in kinds.split(","):
    module = import_module(f"fand.drivers.{kind}")
    name = FUNCTIONS[kind.partition(".")[0]]
    setattr(module, name, partial(getattr(module, name), root=Path(folder)))
main = import_module("fand.server" if service == "server" else "fand.fanhost").main
sys.exit(main(sys.argv[4:]))
