"""The listening sockets. The supervisor opens and keeps them; children inherit them.

What the kernel has queued in a socket therefore outlives a worker that dies. UDP has one socket per worker and address
(`SO_REUSEPORT`: the kernel spreads clients over them and a worker never waits for another); when workers become fewer,
those left read the other sockets too, so none is closed with queries in it. TCP has one socket per address that all
workers accept from, so connections that wait for a worker wait for any.
"""

import errno
import os
import socket
from collections.abc import Iterable, Sequence
from pathlib import Path

from safedns.config.units import Endpoint
from safedns.errors import ServeError

UDP_BUFFER = 4 * 2**20
"""Bytes of queries (with the kernel's overhead) that may wait in a UDP socket while its worker is replaced."""

BACKLOG = 1024
"""Connections that may wait to be accepted on a TCP socket; the kernel's own limit applies too."""

TCP_LISTEN = "0A"
"""State of a listening socket in /proc/net/tcp."""


class Sockets:
    """All listening sockets, by what they are for and their address."""

    def __init__(self) -> None:
        self._udp: dict[Endpoint, list[socket.socket]] = {}
        self._tcp: dict[Endpoint, socket.socket] = {}

    def open(self, dns: Sequence[Endpoint], workers: int, streams: Sequence[Endpoint]) -> None:
        """Open what is missing to serve DNS (UDP and TCP) with so many workers, and streams (TCP).

        Raises:
            ServeError: an address can't be used; none has been opened.
        """
        udp, tcp = dict.fromkeys(dns), dict.fromkeys([*dns, *streams])
        opened: list[socket.socket] = []
        new_tcp, new_udp = {}, {}
        try:
            for address in [address for address in tcp if address not in self._tcp]:
                new_tcp[address] = open_tcp(address)
                opened.append(new_tcp[address])
            for address in udp:
                group = self._udp.get(address, [])
                if not group:
                    check_udp_is_free(address)
                new_udp[address] = [open_udp(address) for _ in range(len(group), workers)]
                opened += new_udp[address]
        except ServeError:
            for end in opened:
                end.close()
            raise
        self._tcp |= new_tcp
        for address, ends in new_udp.items():
            self._udp.setdefault(address, []).extend(ends)

    def udp(self, addresses: Iterable[Endpoint], worker: int, workers: int) -> list[socket.socket]:
        """The UDP sockets that a worker (of so many) reads: of each address, its share."""
        return [end for address in addresses for end in self._udp[address][worker::workers]]

    def tcp(self, addresses: Iterable[Endpoint]) -> list[socket.socket]:
        """The listening TCP sockets of these addresses."""
        return [self._tcp[address] for address in addresses]

    def keep(self, ends: Iterable[socket.socket]) -> None:
        """In a child: close all sockets but these, so that closing them in the supervisor is the end of them."""
        kept = set(ends)
        for end in [*self._tcp.values(), *(end for group in self._udp.values() for end in group)]:
            if end not in kept:
                end.close()

    def close_all_but(self, dns: Iterable[Endpoint], streams: Iterable[Endpoint]) -> None:
        """Close what serves neither of these: DNS addresses, and addresses that are TCP alone."""
        kept = set(dns)
        for address in self._udp.keys() - kept:
            for end in self._udp.pop(address):
                end.close()
        for address in self._tcp.keys() - kept - set(streams):
            self._tcp.pop(address).close()


def open_udp(address: Endpoint) -> socket.socket:
    """Open one of the UDP sockets of an address.

    Raises:
        ServeError: the address can't be used.
    """
    end = _new(address, socket.SOCK_DGRAM)
    end.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    _enlarge_receive_buffer(end)
    return _bind(end, address, "UDP")


