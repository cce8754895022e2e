"""Resolvers of ISPs, started on this machine with a blocklist in a file of their own kind."""

import os
import pwd
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import dns.rcode

from tests.helpers.client import over_udp
from tests.helpers.messages import make_query, read
from tests.helpers.peers import missing
from tests.helpers.service import free_port

ZONE = "rpz.safedns.invalid"
BLOCKED = "ready.example"
"""A name that the blocklist must hold: when it is blocked, the list is loaded."""

_BIND = """
options {{
    directory "{folder}";
    listen-on port {port} {{ 127.0.0.1; }};
    listen-on-v6 {{ none; }};
    pid-file none;
    recursion yes;
    allow-query {{ any; }};
    forward only;
    forwarders {{ 127.0.0.1 port {upstream}; }};
    dnssec-validation no;
    response-policy {{ zone "{zone}"; }} qname-wait-recurse no;
}};
controls {{ }};
zone "{zone}" {{ type primary; file "{file}"; notify no; }};
"""

_UNBOUND = """
server:
    interface: 127.0.0.1
    port: {port}
    num-threads: 1
    username: ""
    chroot: ""
    directory: "{folder}"
    pidfile: ""
    use-syslog: no
    do-not-query-localhost: no
    module-config: "{modules}"
remote-control:
    control-enable: no
forward-zone:
    name: "."
    forward-addr: 127.0.0.1@{upstream}
{load}
"""

_KNOT = """
net.listen('127.0.0.1', {port}, {{ kind = 'dns' }})
net.ipv6 = false
trust_anchors.remove('.')
cache.open(20 * MB, 'lmdb://{folder}/cache')
-- What passes is done with: the rule that forwards would not be asked any more.
policy.PASS = policy.STUB({{'127.0.0.1@{upstream}'}})
policy.add(policy.rpz(policy.DENY, '{file}'))
policy.add(policy.all(policy.PASS))
"""

_POWERDNS = """
local-address=127.0.0.1
local-port={port}
threads=1
daemon=no
write-pid=no
socket-dir={folder}
disable-syslog=yes
quiet=yes
dnssec=off
dont-query=
forward-zones-recurse=.=127.0.0.1:{upstream}
lua-config-file={folder}/recursor.lua
security-poll-suffix=
webserver=no
"""

_DNSMASQ = """
port={port}
listen-address=127.0.0.1
bind-interfaces
user={user}
pid-file
no-resolv
no-hosts
server=127.0.0.1#{upstream}
log-facility={folder}/dnsmasq.log
conf-file={file}
"""

PROGRAMS = {
    "bind": ("named", "rpz"),
    "unbound with rpz": ("unbound", "rpz"),
    "unbound": ("unbound", "unbound"),
    "knot": ("kresd", "rpz"),
    "powerdns": ("pdns_recursor", "rpz"),
    "dnsmasq": ("dnsmasq", "dnsmasq"),
}
"""By name: the program, and the format of the blocklist that it reads."""


def _prepare(name: str, folder: Path, file: Path, port: int, upstream: int) -> list[str]:
    """Write the configuration; gives the command."""
    words = {
        "folder": folder,
        "file": file,
        "port": port,
        "upstream": upstream,
        "zone": ZONE,
        "user": pwd.getpwuid(os.getuid()).pw_name,
    }
    path = folder / f"{name.replace(' ', '-')}.conf"
    if name == "bind":
        path.write_text(_BIND.format(**words))
        return ["named", "-f", "-n", "1", "-c", str(path)]
    if name.startswith("unbound"):
        zone = f'rpz:\n    name: "{ZONE}"\n    zonefile: "{file}"\n'
        modules, load = ("iterator", f'include: "{file}"') if name == "unbound" else ("respip iterator", zone)
        path.write_text(_UNBOUND.format(**words, modules=modules, load=load))
        return ["unbound", "-d", "-p", "-c", str(path)]
    if name == "knot":
        path.write_text(_KNOT.format(**words))
        return ["kresd", "--noninteractive", f"--config={path}", str(folder)]
    if name == "powerdns":
        (folder / "recursor.lua").write_text(f"rpzFile('{file}', {{policyName='block'}})\n")
        (folder / "recursor.conf").write_text(_POWERDNS.format(**words))
        return ["pdns_recursor", f"--config-dir={folder}"]
    path.write_text(_DNSMASQ.format(**words))
    return ["dnsmasq", "--keep-in-foreground", f"--conf-file={path}"]


@contextmanager
def start(name: str, folder: Path, file: Path, upstream: int) -> Iterator[int]:
    """Run a resolver that asks `upstream`, a port, until the end of the block; gives its port."""
    program, _ = PROGRAMS[name]
    if missing(program):
        raise AssertionError(f"{program} is not installed; make test-packages does it")
    port = free_port()
    command = _prepare(name, folder, file, port, upstream)
    environment = os.environ | {"PATH": f"{os.environ['PATH']}:/usr/sbin"}
    log = folder / "log.txt"
    with log.open("w") as out, subprocess.Popen(command, stdout=out, stderr=out, env=environment) as process:
        try:
            _wait(process, port, log)
            yield port
        finally:
            process.terminate()


def _wait(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    """Until it blocks: some answer before they have read their list."""
    end = time.monotonic() + 20
    while time.monotonic() < end:
        assert process.poll() is None, log.read_text()
        with suppress(ConnectionRefusedError):
            answer = over_udp(port, make_query(BLOCKED), timeout=0.5)
            if answer and read(answer).rcode() == dns.rcode.NXDOMAIN:
                return
        time.sleep(0.05)
    raise AssertionError(f"it does not block {BLOCKED}:\n{log.read_text()}")
