"""`safedns blocklist explain`: where a name's categories come from, and what it takes to take them away."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from safedns.cli.common import add_json, ascii_name, print_json, print_table

if TYPE_CHECKING:
    import argparse

    from safedns.blocklist.origin import Explanation, Origin

SUMMARY = "say which list and line put a name into a blocklist, and since when"

_SCOPES: Final = {"suffix": "", "exact": " (the name only)", "below": " (only what is below it)"}


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.epilog = "exit status: 0 the name is in a category that can be blocked, 1 it is in none, 2 it can't be said"
    parser.add_argument("file", metavar="FILE", help="a compiled blocklist, with FILE.origins beside it")
    parser.add_argument("name", metavar="NAME", help="a domain name")
    add_json(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Explain; the result is the exit status."""
    from safedns.blocklist.origin import explain

    found = explain(arguments.file, ascii_name(arguments.name))
    if arguments.json:
        print_json(found.plain())
    else:
        _print(found)
    return 0 if found.blockable else 1


def _print(found: Explanation) -> None:
    readable = f" ({found.unicode})" if found.unicode != found.name else ""
    print(f"{found.name}{readable}: {', '.join(found.categories) or 'in no category'} (serial {found.serial})")
    print_table(_row(origin) for origin in found.origins)
    for sentence in (found.decision, found.advice):
        if sentence:
            print(sentence)


def _row(origin: Origin) -> tuple[str, ...]:
    from safedns.blocklist.compile import categories_text

    does = "takes out of" if origin.allow else "puts into"
    place = f"{origin.path}:{origin.line}" if origin.path else f"{origin.where}: {origin.reason}"
    return (
        f"  {origin.entry}",
        origin.source,
        f"{does} {categories_text(origin.categories)}{_SCOPES[origin.scope]}",
        f"since serial {origin.since}",
        place,
    )
