"""`safedns blocklist explain`: where a name's categories come from, and what it takes to take them away."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from safedns.cli.common import add_json, ascii_name, print_json, print_table

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

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
    from safedns.blocklist.formats.idn import both_forms

    print(f"{both_forms(found.name)}: {', '.join(found.categories) or 'in no category'} (serial {found.serial})")
    print_table(_row(origin) for origin in found.origins)
    print(found.advice)


def _row(origin: Origin) -> tuple[str, ...]:
    from safedns.blocklist.compile import categories_text
    from safedns.blocklist.formats.idn import both_forms

    does = "takes out of" if origin.allow else "puts into"
    return (
        f"  {both_forms(origin.entry)}",
        origin.source,
        f"{does} {categories_text(origin.categories)}{_SCOPES[origin.scope]}",
        f"since serial {origin.since}",
        "; ".join(_remarks(origin)),
    )


def _remarks(origin: Origin) -> Iterator[str]:
    """Where it stands, and what became of it."""
    yield f"{origin.where}: {origin.reason}" if origin.reason else origin.where
    if not origin.applies:
        yield "says nothing of this name"
    if origin.overruled:
        within = f" for {', '.join(origin.overruled)}" if len(origin.categories) > 1 else ""
        yield f"overruled{within} by {origin.by}"
