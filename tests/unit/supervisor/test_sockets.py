import errno
import os
import socket

import pytest

from safedns.config.units import Endpoint
from safedns.errors import ServeError
from safedns.supervisor import sockets
from safedns.supervisor.sockets import Sockets, find_holder
from tests.helpers.service import free_port


@pytest.fixture
def opened():
    """Sockets that are closed in the end."""
    holder = Sockets()
    yield holder
    holder.close_all_but([], [])


@pytest.fixture
def here():
    return Endpoint("127.0.0.1", free_port())


def test_each_worker_has_its_udp_socket_and_all_share_tcp(opened, here):
    opened.open([here], 3, [])
    udp = [opened.udp([here], worker, 3) for worker in range(3)]
    assert [len(ends) for ends in udp] == [1, 1, 1]
    assert len({ends[0].fileno() for ends in udp}) == 3
    assert len(opened.tcp([here])) == 1


def test_fewer_workers_read_all_sockets_among_them(opened, here):
    opened.open([here], 3, [])
    everything = {end for worker in range(3) for end in opened.udp([here], worker, 3)}
    opened.open([here], 2, [])
    shares = [opened.udp([here], worker, 2) for worker in range(2)]
    assert {end for share in shares for end in share} == everything
    assert sum(map(len, shares)) == 3


def test_opening_again_keeps_what_is_open(opened, here):
    opened.open([here], 1, [])
    before = [*opened.udp([here], 0, 1), *opened.tcp([here])]
    opened.open([here], 1, [])
    assert [*opened.udp([here], 0, 1), *opened.tcp([here])] == before


def test_sockets_never_block_and_have_room(opened, here):
    opened.open([here], 1, [])
    (udp,), (tcp,) = opened.udp([here], 0, 1), opened.tcp([here])
    assert not udp.getblocking()
    assert not tcp.getblocking()
    assert not udp.get_inheritable()
    with socket.socket(type=socket.SOCK_DGRAM) as plain:
        default = plain.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)
    assert udp.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) > default


def test_both_address_families_may_have_the_same_port(opened):
    port = free_port()
    both = [Endpoint("::", port), Endpoint("0.0.0.0", port)]
    opened.open(both, 2, [])
    assert len(opened.udp(both, 0, 2)) == 2


@pytest.mark.parametrize("kind", [socket.SOCK_DGRAM, socket.SOCK_STREAM])
@pytest.mark.parametrize("reuse", [False, True])
def test_a_port_in_use_leaves_all_as_it_was(opened, here, kind, reuse):
    opened.open([here], 1, [])
    other = Endpoint("127.0.0.1", free_port())
    with socket.socket(type=kind) as holder:
        if reuse:
            holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        holder.bind(other)
        if kind == socket.SOCK_STREAM:
            holder.listen()
        with pytest.raises(ServeError) as raised:
            opened.open([here, other], 4, [])
    assert str(other) in str(raised.value)
    assert f"(process {os.getpid()})" in str(raised.value)
    # A socket too many in the kernel's group would get queries that nobody reads.
    opened.open([here], 1, [])
    assert len(opened.udp([here], 0, 1)) == 1
    with socket.socket(type=socket.SOCK_DGRAM) as free:
        free.bind(other)


def test_closing_leaves_what_is_named(opened, here):
    other, page = Endpoint("127.0.0.1", free_port()), Endpoint("127.0.0.1", free_port())
    opened.open([here, other], 2, [page])
    opened.close_all_but([here], [page])
    assert opened.udp([here], 0, 2)
    assert opened.tcp([here, page])
    for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
        with socket.socket(type=kind) as free:
            free.bind(other)


def test_a_child_closes_what_is_not_its_own(opened, here):
    opened.open([here], 2, [])
    mine = opened.udp([here], 1, 2)
    (not_mine,) = opened.udp([here], 0, 2)
    (tcp,) = opened.tcp([here])
    opened.keep(mine)
    assert [end.fileno() == -1 for end in (*mine, not_mine, tcp)] == [False, True, True]


def test_who_has_a_port_is_found_by_its_name(here):
    with socket.socket(type=socket.SOCK_DGRAM) as holder:
        holder.bind(here)
        assert find_holder(here, "UDP").endswith(f"(process {os.getpid()})")
        assert find_holder(here, "TCP") is None


@pytest.mark.parametrize(
    ("number", "advice"),
    [
        (errno.EACCES, "CAP_NET_BIND_SERVICE"),
        (errno.EADDRNOTAVAIL, "no such address"),
        (errno.EAFNOSUPPORT, "no IPv6"),
        (errno.ENOBUFS, "No buffer space available"),
    ],
)
def test_what_the_system_refuses_is_one_sentence_with_what_to_do(here, number, advice, monkeypatch):
    class Refusing(socket.socket):
        def bind(self, _address):
            raise OSError(number, os.strerror(number))

    monkeypatch.setattr(sockets.socket, "socket", Refusing)
    with pytest.raises(ServeError, match=advice) as raised:
        sockets.open_udp(here)
    assert str(here) in str(raised.value)
    assert "\n" not in str(raised.value)
