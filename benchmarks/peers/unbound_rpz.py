"""Unbound with a response policy zone."""

from benchmarks.peers.unbound_local import COMMON
from benchmarks.server import Server, Site

CONFIGURATION = (
    COMMON
    + """
server:
    module-config: "respip iterator"
rpz:
    name: "block.rpz"
    zonefile: "$rpz"
"""
)


def command(site: Site) -> list[str]:
    """The zone is shared by all servers that read one."""
    return ["unbound", "-d", "-p", "-c", str(site.configure("unbound.conf", CONFIGURATION))]


SERVER = Server("unbound rpz", "unbound", "unbound", command)
