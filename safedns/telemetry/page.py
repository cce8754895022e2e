"""Reading the metrics page of the running resolver."""

from __future__ import annotations

import http.client
import re
from typing import TYPE_CHECKING, NamedTuple

from safedns.errors import SafeDNSError

if TYPE_CHECKING:
    from safedns.config.units import Endpoint

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
