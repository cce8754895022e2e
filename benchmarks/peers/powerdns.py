"""PowerDNS Recursor with a response policy zone; its packet cache is on, as it is by default."""

from benchmarks.server import Server, Site

CONFIGURATION = """
local-address=$address
local-port=$port
threads=1
daemon=no
write-pid=no
socket-dir=$directory
disable-syslog=yes
quiet=yes
loglevel=2
dnssec=off
dont-query=
forward-zones=.=$address:$upstream
lua-config-file=$directory/recursor.lua
max-cache-entries=1000000
max-packetcache-entries=500000
max-mthreads=4096
security-poll-suffix=
webserver=no
"""

LUA = "rpzFile('$rpz', {policyName='block'})\n"


def command(site: Site) -> list[str]:
    """One thread; the policy is Lua."""
    site.configure("recursor.lua", LUA)
    site.configure("recursor.conf", CONFIGURATION)
    return ["pdns_recursor", f"--config-dir={site.directory}"]


SERVER = Server("powerdns rpz", "pdns-recursor", "pdns_recursor", command)
