"""`safedns stats`: show the counters of the running resolver, from its metrics page."""

from __future__ import annotations

import http.client
import re
from typing import TYPE_CHECKING, NamedTuple

from safedns.cli.common import add_config, add_json, print_json, print_table
from safedns.errors import SafeDNSError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable

    from safedns.config.units import Endpoint

EXAMPLES = """\
  safedns stats
  safedns stats --web 127.0.0.1:8053 --json"""

# A page of metrics comes at once or not at all.
TIMEOUT = 5.0
MAX_PAGE = 2**22

_SAMPLE = re.compile(r"(?P<metric>[a-zA-Z_:][\w:]*)(?:\{(?P<labels>.*)\})? (?P<value>[-+]?[0-9][-+.0-9e]*)")
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


class Sample(NamedTuple):
    """One value of a metric."""

    metric: str
    labels: dict[str, str]
    value: float


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


def fetch(endpoint: Endpoint) -> str:
    """Get the metrics page.

    Raises:
        SafeDNSError: nothing, or something else, answers there.
    """
    connection = http.client.HTTPConnection(endpoint.address, endpoint.port, timeout=TIMEOUT)
    try:
        connection.request("GET", "/metrics", headers={"Accept": "text/plain"})
        response = connection.getresponse()
        if response.status != http.client.OK:
            raise SafeDNSError(f"http://{endpoint}/metrics: expected status 200, found {response.status}")
        return response.read(MAX_PAGE).decode("utf-8", "replace")
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise SafeDNSError(
            f"http://{endpoint}/metrics: expected a running resolver's metrics, found: {reason}; say where with --web"
        ) from None
    finally:
        connection.close()


def parse(page: str) -> list[Sample]:
    """Read the Prometheus text format; histogram buckets are left out, their sum and count stay."""
    samples = []
    for line in page.splitlines():
        match = _SAMPLE.match(line)
        if match and not match["metric"].endswith(("_bucket", "_created")):
            labels = dict(_LABEL.findall(match["labels"] or ""))
            samples.append(Sample(match["metric"], labels, float(match["value"])))
    return samples


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
