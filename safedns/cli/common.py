"""What several commands share: flags, names as people type them, and output."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

from safedns.errors import SafeDNSError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Sequence


def add_config(parser: argparse.ArgumentParser) -> None:
    """Add `--config`."""
    parser.add_argument("--config", metavar="FILE", help="configuration in YAML; without it the defaults hold")


def add_json(parser: argparse.ArgumentParser) -> None:
    """Add `--json`."""
    parser.add_argument("--json", action="store_true", help="print JSON for programs")


def print_json(value: object) -> None:
    """Print a value as one line of JSON."""
    print(json.dumps(value, ensure_ascii=False))


def print_table(rows: Iterable[Sequence[str]]) -> None:
    """Print rows with their columns aligned; the last column is free."""
    rows = list(rows)
    widths = [max(map(len, column)) for column in list(zip(*rows, strict=True))[:-1]]
    for row in rows:
        padded = [text.ljust(width) for text, width in zip(row, widths, strict=False)]
        print("  ".join([*padded, row[-1]]).rstrip())


def ascii_name(text: str) -> str:
    """A name in ASCII (A-label) form, whatever script it was typed in.

    Raises:
        SafeDNSError: it can't be a domain name.
    """
    if text.isascii():
        return text
    from safedns.blocklist.formats import idn

    try:
        return idn.ascii_name(text)
    except ValueError as error:
        raise SafeDNSError(f"{text!r}: expected a domain name, found: {error}") from None


def warn(text: str) -> None:
    """Say something on standard error."""
    print(f"safedns: {text}", file=sys.stderr)
