"""dnsdist: a suffix tree of names, a packet cache, and one backend. A balancer, not a resolver: the leanest peer."""

from benchmarks.server import Server, Site

CONFIGURATION = """
setLocal('$address:$port')
setSecurityPollSuffix('')
setMaxUDPOutstanding(65535)
newServer({address='$address:$upstream'})
getPool(''):setCache(newPacketCache(500000))
local blocked = newSuffixMatchNode()
for name in io.lines('$names') do
    blocked:add(newDNSName(name))
end
addAction(SuffixMatchNodeRule(blocked, true), RCodeAction(DNSRCode.NXDOMAIN))
"""


def command(site: Site) -> list[str]:
    """Configuration is Lua."""
    configuration = site.configure("dnsdist.conf", CONFIGURATION)
    return ["dnsdist", "--supervised", "--disable-syslog", "-C", str(configuration)]


SERVER = Server("dnsdist", "dnsdist", "dnsdist", command)
