"""`safedns blocklist export`: what a compiled blocklist blocks, in the words of other resolvers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from safedns.cli.blocklist.shared import Progress, load
from safedns.cli.common import add_json, print_json

if TYPE_CHECKING:
    import argparse

SUMMARY = "write what a compiled blocklist blocks as another resolver reads it"

# Lines written between two looks at the clock.
_STEP = 10_000


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    from safedns.blocklist.export import FORMATS
    from safedns.blocklist.export.rpz import ZONE

    parser.epilog = "What a format can't express is counted and said on standard error."
    parser.add_argument("file", metavar="FILE", help="a compiled blocklist")
    parser.add_argument("--format", choices=FORMATS, required=True, help="of the file to write")
    parser.add_argument("--output", metavar="FILE", required=True, help="the file to write")
    parser.add_argument(
        "--category",
        metavar="ID",
        action="append",
        help="what to block, once for each (default: every category that can be blocked)",
    )
    parser.add_argument("--zone", metavar="NAME", default=ZONE, help=f"name of the response policy zone ({ZONE})")
    add_json(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Export; the result is the exit status."""
    from safedns.blocklist.contents import mask_of
    from safedns.blocklist.export import export
    from safedns.blocklist.plan import mask

    wanted = sum({mask_of(word) for word in arguments.category}) if arguments.category else mask(())
    with Progress() as progress:

        def report(lines: int) -> None:
            if lines % _STEP == 0:
                progress.show(f"writing {arguments.output}: {lines:,} lines")

        made = export(load(arguments.file), arguments.format, arguments.output, wanted, report, arguments.zone)
        for kind, count in made.left_out.items():
            progress.warn(f"{arguments.output}: left out, as {arguments.format} can't express it: {count:,} {kind}")
    if arguments.json:
        print_json(
            {"file": arguments.output, "rules": made.rules, "lines": made.lines, "left_out": dict(made.left_out)}
        )
    else:
        print(f"{arguments.output}: {made.rules:,} rules in {made.lines:,} lines")
    return 0