def open_tcp(address: Endpoint) -> socket.socket:
    """Open the listening TCP socket of an address.

    Raises:
        ServeError: the address can't be used.
    """
    end = _new(address, socket.SOCK_STREAM)
    # Connections of an earlier run that the kernel still remembers don't hinder; a server that listens does.
    end.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    _bind(end, address, "TCP")
    try:
        end.listen(BACKLOG)
    except OSError as error:
        end.close()
        raise _unusable(address, "TCP", error) from error
    return end


def check_udp_is_free(address: Endpoint) -> None:
    """Make sure that nobody has a UDP socket on an address.

    `SO_REUSEPORT` would let us share it with any process of the same user, a second SafeDNS say, and each would get
    half of the queries.

    Raises:
        ServeError: somebody has.
    """
    _bind(_new(address, socket.SOCK_DGRAM), address, "UDP").close()


def _new(address: Endpoint, kind: socket.SocketKind) -> socket.socket:
    family = socket.AF_INET6 if ":" in address.address else socket.AF_INET
    try:
        end = socket.socket(family, kind | socket.SOCK_NONBLOCK)
    except OSError as error:
        raise _unusable(address, "UDP" if kind == socket.SOCK_DGRAM else "TCP", error) from error
    if family == socket.AF_INET6:
        # "::" must not take 0.0.0.0 as well: that is a listening address of its own.
        end.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    return end


def _bind(end: socket.socket, address: Endpoint, protocol: str) -> socket.socket:
    try:
        end.bind(address)
    except OSError as error:
        end.close()
        raise _unusable(address, protocol, error) from error
    return end


def _enlarge_receive_buffer(end: socket.socket) -> None:
    try:
        # Beyond the system's limit (net.core.rmem_max), which on most systems is 208 KiB; only root may.
        end.setsockopt(socket.SOL_SOCKET, getattr(socket, "SO_RCVBUFFORCE", 33), UDP_BUFFER)
    except PermissionError:
        end.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, UDP_BUFFER)


def _unusable(address: Endpoint, protocol: str, error: OSError) -> ServeError:
    match error.errno:
        case errno.EADDRINUSE:
            holder = find_holder(address, protocol)
            by = f"it is in use by {holder}" if holder else "another program uses it"
            advice = f"{by}; stop that program or listen on another port"
        case errno.EACCES | errno.EPERM:
            advice = (
                "there is no permission; start as root, give the program the capability CAP_NET_BIND_SERVICE,"
                " or listen on a port from 1024 up"
            )
        case errno.EADDRNOTAVAIL:
            advice = "this machine has no such address; set one that it has ('ip address' shows them)"
        case errno.EAFNOSUPPORT:
            advice = "the system has no IPv6; leave the address out"
        case _:
            advice = f"the system says: {os.strerror(error.errno or 0)}"
    return ServeError(f"expected to listen on {address} ({protocol}), but {advice}")


def find_holder(address: Endpoint, protocol: str) -> str | None:
    """Say which program has a port, as `name (process 123)`, if the system lets us see."""
    inodes = _inodes(address.port, protocol)
    for link in Path("/proc").glob("[0-9]*/fd/*"):
        try:
            target = os.readlink(link)  # noqa: PTH115 - the target is no path
            if target.startswith("socket:[") and target[8:-1] in inodes:
                process = link.parent.parent
                return f"{(process / 'comm').read_text().strip()} (process {process.name})"
        except OSError:
            # Another user's process, or one that just ended: this is a courtesy, not a search to rely on.
            continue
    return None


def _inodes(port: int, protocol: str) -> set[str]:
    """Inodes of the sockets bound to a port on any address, listening ones if TCP (proc(5))."""
    found = set()
    for table in (Path(f"/proc/net/{protocol.lower()}{version}") for version in ("", "6")):
        if not table.exists():
            continue
        for row in table.read_text().splitlines()[1:]:
            fields = row.split()
            bound = int(fields[1].rpartition(":")[2], 16) == port
            if bound and (protocol == "UDP" or fields[3] == TCP_LISTEN):
                found.add(fields[9])
    return found
