"""What the suite needs on the machine, and what the machine is."""

import os
import platform
import shutil
import socket
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path

from benchmarks.process import CLIENT_CORE, SERVER_CORE
from benchmarks.server import ADDRESS, SERVER_PORT, UPSTREAM_PORT, Server

TOOLS = {"dnsperf": "dnsperf", "nsd": "nsd", "gcc": "gcc", "taskset": "util-linux"}
"""Programs of the suite itself and the Debian package of each."""

PACKAGES = ("dnsperf", "nsd", "dnsmasq-base", "unbound", "bind9", "knot-resolver", "pdns-recursor", "dnsdist")
"""What `make bench-packages` installs, and whose versions are recorded."""

BUSY_LOAD = 0.3
"""Load average above which somebody else is using the machine."""


def add_system_paths() -> None:
    """Name servers lie in sbin, which an ordinary user's PATH leaves out on Debian."""
    os.environ["PATH"] = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/local/sbin", "/usr/sbin", "/sbin"])


def missing(servers: Iterable[Server]) -> list[str]:
    """One line for each thing that isn't there, with how to get it."""
    lines = []
    needed = TOOLS | {server.program: server.package for server in servers if server.package}
    for program, package in needed.items():
        if shutil.which(program) is None:
            lines.append(f"{program} is missing: apt-get install {package}, or all at once: make bench-packages")
    cores = os.sched_getaffinity(0)
    if not {SERVER_CORE, CLIENT_CORE} <= cores:
        lines.append(f"cores {SERVER_CORE} and {CLIENT_CORE} are needed for server and client; usable: {sorted(cores)}")
    return lines


def taken_ports() -> list[str]:
    """One line for each port that somebody else uses: another run of the suite, most likely."""
    lines = []
    for port in (SERVER_PORT, UPSTREAM_PORT):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            try:
                probe.bind((ADDRESS, port))
            except OSError as error:
                lines.append(f"UDP port {port} of {ADDRESS} is needed: {error.strerror}; stop what uses it")
    return lines


def machine_facts(root: Path) -> dict[str, str]:
    """The machine, the software and the state of the project that the numbers belong to."""
    model = next(
        (line.partition(":")[2].strip() for line in _lines("/proc/cpuinfo") if "model name" in line), "unknown"
    )
    memory = next(int(line.split()[1]) for line in _lines("/proc/meminfo") if line.startswith("MemTotal:"))
    return {
        "cpu": model,
        "cores": str(os.cpu_count()),
        "memory": f"{memory / 1024**2:.1f} GiB",
        "kernel": platform.release(),
        "python": platform.python_version(),
        "load average before": f"{os.getloadavg()[0]:.2f}",
        "commit": commit(root),
        **{package: package_version(package) for package in PACKAGES},
    }


def commit(root: Path) -> str:
    """The commit that is measured, with `-dirty` when files differ from it."""
    found = _output(["git", "-C", str(root), "describe", "--always", "--dirty", "--abbrev=10", "--exclude=*"])
    return found or "unknown"


def package_version(package: str) -> str:
    """The installed version of a Debian package."""
    return _output(["dpkg-query", "--show", "--showformat=${Version}", package]) or "not a Debian package"


def _output(command: Sequence[str]) -> str:
    if shutil.which(command[0]) is None:
        return ""
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()


def _lines(path: str) -> list[str]:
    return Path(path).read_text().splitlines()
