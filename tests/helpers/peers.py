"""Other people's DNS servers, started on this machine with a zone of ours: `zone.example`."""

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.helpers.client import over_udp
from tests.helpers.messages import make_query
from tests.helpers.service import free_port

ORIGIN = "zone.example"
LONG_TEXT = 30
"""Strings of 100 octets in the TXT record `long`: too much for any datagram that we take or send."""

ZONE = f"""\
$ORIGIN {ORIGIN}.
$TTL 300
@ IN SOA ns hostmaster 1 3600 600 86400 60
@ IN NS ns
ns IN A 192.0.2.53
www IN A 192.0.2.1
www IN AAAA 2001:db8::1
MiXeD IN A 192.0.2.2
@ IN MX 10 mail
mail IN A 192.0.2.3
_sip._udp IN SRV 1 2 5060 www
naptr IN NAPTR 100 10 "u" "E2U+sip" "!^.*$!sip:a@zone.example!" .
caa IN CAA 0 issue "ca.example"
short IN TXT "one" "two"
middle IN TXT {" ".join(['"' + "m" * 99 + '"'] * 9)}
long IN TXT {" ".join(['"' + "x" * 99 + '"'] * LONG_TEXT)}
odd IN TYPE65280 \\# 4 00c0ffee
a1 IN CNAME a2
a2 IN CNAME a3
a3 IN CNAME www
innocent IN CNAME tables.casino.example.
dangling IN CNAME nowhere
*.wild IN A 192.0.2.4
https IN HTTPS 1 . alpn=h2 ipv4hint=192.0.2.1
many IN A 192.0.2.1
""" + "".join(f"many IN A 198.51.100.{number}\n" for number in range(1, 60))

CASINO = """\
$ORIGIN casino.example.
$TTL 300
@ IN SOA ns hostmaster 1 3600 600 86400 60
@ IN NS ns
ns IN A 192.0.2.53
tables IN A 192.0.2.66
"""
"""The zone that `innocent` leads to."""

NAMES = ("nsd", "dnsmasq", "unbound")


def missing(program: str) -> bool:
    """Whether a program is not installed; daemons are often outside of a user's path."""
    return shutil.which(program, path="/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/sbin:/usr/local/bin") is None


@contextmanager
def start(name: str, folder: Path, upstream: int | None = None) -> Iterator[int]:
    """Run a server until the end of the block; gives its port. All but NSD ask `upstream`, a port, for the zone."""
    port = free_port()
    configuration = folder / f"{name}.conf"
    command, text = {"nsd": _nsd, "dnsmasq": _dnsmasq, "unbound": _unbound}[name](folder, configuration, port, upstream)
    configuration.write_text(text)
    with (folder / f"{name}.log").open("w") as log, subprocess.Popen(command, stdout=log, stderr=log) as process:
        try:
            _wait(process, port, folder / f"{name}.log")
            yield port
        finally:
            process.terminate()


def _wait(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    end = time.monotonic() + 10
    while time.monotonic() < end and process.poll() is None:
        try:
            if over_udp(port, make_query(f"www.{ORIGIN}"), timeout=0.2):
                with socket.create_connection(("127.0.0.1", port), 1):
                    return
        except ConnectionRefusedError:
            time.sleep(0.02)
    raise AssertionError(f"the server does not answer:\n{log.read_text()}")


def _nsd(folder: Path, configuration: Path, port: int, _: int | None) -> tuple[list[str], str]:
    (folder / "zone").write_text(ZONE)
    (folder / "casino").write_text(CASINO)
    text = f"""
server:
  ip-address: 127.0.0.1@{port}
  username: ""
  zonesdir: "{folder}"
  database: ""
  pidfile: "{folder}/nsd.pid"
  xfrdfile: "{folder}/xfrd.state"
  zonelistfile: "{folder}/zone.list"
  server-count: 1
  rrl-ratelimit: 0
remote-control:
  control-enable: no
zone:
  name: {ORIGIN}
  zonefile: "{folder}/zone"
zone:
  name: casino.example
  zonefile: "{folder}/casino"
"""
    return ["/usr/sbin/nsd", "-d", "-c", str(configuration)], text


def _dnsmasq(_: Path, configuration: Path, port: int, upstream: int | None) -> tuple[list[str], str]:
    text = f"""
port={port}
listen-address=127.0.0.1
bind-interfaces
no-resolv
no-hosts
no-ping
pid-file=
user=
cache-size=1000
server=127.0.0.1#{upstream}
"""
    return ["/usr/sbin/dnsmasq", "--keep-in-foreground", f"--conf-file={configuration}"], text


def _unbound(folder: Path, configuration: Path, port: int, upstream: int | None) -> tuple[list[str], str]:
    text = f"""
server:
  interface: 127.0.0.1@{port}
  username: ""
  chroot: ""
  directory: "{folder}"
  pidfile: ""
  use-syslog: no
  num-threads: 1
  do-not-query-localhost: no
  module-config: "iterator"
  minimal-responses: yes
  root-hints: ""
stub-zone:
  name: {ORIGIN}
  stub-addr: 127.0.0.1@{upstream}
stub-zone:
  name: casino.example
  stub-addr: 127.0.0.1@{upstream}
remote-control:
  control-enable: no
"""
    return ["/usr/sbin/unbound", "-d", "-p", "-c", str(configuration)], text
