"""SafeDNS: one worker, the web process running, every category of the list blocked by the default configuration."""

from benchmarks.server import ADDRESS, SERVER_PORT, UPSTREAM_PORT, WEB_PORT, Server, Site


def command(site: Site) -> list[str]:
    """Everything comes from flags."""
    return [
        *(str(site.safedns), "serve", "--workers", "1"),
        *("--listen", f"{ADDRESS}:{SERVER_PORT}", "--web", f"{ADDRESS}:{WEB_PORT}"),
        *("--upstream", f"{ADDRESS}:{UPSTREAM_PORT}", "--blocklist", str(site.compiled)),
    ]


SERVER = Server("safedns", None, "safedns", command)
