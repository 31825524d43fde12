"""Making fans safe when the fan client is no more: killed, crashed, or ended by the watchdog (rule C2).

systemd runs it as ``ExecStopPost=``. A fan that is on record as driven, by a client that can no longer drive it, gets
the failsafe duty at least: one that does more goes on so, for its drives may need it. So do all fans of the
configuration when the service did not end well, or nobody says how it ended. Fans that were given back are left
alone, and so are those whose fan client runs. What is kept of how the hardware was found stays for the next start.
"""

import os
import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Final

from fand.config.values import ClientConfig, FanConfig
from fand.exceptions import DriverError, FandError
from fand.fanclient.crew import Crew
from fand.fanclient.hardware import open_fan, said
from fand.fanclient.held import on_record
from fand.ports import Fan
from fand.stored import state_folder
from fand.units import Percent, Seconds

FAILSAFE: Final = "drive nothing: make the fans safe that no fan client drives any more (for ExecStopPost=)"
"""What the commands say of their option."""

PATIENCE: Final = Seconds(10.0)
"""So long all fans together, each by a thread of its own, may take."""


def failsafe(
    program: str,
    config: Callable[[], ClientConfig],
    environ: Mapping[str, str] = os.environ,
    patience: Seconds = PATIENCE,
) -> int:
    """Set the failsafe duty on every fan that is not known to have been given back, and read it back.

    What was done, and what could not be, is told on stderr, a sentence each. Returns the exit status of ``program``:
    0 if every such fan is safe.
    """
    client, folder, told = _known(config, environ)
    fans, left, faults = _not_given_back(client, folder, environ)
    told += left
    jobs = {place: partial(_make_safe, fan, duty, folder) for place, (fan, duty) in enumerate(fans)}
    done = Crew(patience)(jobs)
    for place, (fan, _) in enumerate(fans):
        safe, text = done.get(place, (False, "left as it is: its driver hangs"))
        (told if safe else faults).append(f"fan {fan.name}: {text}")
    sys.stderr.writelines(f"{program}: {line}\n" for line in (*told, *faults))
    return 1 if faults else 0


def _known(
    config: Callable[[], ClientConfig], environ: Mapping[str, str]
) -> tuple[ClientConfig | None, Path, list[str]]:
    """The configuration if it can be read, where the records are, and what is wrong with the two."""
    told: list[str] = []
    client, folder = None, Path(os.devnull)
    try:
        client = config()
    except FandError as error:
        told += str(error).splitlines()
    except Exception as error:  # noqa: BLE001 - whatever is wrong with us there, the fans come first
        told.append(f"the configuration cannot be read: {type(error).__name__}: {error}")
    try:
        folder = (client and client.state) or state_folder("client", environ)
    except FandError as error:
        told += str(error).splitlines()
    return client, folder, told


def _not_given_back(
    client: ClientConfig | None, folder: Path, environ: Mapping[str, str]
) -> tuple[list[tuple[FanConfig, Percent]], list[str], list[str]]:
    """The fans to be made safe, each with its duty; which ones are left to a fan client that runs; and why others
    cannot be made safe.
    """
    fans: list[tuple[FanConfig, Percent]] = []
    left: list[str] = []
    faults: list[str] = []
    known: list[tuple[str, object]] = []
    result = environ.get("SERVICE_RESULT")
    own = [] if client is None else [(fan.kind, fan.settings) for fan in client.fans]
    names = [] if client is None else [fan.name for fan in client.fans]
    for record, held in on_record(folder):
        if client is not None and held.shelf != client.shelf:
            continue  # another fan client's
        try:
            fan = held.config()
        except DriverError as error:
            faults.append(f"fan {held.name}: {error}")
            continue
        hardware = (fan.kind, fan.settings)
        if result == "success" and hardware in own and fan.name not in names:
            record.forget()  # from before it was renamed: it has been given back under its new name
            continue
        known.append(hardware)
        # A service manager asks for its own fans when its process is gone, or hangs for good.
        if record.driven and (result is None or hardware not in own):
            left.append(f"fan {held.name}: left to the fan client that runs; end that first if it hangs")
        else:
            fans.append((fan, Percent(held.failsafe)))
    if client is None:
        if not (fans or left or faults):
            faults.append("no fan is on record as driven, and no other is known: none was touched")
    elif result != "success":
        fans += [(fan, client.failsafe) for fan in client.fans if (fan.kind, fan.settings) not in known]
    return fans, left, faults


def _make_safe(config: FanConfig, duty: Percent, folder: Path) -> tuple[bool, str]:
    """Have a fan do ``duty``, or what it does already if that is more: the drives may need it. If that does not hold,
    its hardware's full speed. Returns whether either worked, and what was done.

    It is taken over as a fan client would take it, but not given back.
    """
    fan: Fan | None = None
    try:
        opened = open_fan(config, folder)
        before = _done(opened)
        fan = opened.__enter__()
        duty = max(duty, before)
        fan.drive(duty)
        read = fan.duty()
    except Exception as error:  # noqa: BLE001 - a driver of others may raise anything: it is told
        return _handed_over(fan, said(error))
    if read < duty - fan.resolution:
        return _handed_over(fan, f"does {read:.3g} % after {duty:.3g} % was written")
    if duty == before:
        return True, f"left at {duty:.3g} %, which is no less than the failsafe duty"
    return True, f"set to the failsafe duty of {duty:g} %"


def _done(fan: Fan) -> Percent:
    """What ``fan``, which has not been taken over, does; 0 if it cannot tell."""
    try:
        return fan.duty()
    except Exception:  # noqa: BLE001 - a driver of others may raise anything: it is about to be asked for more
        return Percent(0.0)


def _handed_over(fan: Fan | None, why: str) -> tuple[bool, str]:
    if fan is None:
        return False, why
    try:
        fan.hand_over()
    except Exception as error:  # noqa: BLE001 - as above
        return False, f"{why}; and it cannot be brought to full speed in any way: {said(error)}"
    return True, f"left to the full speed of its hardware: {why}"
