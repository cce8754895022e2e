"""The upstream of every server: NSD, serving the root zone with a wildcard, so that every name exists."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from string import Template

from benchmarks.process import CLIENT_CORE, running, wait_until
from benchmarks.server import ADDRESS, UPSTREAM_PORT
from benchmarks.wire import RESOLVED_ADDRESS, Outcome, encode_query, judge

START_SECONDS = 10.0

CONFIGURATION = """
server:
    ip-address: $address@$port
    server-count: 1
    username: ""
    chroot: ""
    database: ""
    pidfile: ""
    xfrdfile: ""
    zonelistfile: "$directory/zone.list"
    zonesdir: "$directory"
    logfile: "$directory/nsd.log"
    minimal-responses: yes
    rrl-ratelimit: 0
remote-control:
    control-enable: no
zone:
    name: "."
    zonefile: "root.zone"
"""

ZONE = """$$ORIGIN .
$$TTL 86400
@ SOA ns. admin. 1 3600 600 86400 3600
@ NS ns.
ns. A 127.0.0.1
* A $resolved
"""


@contextmanager
def upstream(directory: Path) -> Iterator[None]:
    """Run the upstream on the client's core."""
    directory.mkdir(parents=True, exist_ok=True)
    values = {"address": ADDRESS, "port": UPSTREAM_PORT, "directory": directory}
    (directory / "nsd.conf").write_text(Template(CONFIGURATION).substitute(values))
    (directory / "root.zone").write_text(Template(ZONE).substitute(resolved=socket.inet_ntoa(RESOLVED_ADDRESS)))
    with running(["nsd", "-d", "-c", str(directory / "nsd.conf")], CLIENT_CORE, directory / "output.log"):
        wait_until(_answers, START_SECONDS, "an answer from the upstream (NSD)")
        yield


def _answers() -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(0.1)
        client.connect((ADDRESS, UPSTREAM_PORT))
        try:
            client.send(encode_query("example.com"))
            return judge(client.recv(4096)) is Outcome.RESOLVED
        except (ConnectionRefusedError, TimeoutError):
            return False
