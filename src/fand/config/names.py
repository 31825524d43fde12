"""Names of shelves, devices and fans: anything that a person can read and a frame can carry."""

LONGEST = 200
"""Bytes of UTF-8."""


def name_fault(name: str) -> str | None:
    """Say what keeps ``name`` from being a name; None if nothing does."""
    if not name.strip():
        return "a name must not be empty"
    if name != name.strip():
        return f"{name!r} begins or ends with a space"
    return text_fault(name)


def text_fault(text: str) -> str | None:
    """Say what keeps ``text`` from being shown on one line; None if nothing does."""
    if len(text.encode(errors="replace")) > LONGEST:
        return f"{text[:30] + '...'!r} is longer than {LONGEST} bytes"
    if text.isprintable():
        return None
    import unicodedata  # noqa: PLC0415 - only where there is something odd

    kinds = {unicodedata.category(character) for character in text}
    if not kinds.isdisjoint(("Cc", "Zl", "Zp")):
        return f"{text!r} contains a control character"
    if "Cs" in kinds:
        return f"{text!r} contains bytes that are no text"
    return None
