"""The command ``fand-clientrpi``: drives one fan from the pins of a Raspberry Pi, without a configuration file."""

import argparse
import os
import socket
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from fand.config.names import name_fault
from fand.config.values import ClientConfig, FanConfig, TachometerConfig
from fand.drivers import fan_kind, tachometer_kind
from fand.drivers.pwmchips import raspberry_output
from fand.exceptions import ShelfPwmBadValue
from fand.fanclient.failsafe import FAILSAFE, failsafe
from fand.fanclient.host import run
from fand.units import Percent, percent
from fand.util import help_formatter, parse_args


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``fand-clientrpi`` with the arguments ``argv`` (None: those of the process); returns the exit status."""
    options = parser()
    args = parse_args(options, argv, aside=True)
    try:
        config = configured(args, os.environ)
    except ValueError as error:  # settings that a driver refuses
        options.error(str(error))
    carry_out = failsafe if args.failsafe else run
    return carry_out(options.prog, lambda: config)


def parser() -> argparse.ArgumentParser:
    """The options of this command, without those that all have."""
    options = argparse.ArgumentParser(
        prog="fand-clientrpi",
        description="Drive a fan from the pins of a Raspberry Pi as the server of its shelf asks, "
        "and safely without it. Pins are given by their Broadcom number.",
        formatter_class=help_formatter,
    )
    options.add_argument("name", nargs="?", metavar="NAME", help="name of the shelf (default: this host's name)")
    options.add_argument(
        "-W", "--pwmpin", type=_pin, default=18, metavar="PIN", help="pin of the PWM wire (%(default)s)"
    )
    options.add_argument(
        "-r", "--rpmpin", type=_pin, default=17, metavar="PIN", help="pin of the tachometer wire (%(default)s)"
    )
    options.add_argument("--frequency", type=float, metavar="HZ", help="PWM frequency (25000)")
    options.add_argument("--inverted", action="store_true", help="a transistor inverts the PWM wire")
    options.add_argument("--pulses", type=int, default=2, metavar="N", help="tachometer pulses a turn (%(default)s)")
    options.add_argument(
        "--floor", type=_duty, default=20, metavar="PERCENT", help="least duty; 0 lets the fan stop (%(default)s)"
    )
    options.add_argument(
        "--pwm-chip", metavar="DEVICE", help="drive by this PWM chip of the kernel, like 1f00098000.pwm, not by -W"
    )
    options.add_argument("--pwm-channel", type=_pin, default=0, metavar="N", help="its channel (%(default)s)")
    options.add_argument(
        "--rpm-chip",
        metavar="CHIP",
        help="measure by this GPIO chip of the kernel, like pinctrl-rp1, not by gpiozero",
    )
    options.add_argument("--failsafe", action="store_true", help=FAILSAFE)
    return options


def configured(args: argparse.Namespace, environ: Mapping[str, str], root: Path = Path("/")) -> ClientConfig:
    """What the options say.

    :raises ValueError: they cannot be meant, or a driver refuses what they say
    :raises DriverError: a driver cannot even be imported
    """
    shelf = socket.gethostname() if args.name is None else args.name
    if fault := name_fault(shelf):
        raise ValueError(f"NAME: {fault}")
    if args.pwm_chip is None and args.pwmpin == args.rpmpin:
        raise ValueError(
            f"pin {args.pwmpin} cannot be that of the PWM wire (-W) and that of the tachometer wire (-r)"
        )
    kind, settings = _output(args, environ, root)
    fan = FanConfig(
        name=f"gpio{args.pwmpin}" if args.pwm_chip is None else f"{args.pwm_chip}-{args.pwm_channel}",
        kind=kind,
        settings=fan_kind(kind).Settings(**settings),
        tachometer=_tachometer(args),
        floor=args.floor,
        allow_stop=args.floor == 0,
    )
    server = ("localhost" if args.address is None else args.address, args.port)
    return ClientConfig(shelf, (server,), (fan,))


def _output(args: argparse.Namespace, environ: Mapping[str, str], root: Path) -> tuple[str, dict[str, Any]]:
    """The kind of fan driver and its settings: the kernel's PWM where the pin has it, else gpiozero.

    Who names a pin factory in the environment wants gpiozero.
    """
    common = {"inverted": args.inverted} | ({} if args.frequency is None else {"frequency": args.frequency})
    if args.pwm_chip is not None:
        return "pwm", {"pwm": args.pwm_chip, "channel": args.pwm_channel, **common}
    output = None if environ.get("GPIOZERO_PIN_FACTORY") else raspberry_output(args.pwmpin, root)
    if output is not None:
        return "pwm", {"pwm": output[0], "channel": output[1], **common}
    return "gpio", {"gpio": args.pwmpin, **common}


def _tachometer(args: argparse.Namespace) -> TachometerConfig:
    if args.rpm_chip is not None:
        kind, settings = "gpiod", {"gpiod": args.rpm_chip, "line": args.rpmpin, "pulses": args.pulses}
    else:
        kind, settings = "gpio", {"gpio": args.rpmpin, "pulses": args.pulses}
    return TachometerConfig(kind, tachometer_kind(kind).Settings(**settings))


def _pin(text: str) -> int:
    if not text.isdecimal() or len(text) > 5:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 0 up")
    return int(text)


def _duty(text: str) -> Percent:
    try:
        return percent(float(text))
    except ShelfPwmBadValue as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 0 to 100") from None
