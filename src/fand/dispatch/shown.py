"""How texts go out."""

TEXT_LIMIT = 240


def shorten(text: str, limit: int = TEXT_LIMIT) -> str:
    """``text``, cut at ``limit`` characters with an ellipsis in place of the rest."""
    return text if len(text) <= limit else text[: limit - 1] + "…"
