import json
import logging
import sys

import pytest

from safedns.telemetry.log import OneLine, setup


def record(text, *arguments, error=None):
    return logging.LogRecord("safedns", logging.WARNING, "file.py", 1, text, arguments, error)


def test_a_line_says_when_how_important_and_who():
    event = record("%d names", 3)
    event.created = 1790000000.9
    assert OneLine("resolver 1").format(event) == "2026-09-21T14:13:20Z warning resolver 1: 3 names"


@pytest.mark.parametrize("text", ["a\nb", "a\r\nb", "a\x1b[31mb", "a\x00b", "a\x85b", "a\u2028b", "a\x7fb"])
def test_no_text_makes_another_line_or_moves_the_cursor(text):
    line = OneLine("web").format(record("%s", text))
    assert line.isprintable()
    assert len(line.splitlines()) == 1
    assert "\\" in line


def test_vietnamese_is_text():
    assert OneLine("web").format(record("Bị chặn")).endswith("web: Bị chặn")


def test_an_error_is_one_line_with_its_place():
    try:
        {}["absent"]
    except KeyError:
        line = OneLine("web").format(record("failed", error=sys.exc_info()))
    assert "KeyError" in line
    assert "test_log.py" in line
    assert len(line.splitlines()) == 1


@pytest.fixture
def root():
    root = logging.getLogger()
    handlers, level, raising = root.handlers[:], root.level, logging.raiseExceptions
    yield root
    root.handlers[:], root.level, logging.raiseExceptions = handlers, level, raising


def test_levels_below_the_one_set_are_not_logged(root, capsys):
    setup("supervisor", "warning")
    logging.getLogger("safedns.any").info("quiet")
    logging.getLogger("safedns.any").warning("loud")
    assert "quiet" not in capsys.readouterr().err


def test_setting_up_again_does_not_log_twice(root, capsys):
    setup("supervisor", "info")
    setup("resolver 1", "info")
    logging.getLogger("safedns.any").info("once")
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert lines[0].endswith("info resolver 1: once")


def test_lines_for_programs_are_objects(capsys):
    setup("coordinator", "info", as_json=True)
    logging.getLogger("part").info("two\nlines %s", "ủ")
    try:
        int("no")
    except ValueError:
        logging.getLogger("part").exception("failed")
    first, second = (json.loads(line) for line in capsys.readouterr().err.splitlines())
    assert first == {"level": "info", "logger": "part", "process": "coordinator", "text": "two\nlines ủ"} | {
        "time": first["time"]
    }
    assert second["text"].startswith("failed\nTraceback")
