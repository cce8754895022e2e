"""Unbound with a `local-zone` for each name: NXDOMAIN for the name and all below it."""

from benchmarks.server import Server, Site

COMMON = """
server:
    interface: $address
    port: $port
    num-threads: 1
    username: ""
    chroot: ""
    directory: "$directory"
    pidfile: ""
    use-syslog: no
    verbosity: 0
    do-not-query-localhost: no
    msg-cache-size: 32m
    rrset-cache-size: 64m
    outgoing-range: 4096
    num-queries-per-thread: 2048
    minimal-responses: yes
remote-control:
    control-enable: no
forward-zone:
    name: "."
    forward-addr: $address@$upstream
"""

CONFIGURATION = (
    COMMON
    + """
server:
    module-config: "iterator"
    include: "$directory/block.conf"
"""
)


def command(site: Site) -> list[str]:
    """The list goes into a file of its own."""
    with site.names.open() as names, (site.directory / "block.conf").open("w") as block:
        block.writelines(f'local-zone: "{name.rstrip()}" always_nxdomain\n' for name in names)
    return ["unbound", "-d", "-p", "-c", str(site.configure("unbound.conf", CONFIGURATION))]


SERVER = Server("unbound local-zone", "unbound", "unbound", command)
