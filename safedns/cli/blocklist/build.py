"""`safedns blocklist build`: everything a build configuration names, to one guarded file."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from safedns.cli.blocklist.guard import print_verdict
from safedns.cli.blocklist.shared import Progress, per_name, print_contents, serial
from safedns.cli.common import add_json, print_json, print_table

if TYPE_CHECKING:
    import argparse

    from safedns.blocklist.compile import InputSummary, Summary

SUMMARY = "build the blocklist of a build configuration, if the guard lets it pass"

# What a person reads of the pairs of lists; --json has all of them.
_OVERLAPS = 5


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.epilog = "exit status: 0 built, 1 the guard refused and nothing was changed, 2 it can't be built"
    parser.add_argument("--config", metavar="FILE", required=True, help="the build configuration, in YAML")
    parser.add_argument("--output", metavar="FILE", required=True, help="the compiled blocklist")
    parser.add_argument("--serial", metavar="N", type=serial, help="its version (default: one more than the last)")
    parser.add_argument("--bulk", action="store_true", help="let it grow or shrink beyond the limits, this once")
    add_json(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Build; the result is the exit status."""
    from safedns.blocklist.build import RefusedError, build
    from safedns.blocklist.compile import Report
    from safedns.blocklist.plan import load_plan

    plan = load_plan(arguments.config)
    try:
        with Progress() as progress:
            report = Report(progress.reading, progress.warn)
            summary, verdict = build(plan, arguments.output, report, serial=arguments.serial, bulk=arguments.bulk)
    except RefusedError as refused:
        print_verdict(refused.verdict, json=arguments.json)
        return 1
    if arguments.json:
        print_json(
            asdict(summary) | {"file": arguments.output, "bytes_per_name": per_name(summary), "guard": verdict.plain()}
        )
        return 0
    print_contents(arguments.output, summary)
    _print_inputs(summary)
    print_verdict(verdict, json=False)
    return 0


def _print_inputs(summary: Summary) -> None:
    print()
    print_table(
        [
            ("list", "category", "names", "only here", "covered", "bad", "left out"),
            *map(_row, summary.inputs),
        ]
    )
    for first, second, both in summary.overlaps[:_OVERLAPS]:
        print(f"names that both {first} and {second} give: {both:,}")
    print()


def _row(each: InputSummary) -> tuple[str, ...]:
    from safedns.blocklist.compile import categories_text

    numbers = (each.names, each.unique, each.covered, each.bad)
    skipped = ", ".join(f"{count:,} {reason}" for reason, count in sorted(each.skipped.items()))
    return (each.id, categories_text(each.categories), *(f"{number:,}" for number in numbers), skipped)
