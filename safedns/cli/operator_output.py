"""Answers of the coordinator as `safedns operator` prints them: tables for people, JSON for programs."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any, Final

from safedns.cli.common import print_json, print_table

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Sequence

_MOST_LINES: Final = 10
_COLUMNS: Final = {
    "/lists": ("name", "kind", "category", "national", "revision", "title"),
    "/lists/{list}/entries": ("id", "name", "scope", "removed", "expires", "reason"),
    "/changes": ("id", "state", "list", "author", "names", "fast", "reason"),
    "/channels": ("name", "serial", "has_key", "national", "lists"),
    "/channels/{channel}/releases": ("serial", "state", "created", "names", "share", "author", "reason"),
    "/fleet": ("channel", "serial", "devices", "seen_lately", "unwell", "last_seen"),
    "/devices": ("id", "channel", "serial", "version", "healthy", "revoked", "seen"),
    "/enrolments": ("id", "channel", "used", "uses", "revoked", "expires", "author"),
    "/tenants": ("id", "national", "review", "title"),
    "/tokens": ("id", "person", "role", "revoked", "expires"),
    "/audit": ("number", "at", "tenant", "person", "action", "subject", "details"),
}
_MOMENTS: Final = ("created", "expires", "seen", "last_seen", "at")


def print_found(found: Any, arguments: argparse.Namespace) -> None:
    """An answer as a table: of its rows where a command has columns, else of its words."""
    if arguments.json:
        print_json(found)
        return
    columns = _COLUMNS.get(getattr(arguments, "path", ""))
    if columns is not None:
        rows = found["records"] if isinstance(found, dict) else found
        _print_rows(columns, rows)
    else:
        print_table((word, _cell(word, value)) for word, value in found.items())


def _print_rows(columns: Sequence[str], rows: Iterable[dict[str, Any]]) -> None:
    print_table([columns, *(tuple(_cell(word, row[word]) for word in columns) for row in rows)])


def _cell(word: str, value: Any) -> str:
    if value is None or value == "":
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if word in _MOMENTS:
        return time.strftime("%Y-%m-%d %H:%M", time.gmtime(value)) if value else "never"
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "-"
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict) else str(value)


def printed(found: Any, arguments: argparse.Namespace, text: str) -> int:
    """An answer for programs, or a sentence about it for people; the result is the exit status."""
    if arguments.json:
        print_json(found)
    else:
        print(text)
    return 0


def print_some(lines: Iterable[str]) -> None:
    """A line for each, for the first of them."""
    all_lines = list(lines)
    for line in all_lines[:_MOST_LINES]:
        print(line)
    if len(all_lines) > _MOST_LINES:
        print(f"  and {len(all_lines) - _MOST_LINES:,} more; --json has all")
