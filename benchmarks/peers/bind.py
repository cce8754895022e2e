"""BIND with a response policy zone; blocked names are answered without asking the upstream first."""

from benchmarks.server import Server, Site

CONFIGURATION = """
options {
    directory "$directory";
    listen-on port $port { $address; };
    listen-on-v6 { none; };
    pid-file none;
    recursion yes;
    allow-query { any; };
    forward only;
    forwarders { $address port $upstream; };
    dnssec-validation no;
    minimal-responses yes;
    max-cache-size 256m;
    recursive-clients 10000;
    response-policy { zone "block.rpz"; } qname-wait-recurse no;
};
controls { };
logging { category default { null; }; };
zone "block.rpz" {
    type primary;
    file "$rpz";
    notify no;
};
"""


def command(site: Site) -> list[str]:
    """One thread."""
    return ["named", "-f", "-n", "1", "-c", str(site.configure("named.conf", CONFIGURATION))]


SERVER = Server("bind rpz", "bind9", "named", command)
