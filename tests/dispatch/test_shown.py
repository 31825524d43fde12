from fand.dispatch.shown import shorten


def test_a_long_text_is_cut() -> None:
    assert shorten("x" * 240) == "x" * 240
    assert shorten("x" * 241) == "x" * 239 + "…"
