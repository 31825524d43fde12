"""What a fand.toml may say of a curve. By itself: who has no shelves need not import the law for it."""

from typing import TYPE_CHECKING, Annotated, Literal

from msgspec import Meta, Struct

from fand.control import CURVES

if TYPE_CHECKING:
    CurveKind = str
else:
    CurveKind = Literal[*CURVES]


class CurveTable(Struct, frozen=True, forbid_unknown_fields=True):
    """``[curves.NAME]``: how much cooling a temperature asks for."""

    points: Annotated[
        list[list[float]],
        Meta(
            description="Pairs of temperature (°C, between -20 and 125) and duty (percent), sorted by temperature. "
            "The duty never falls. A ``step`` curve begins at 0 °C or below."
        ),
    ]
    kind: Annotated[
        CurveKind,
        Meta(description="``linear`` draws lines between the points; ``step`` holds each duty up to the next point."),
    ] = "linear"
    critical: Annotated[
        float | None,
        Meta(description="At this temperature (°C, between -20 and 125) and above, the shelf runs at full speed."),
    ] = None
    hysteresis: Annotated[
        float,
        Meta(ge=0, le=20, description="How far (°C) a temperature must fall before the duty follows it down."),
    ] = 2.0
    combine: Annotated[
        Literal["max", "average"],
        Meta(description="Whether the hottest device of a family counts, or the mean of all."),
    ] = "max"
