"""Logs of an entry point: one JSON object a line, to what is standard error when it is written."""

import io
import json
import sys

import pytest
import structlog

from api.logs import set_up_logs

_log = structlog.get_logger()


def test_a_line_is_one_json_object_with_level_and_time(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logs("info")
    _log.debug("too small")
    _log.info("摄像机上线", camera="stair-1")
    (line,) = capsys.readouterr().err.splitlines()
    told = json.loads(line)
    assert (told["event"], told["camera"], told["level"]) == ("摄像机上线", "stair-1", "info")
    assert told["timestamp"].endswith("Z")
    assert "摄像机上线" in line


def test_a_logger_that_has_written_goes_on_when_standard_error_is_another(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first, second = io.StringIO(), io.StringIO()
    monkeypatch.setattr(sys, "stderr", first)
    set_up_logs("info")
    _log.info("one")
    monkeypatch.setattr(sys, "stderr", second)
    first.close()
    _log.info("two")
    assert json.loads(second.getvalue())["event"] == "two"
