"""What was measured for one router, carried to millions: how many cores and how much of a line the centre needs."""

from dataclasses import dataclass

HOUR = 3600.0
SYNCED_PER_DAY = 24
"""Releases of a channel in a day; each is a pack and a delta for every router."""

ASSUMPTIONS = (
    "every router is connected for events, polls every 6 h (±20 %) and takes 24 releases a day; 1,200 changes a day "
    "are 24 deltas of about 50 changes: 600 bytes each, as 12 bytes a change",
    "static files come from nginx, with a new connection for each sync: the CPU of a request is the measured one",
    "TLS is not in it: a full handshake costs about 0.5 ms of a core more (2,000/s per core)",
    "a connection for events costs what it costs in this program; its process is one core's, so 10,000 to 50,000 each",
    "pushing to a connection costs the CPU of the whole emergency divided by its routers",
    "after an outage all routers reconnect and sync with full jitter: over 600 s at the longest, half of them in 300 s",
    "nothing is said of what lies between: lines, caches of ISPs, other machines",
)


@dataclass(frozen=True, slots=True)
class Costs:
    """Measured: CPU seconds of a request and of a push, bytes of a connection, of a pack and of a delta."""

    request_cpu: float
    push_cpu: float
    connection_bytes: float
    pack_bytes: float
    delta_bytes: float = 600.0


def rows(costs: Costs, routers: int) -> list[tuple[str, str]]:
    """What so many routers need."""
    polls = routers / (6 * HOUR)
    syncs = routers * SYNCED_PER_DAY / (24 * HOUR)
    steady = polls + 2 * syncs
    storm = routers / 300 * 2
    per_day = (SYNCED_PER_DAY + 4) * costs.pack_bytes + SYNCED_PER_DAY * costs.delta_bytes
    fan_out = routers * costs.push_cpu
    return [
        ("requests for files, steady", f"{steady:,.0f}/s, {steady * costs.request_cpu:.2f} cores"),
        ("bytes a router takes in a day", f"{per_day / 1000:.0f} kB"),
        ("line of the centre, mean", f"{routers * per_day * 8 / 86400 / 1e6:,.0f} Mbit/s"),
        ("memory for connections", f"{routers * costs.connection_bytes / 2**30:,.0f} GiB"),
        ("fan-out of a push", f"{fan_out:,.0f} core seconds: {fan_out / 5:,.0f} cores for 5 s"),
        ("after an outage, half in 300 s", f"{storm:,.0f} requests/s, {storm * costs.request_cpu:.1f} cores"),
    ]
