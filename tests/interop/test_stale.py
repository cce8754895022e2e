"""Stale answers that should stand in and do not (RFC 8767). To be run from tests/interop."""

import time

import dns.rcode

from tests.helpers.messages import addresses, extended_error, make_reply
from tests.helpers.service import Service, write_list
from tests.helpers.upstream import Upstream
from tests.interop.test_caching import GOOD, SOA, ask


def test_c16_an_answer_that_is_stale_stands_in_after_a_reload_too(tmp_path):
    write_list(tmp_path / "list.bin", ["casino.example"], serial=1)
    with Upstream(lambda asked: make_reply(asked.wire, f"{asked.name} 1 IN A {GOOD}")) as upstream:
        config = {"upstream": {"servers": [upstream.server]}, "blocklist": {"file": str(tmp_path / "list.bin")}}
        with Service(tmp_path, **config) as service:
            assert addresses(ask(service, "stale.example")) == [GOOD]
            upstream.respond = lambda _: None
            write_list(tmp_path / "list.bin", ["casino.example", "other.example"], serial=2)
            time.sleep(1.5)
            assert addresses(ask(service, "stale.example")) == [GOOD]


def test_c23_a_stale_nxdomain_stands_in(tmp_path):
    def respond(asked):
        return make_reply(asked.wire, rcode="NXDOMAIN", authority=[f"c.example. 1 IN SOA {SOA} 1"])

    with Upstream(respond) as upstream, Service(tmp_path, upstream={"servers": [upstream.server]}) as service:
        assert ask(service, "nx.c.example").rcode() == dns.rcode.NXDOMAIN
        upstream.respond = lambda _: None
        time.sleep(1.2)
        reply = ask(service, "nx.c.example", use_edns=0)
        assert (reply.rcode(), extended_error(reply)) == (dns.rcode.NXDOMAIN, 19)
