"""`safedns stats`: show the counters of the running resolver, from its metrics page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from safedns.cli.common import add_config, add_json, print_json, print_table
from safedns.errors import SafeDNSError
from safedns.telemetry.page import fetch, parse

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable

    from safedns.config.units import Endpoint
    from safedns.telemetry.page import Sample

EXAMPLES = """\
  safedns stats
  safedns stats --web 127.0.0.1:8053 --json"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    add_config(parser)
    parser.add_argument(
        "--web", metavar="ADDR:PORT", help="where the pages are, in place of what the configuration says"
    )
    add_json(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Fetch and print; the result is the exit status."""
    samples = parse(fetch(_endpoint(arguments)))
    if arguments.json:
        print_json([sample._asdict() for sample in samples])
    else:
        print_table(rows(samples))
    return 0


def rows(samples: Iterable[Sample]) -> list[tuple[str, str, str]]:
    """A table for people: our own metrics, without those that are still zero."""
    table = [("metric", "of", "value")]
    for metric, labels, value in samples:
        if metric.startswith("safedns_") and value:
            named = " ".join(f"{label}={text}" for label, text in labels.items())
            table.append(
                (
                    metric.removeprefix("safedns_"),
                    named,
                    f"{value:,.0f}" if value >= 1000 or value % 1 == 0 else f"{value:.4g}",
                )
            )
    return table


def _endpoint(arguments: argparse.Namespace) -> Endpoint:
    from safedns.config.load import Overrides, read

    config = read(arguments.config, Overrides(web=(arguments.web,) if arguments.web else ()))
    if not config.web.listen:
        raise SafeDNSError("web.listen: expected an address where the pages are, found none; say where with --web")
    return config.web.listen[0]
