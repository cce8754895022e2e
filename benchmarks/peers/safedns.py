"""SafeDNS: one worker, the web process running; every category of the list is blocked by default.

The configuration only names the user to run as, who must be able to read the Python that the suite runs on; all else is
the default or a flag.
"""

from benchmarks.server import ADDRESS, SERVER_PORT, TLS_PORT, UPSTREAM_PORT, WEB_PORT, Server, Site

CONFIGURATION = "user: $user\n"


def command(site: Site) -> list[str]:
    """What differs from the defaults comes from flags."""
    return [
        *(str(site.safedns), "serve", "--config", str(site.configure("safedns.yaml", CONFIGURATION)), "--workers", "1"),
        *("--listen", f"{ADDRESS}:{SERVER_PORT}", "--upstream", f"{ADDRESS}:{UPSTREAM_PORT}"),
        *("--web", f"{ADDRESS}:{WEB_PORT}", "--tls", f"{ADDRESS}:{TLS_PORT}", "--blocklist", str(site.compiled)),
    ]


SERVER = Server("safedns", None, "safedns", command)
