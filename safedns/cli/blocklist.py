"""`safedns blocklist`: compile lists, look into compiled ones."""

from __future__ import annotations

import difflib
import sys
import time
from dataclasses import asdict
from typing import TYPE_CHECKING

from safedns.blocklist.categories import BY_ID, CATEGORIES
from safedns.cli.common import add_json, ascii_name, print_json, print_table, warn
from safedns.errors import BlocklistError, SafeDNSError

if TYPE_CHECKING:
    import argparse

    from safedns._native import Blocklist
    from safedns.blocklist.compile import Source, Summary

EXAMPLES = """\
  safedns blocklist compile --output blocklist.bin gambling=gambling.txt porn=adult.hosts.gz malware=malware.txt.xz
  safedns blocklist inspect blocklist.bin
  safedns blocklist lookup blocklist.bin casino.safedns.example"""

# Often enough to see that it moves.
_PROGRESS_INTERVAL = 0.1


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the commands and their arguments."""
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    compile_parser = commands.add_parser(
        "compile",
        help="compile lists into one file",
        description="Compile lists, plain or in hosts format, uncompressed, gzip or xz, into one file.",
        epilog="categories: " + ", ".join(category.id for category in CATEGORIES),
    )
    compile_parser.add_argument("--output", metavar="FILE", required=True, help="the compiled blocklist")
    compile_parser.add_argument("--serial", metavar="N", type=_serial, default=1, help="its version (default 1)")
    compile_parser.add_argument(
        "sources", metavar="CATEGORY=PATH", nargs="+", help="a list and the category of its names"
    )
    add_json(compile_parser)
    compile_parser.set_defaults(run=_compile)

    inspect_parser = commands.add_parser("inspect", help="say what a compiled blocklist holds")
    inspect_parser.add_argument("file", metavar="FILE", help="a compiled blocklist")
    add_json(inspect_parser)
    inspect_parser.set_defaults(run=_inspect)

    lookup_parser = commands.add_parser(
        "lookup",
        help="say which categories names are in",
        epilog="exit status: 0 a name is in a category that can be blocked, 1 none is, 2 it can't be said",
    )
    lookup_parser.add_argument("file", metavar="FILE", help="a compiled blocklist")
    lookup_parser.add_argument("names", metavar="NAME", nargs="+", help="a domain name")
    add_json(lookup_parser)
    lookup_parser.set_defaults(run=_lookup)


def _compile(arguments: argparse.Namespace) -> int:
    from safedns.blocklist.compile import Report, compile_lists

    sources = [_source(text) for text in arguments.sources]
    progress = _Progress()
    try:
        summary = compile_lists(sources, arguments.output, Report(progress.show, progress.warn), arguments.serial)
    finally:
        progress.clear()
    if arguments.json:
        print_json(asdict(summary) | {"file": arguments.output, "bytes_per_name": _per_name(summary)})
    else:
        _print_summary(arguments.output, summary)
    return 0


def _inspect(arguments: argparse.Namespace) -> int:
    from safedns.blocklist.compile import summarise

    blocklist = _load(arguments.file)
    summary = summarise(blocklist)
    if arguments.json:
        plain = asdict(summary) | {"version": blocklist.version, "file": arguments.file}
        plain.pop("bad")
        print_json(plain | {"bytes_per_name": _per_name(summary)})
    else:
        _print_summary(arguments.file, summary, blocklist.version)
    return 0


def _lookup(arguments: argparse.Namespace) -> int:
    blocklist = _load(arguments.file)
    results = [_find(blocklist, ascii_name(name)) for name in arguments.names]
    if arguments.json:
        print_json([{"name": name, "categories": ids, "entry": entry} for name, ids, entry in results])
    else:
        print_table(
            (name, ", ".join(ids) or "not listed", f"({entry})" if entry else "") for name, ids, entry in results
        )
    return 0 if any(BY_ID[word].blockable for _, ids, _ in results for word in ids) else 1


def _find(blocklist: Blocklist, name: str) -> tuple[str, list[str], str | None]:
    try:
        mask, entry = blocklist.lookup(name)
    except ValueError as error:
        raise SafeDNSError(str(error)) from None
    return name, [category.id for category in CATEGORIES if mask >> category.number & 1], entry


def _load(path: str) -> Blocklist:
    from safedns import _native

    return _native.Blocklist.load(path)


def _source(text: str) -> Source:
    from safedns.blocklist.compile import Source

    word, equals, path = text.partition("=")
    if not equals or not path:
        raise BlocklistError(f"{text}: expected CATEGORY=PATH such as gambling=gambling.txt")
    if word not in BY_ID:
        close = difflib.get_close_matches(word, BY_ID, 1)
        hint = f"did you mean {close[0]!r}?" if close else "safedns blocklist compile --help lists them"
        raise BlocklistError(f"{text}: expected a category, found {word!r}; {hint}")
    return Source(BY_ID[word], path)


def _serial(text: str) -> int:
    value = int(text)
    if not 0 < value < 2**64:
        raise ValueError
    return value


def _per_name(summary: Summary) -> float:
    return round(summary.size / summary.names, 3) if summary.names else 0.0


def _print_summary(path: str, summary: Summary, version: int | None = None) -> None:
    rows = [
        ("file", path),
        *([("format", f"version {version}")] if version is not None else []),
        ("serial", str(summary.serial)),
        ("names", f"{summary.names:,}"),
        ("entries", f"{summary.entries:,} once names under an equally listed parent are gone"),
        ("size", f"{summary.size:,} bytes, {_per_name(summary):.2f} per name"),
        ("checksum", summary.checksum),
    ]
    if summary.bad:
        rows.append(("left out", f"{summary.bad:,} lines that hold no name"))
    print_table([*rows, *((f"  {word}", f"{count:,}") for word, count in summary.counts.items())])


class _Progress:
    """One line on a terminal that says how far we are; nothing elsewhere."""

    def __init__(self) -> None:
        self._terminal = sys.stderr.isatty()
        self._next = 0.0

    def show(self, path: str, count: int) -> None:
        """Show the names read of a file so far."""
        now = time.monotonic()
        if self._terminal and now >= self._next:
            self._next = now + _PROGRESS_INTERVAL
            print(f"\r\033[Kreading {path}: {count:,} names", end="", file=sys.stderr, flush=True)

    def warn(self, text: str) -> None:
        """Say something on a line of its own."""
        self.clear()
        warn(text)

    def clear(self) -> None:
        """Take the line away."""
        if self._terminal:
            print("\r\033[K", end="", file=sys.stderr, flush=True)
