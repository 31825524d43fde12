"""How numbers and texts go out."""

TEXT_LIMIT = 240


def rounded(value: float) -> int | float:
    """``value`` to the nearest tenth; an int when that is whole."""
    tenths = round(value, 1)
    return int(tenths) if tenths == int(tenths) else tenths


def shorten(text: str, limit: int = TEXT_LIMIT) -> str:
    """``text``, cut at ``limit`` characters with an ellipsis in place of the rest."""
    return text if len(text) <= limit else text[: limit - 1] + "…"
