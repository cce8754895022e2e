"""The log: one line per event on standard error, for people and for the system's own log.

Lines say what happened to the service. They never hold a name that was asked for or a client's address.
"""

import json
import logging
import re
import sys
import time

CONTROL_CHARACTERS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def setup(process: str, level: str, *, as_json: bool = False) -> None:
    """Send this process's log to standard error, each line marked with the process's name.

    Args:
        process: what the lines are marked with, such as `supervisor` or `resolver 1`.
        level: the least important level that is logged, one of the configuration's words.
        as_json: a line is an object for programs.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLine(process) if as_json else OneLine(process))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    # Standard error may be a pipe whose reader is gone: losing a log line is better than dying of it.
    logging.raiseExceptions = False


class OneLine(logging.Formatter):
    """Formats `2026-01-31T12:00:00Z warning supervisor: text`; what is no printable character is escaped."""

    def __init__(self, process: str) -> None:
        super().__init__()
        self._process = process

    def format(self, record: logging.LogRecord) -> str:
        """Format a record, its exception included, as one line."""
        text = record.getMessage()
        if record.exc_info:
            text = f"{text}\n{self.formatException(record.exc_info)}"
        when = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(record.created))
        return f"{when} {record.levelname.lower()} {self._process}: {CONTROL_CHARACTERS.sub(_escape, text)}"


class JsonLine(OneLine):
    """Formats `{"time": …, "level": …, "process": …, "logger": …, "text": …}`."""

    def format(self, record: logging.LogRecord) -> str:
        """Format a record, its exception included, as one object on one line."""
        text = record.getMessage()
        if record.exc_info:
            text = f"{text}\n{self.formatException(record.exc_info)}"
        when = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(record.created))
        level = record.levelname.lower()
        plain = {"time": when, "level": level, "process": self._process, "logger": record.name, "text": text}
        return json.dumps(plain, ensure_ascii=False)


def _escape(match: re.Match[str]) -> str:
    return match.group().encode("unicode_escape").decode("ascii")
