import logging
import sys

import pytest

from fand.heard import Heard


def test_it_is_the_logger_of_that_name() -> None:
    heard = Heard("fand.some")
    assert heard.logger is logging.getLogger("fand.some")
    assert heard.logger is heard.logger


def test_nobody_hears_before_somebody_has_imported_logging(monkeypatch: pytest.MonkeyPatch) -> None:
    heard = Heard("fand.some")
    with monkeypatch.context() as patch:
        patch.delitem(sys.modules, "logging")
        assert heard.logger is None
        assert "logging" not in sys.modules
    assert heard.logger is logging.getLogger("fand.some")


def test_what_nobody_could_hear_is_not_said(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    heard = Heard("fand.some")
    with monkeypatch.context() as patch:
        patch.delitem(sys.modules, "logging")
        heard.info("not %s", "this")
    with caplog.at_level(logging.INFO, "fand.some"):
        heard.info("but %s", "that")
    assert [record.getMessage() for record in caplog.records] == ["but that"]
