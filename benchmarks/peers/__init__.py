"""One file per server: its configuration and how it is started."""

from benchmarks.peers import (
    bind,
    dnsdist,
    dnsmasq,
    floor,
    knot,
    powerdns,
    safedns,
    unbound_local,
    unbound_rpz,
)

SAFEDNS = safedns.SERVER
FLOOR = floor.SERVER
PEERS = (
    dnsmasq.SERVER,
    unbound_local.SERVER,
    unbound_rpz.SERVER,
    bind.SERVER,
    knot.SERVER,
    powerdns.SERVER,
    dnsdist.SERVER,
)
SERVERS = (FLOOR, SAFEDNS, *PEERS)

__all__ = ["FLOOR", "PEERS", "SAFEDNS", "SERVERS"]
