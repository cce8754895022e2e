"""dnsmasq: `local=/name/` answers NXDOMAIN for the name and all below it."""

from benchmarks.server import Server, Site

CONFIGURATION = """
port=$port
listen-address=$address
bind-interfaces
user=$user
pid-file
no-resolv
no-hosts
server=$address#$upstream
cache-size=100000
dns-forward-max=10000
local-service
log-facility=$directory/dnsmasq.log
conf-file=$directory/block.conf
"""


def command(site: Site) -> list[str]:
    """The list goes into a file of its own."""
    with site.names.open() as names, (site.directory / "block.conf").open("w") as block:
        block.writelines(f"local=/{name.rstrip()}/\n" for name in names)
    return ["dnsmasq", "--keep-in-foreground", f"--conf-file={site.configure('dnsmasq.conf', CONFIGURATION)}"]


SERVER = Server("dnsmasq", "dnsmasq-base", "dnsmasq", command)
