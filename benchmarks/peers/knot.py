"""Knot Resolver with a response policy zone; its cache lies in the server's directory."""

from benchmarks.server import Server, Site

CONFIGURATION = """
log_level('err')
net.listen('$address', $port, { kind = 'dns' })
net.ipv6 = false
trust_anchors.remove('.')
cache.open(200 * MB, 'lmdb://$directory/cache')
policy.add(policy.rpz(policy.DENY, '$rpz'))
policy.add(policy.all(policy.STUB({'$address@$upstream'})))
"""


def command(site: Site) -> list[str]:
    """An empty cache at every start."""
    for stale in (site.directory / "cache").glob("*.mdb"):
        stale.unlink()
    configuration = site.configure("kresd.conf", CONFIGURATION)
    return ["kresd", "--noninteractive", f"--config={configuration}", str(site.directory)]


SERVER = Server("knot rpz", "knot-resolver", "kresd", command)
