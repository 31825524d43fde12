"""How texts go out."""

TEXT_LIMIT = 240


def shorten(text: str, limit: int = TEXT_LIMIT) -> str:
    """``text``, cut at ``limit`` characters with an ellipsis in place of the rest."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


def line(text: str, limit: int = TEXT_LIMIT) -> str:
    """``text``, which anybody may have written, on one line of bounded length: nothing in it steers a terminal, makes
    a line of a log look like two, or has no form in bytes. However long ``text`` is, this is little work.
    """
    start = text[: 2 * limit]
    if not start.isprintable():
        start = "".join(char if char.isprintable() else " " for char in start)
    return shorten(start.strip(), limit)
