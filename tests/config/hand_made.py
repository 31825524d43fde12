"""Kinds of drivers made by hand: only what the configuration looks at."""

from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any

import pytest
from msgspec import Meta, Struct

from fand.config import Config, toml
from fand.config.build import build
from fand.config.checked import Faults
from fand.exceptions import ConfigError
from fand.ports import Fan, FanKind, Sensor, SensorKind, Tachometer, TachometerKind
from fand.units import Seconds


class DriveSettings(Struct, frozen=True, forbid_unknown_fields=True):
    drive: Annotated[str, Meta(min_length=1)]


class CpuSettings(Struct, frozen=True, forbid_unknown_fields=True):
    cpu: str = "auto"


class FileSettings(Struct, frozen=True, forbid_unknown_fields=True):
    file: str
    scale: float = 1.0

    def __post_init__(self) -> None:
        if self.scale == 0:
            raise ValueError("scale 0 would make every temperature the same")


class ChipSensorSettings(Struct, frozen=True, forbid_unknown_fields=True):
    hwmon: str
    label: str | None = None


class ChipFanSettings(Struct, frozen=True, forbid_unknown_fields=True):
    hwmon: str
    pwm: Annotated[int, Meta(ge=1, le=16)]


class PwmSettings(Struct, frozen=True, forbid_unknown_fields=True):
    pwm: str
    channel: int = 0
    frequency: float | None = None
    inverted: bool = False


class CommandSettings(Struct, frozen=True, forbid_unknown_fields=True):
    command: tuple[str, ...]


class ChipTachometerSettings(Struct, frozen=True, forbid_unknown_fields=True):
    hwmon: str
    fan: Annotated[int, Meta(ge=1, le=16)]


class LineSettings(Struct, frozen=True, forbid_unknown_fields=True):
    gpiod: str
    line: int
    pulses: int = 2


@dataclass(frozen=True)
class HandMade:
    """A kind of all three sorts at once; the configuration opens nothing."""

    Settings: type
    INTERVAL: Seconds = Seconds(10.0)
    TIMEOUT: Seconds = Seconds(5.0)

    def title(self, settings: Any) -> str:
        return str(getattr(settings, settings.__struct_fields__[0]))

    def open_sensor(self, settings: Any) -> Sensor:
        raise NotImplementedError

    def open_fan(self, settings: Any, name: str, state: Path) -> Fan:
        raise NotImplementedError

    def open_tachometer(self, settings: Any) -> Tachometer:
        raise NotImplementedError


SENSORS = MappingProxyType(
    {
        "drive": HandMade(DriveSettings, INTERVAL=Seconds(30.0)),
        "cpu": HandMade(CpuSettings),
        "file": HandMade(FileSettings),
        "hwmon": HandMade(ChipSensorSettings),
    }
)
FANS = MappingProxyType(
    {"hwmon": HandMade(ChipFanSettings), "pwm": HandMade(PwmSettings), "command": HandMade(CommandSettings)}
)
TACHOMETERS = MappingProxyType({"hwmon": HandMade(ChipTachometerSettings), "gpiod": HandMade(LineSettings)})


@dataclass(frozen=True)
class HandMadeKinds:
    """A registry of the kinds above; those in ``broken`` are listed but cannot be had."""

    broken: dict[str, Exception] = field(default_factory=dict)

    def _get(self, kinds: "MappingProxyType[str, HandMade]", name: str) -> HandMade:
        if name in self.broken:
            raise self.broken[name]
        return kinds[name]

    def sensor_kinds(self) -> list[str]:
        return [*SENSORS, *self.broken]

    def sensor_kind(self, name: str) -> SensorKind:
        return self._get(SENSORS, name)

    def fan_kinds(self) -> list[str]:
        return [*FANS]

    def fan_kind(self, name: str) -> FanKind:
        return self._get(FANS, name)

    def tachometer_kinds(self) -> list[str]:
        return [*TACHOMETERS]

    def tachometer_kind(self, name: str) -> TachometerKind:
        return self._get(TACHOMETERS, name)


def read(text: str, kinds: HandMadeKinds | None = None) -> Config:
    """The configuration that a TOML text describes."""
    return build(toml.parse(text, "f"), Path("f"), kinds or HandMadeKinds(), Faults("f"))


def faults(text: str, kinds: HandMadeKinds | None = None) -> list[str]:
    """The faults of a TOML text that has some."""
    with pytest.raises(ConfigError) as caught:
        read(text, kinds)
    return list(caught.value.faults)
